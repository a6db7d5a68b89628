"""Metric lines of one product: its state, and its figures over all windows."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.exporters.budget_lines import BUDGET_COLUMNS, BudgetLines
from monitor.exporters.columns import Texts
from monitor.exporters.downtime_causes import Causes, DowntimeCauses
from monitor.exporters.exposition import exemplar, series
from monitor.exporters.families import PRODUCT_FAMILIES, ProductColumn
from monitor.exporters.incident_labels import incident_labels
from monitor.exporters.window_lines import BOUNDS, CalendarLines, WindowLines, label_of, window_name
from sla import availability as figures
from sla.alerting import BURN_POLICIES, LOOK_BACKS, LookBacks, burn_alerts
from sla.budget import objective_within
from sla.eras import EVER
from sla.gate import Answer
from sla.interval import SECOND, Interval
from sla.outage import evaluate_limit
from sla.readiness import ItemState
from sla.states import Durations, State
from sla.window import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from monitor.config.model import Product
    from monitor.exporters.confirmed import Confirmed
    from monitor.exporters.readiness import ReadinessFigures
    from monitor.health import Health
    from sla.calendar import Window
    from sla.eras import Eras
    from sla.gate_override import GateOverride
    from sla.incident import Incident
    from sla.objective import Objective

_WINDOW_COLUMNS = slice(ProductColumn.AVAILABILITY, ProductColumn.BURN_RATE + 1)  # set together
_STATES = (("up", State.UP), ("down", State.DOWN), ("unknown", State.UNKNOWN))
_TROUBLED_WINDOW = WINDOWS["6h"]


class ProductLines:
    """Samples of one product, one text per family of PRODUCT_FAMILIES (empty without a sample).

    `measured_at` is the instant of the figures, `window_durations` are those of the product's window. `state` is the
    product's state at that instant, `up` whether that is up. `recently_down`: not up then, or down in the last 6 hours.
    """

    __slots__ = (
        "_alert_prefixes",
        "_budget",
        "_burns",
        "_calendar",
        "_cause_prefixes",
        "_causes",
        "_confirmed",
        "_contractual",
        "_contractual_prefixes",
        "_gate_texts",
        "_health",
        "_history",
        "_lengths",
        "_point",
        "_prefixes",
        "_readiness",
        "_states",
        "_window_prefix",
        "_windows",
        "_zone",
        "limits",
        "measured_at",
        "override",
        "product",
        "recently_down",
        "state",
        "texts",
        "up",
        "window_durations",
    )

    def __init__(
        self,
        product: Product,
        history: Eras,
        health: Health,
        confirmed: Confirmed[int],
        dependencies: Mapping[str, Eras],
        readiness: ReadinessFigures,
        zone: tzinfo,
    ) -> None:
        self.product = product
        self._history = history
        self._health, self._confirmed, self._readiness = health, confirmed, readiness
        self.measured_at: int | None = None
        self.window_durations: Durations | None = None
        self.state, self.up, self.recently_down = State.UNKNOWN, False, True
        self.override: GateOverride | None = None
        self._point: State | None = None
        self._burns: list[Fraction] = []
        self._contractual: Durations | None = None
        window, is_calendar = label_of(product.window), product.window.period is not None
        self._zone, lengths = zone, {*WINDOWS.values(), *LOOK_BACKS}
        self._lengths = sorted(lengths if is_calendar else lengths | {product.window.length})
        self._windows = WindowLines(product.id, product.window.length, self._lengths)
        self._calendar = CalendarLines(product.id, window) if is_calendar else None
        self._budget = BudgetLines(product)
        self._prefixes = tuple(series(family.name, product=product.id) for family in PRODUCT_FAMILIES)
        self._states = [(self._series(ProductColumn.STATE, state=name), state) for name, state in _STATES]
        self._alert_prefixes = [
            self._series(ProductColumn.ALERTING_BURN_RATE, window=window_name(policy.long)) for policy in BURN_POLICIES
        ]
        self._contractual_prefixes = [
            self._series(ProductColumn.CONTRACTUAL_AVAILABILITY, window=window, bound=b) for b in BOUNDS
        ]
        gate_prefixes = {answer: self._series(ProductColumn.GATE_STATE, state=answer.value) for answer in Answer}
        self._gate_texts = {
            current: "".join(f"{prefix}{current is answer:d}\n" for answer, prefix in gate_prefixes.items())
            for current in Answer
        }
        self._window_prefix = self._series(ProductColumn.OBJECTIVE_WINDOW, window=window)
        self._causes = DowntimeCauses(history, dependencies) if dependencies else None
        self._cause_prefixes = [
            self._series(ProductColumn.DOWNTIME_CAUSE, window=window, cause=c) for c in Causes._fields
        ]
        self.texts = Texts([""] * len(PRODUCT_FAMILIES))
        self.limits = tuple(product.agreement.limits())
        self._set_definition()

    @property
    def version(self) -> int:
        """The number of changes of the texts."""
        return self.texts.version

    def _series(self, column: ProductColumn, **labels: str) -> str:
        return series(PRODUCT_FAMILIES[column].name, product=self.product.id, **labels)

    def _set(self, column: ProductColumn, value: float | str | None) -> None:
        """Set the sample of a family with one sample per product; None for no sample."""
        self.texts[column] = "" if value is None else f"{self._prefixes[column]}{value}\n"

    def _set_definition(self) -> None:
        """Set the samples that depend only on the definition."""
        product = self.product
        for policy in BURN_POLICIES:
            can_fire = product.burn_obstacle(policy) is None
            window = window_name(policy.long)
            if can_fire:
                prefix = self._series(ProductColumn.BURN_ALERT_THRESHOLD, window=window)
                self.texts[ProductColumn.BURN_ALERT_THRESHOLD] += _line(prefix, policy.factor(product.window.length))
            prefix = self._series(ProductColumn.BURN_ALERT_POSSIBLE, window=window)
            self.texts[ProductColumn.BURN_ALERT_POSSIBLE] += f"{prefix}{can_fire:d}\n"
        self._set(ProductColumn.OBJECTIVE, float(product.objective.ratio))
        self.texts[ProductColumn.OBJECTIVE_WINDOW] = f"{self._window_prefix}{product.window.length / SECOND!r}\n"
        self.texts[ProductColumn.OUTAGE_LIMIT] = "".join(
            f"{self._series(ProductColumn.OUTAGE_LIMIT, promise=limit.kind.value)}{limit.limit / SECOND!r}\n"
            for limit in self.limits
        )
        self.texts[ProductColumn.DEPENDENCY_INFO] = "".join(
            f"{self._series(ProductColumn.DEPENDENCY_INFO, dependency=name)}1\n" for name in product.needs
        )

    def measure(self, now: int) -> Iterator[None]:
        """Update state and figures to `now`. Yields after each step, because a step may take milliseconds."""
        self._history.precompute()
        yield
        self.state = state = self._history.state(now)
        point = state.point
        yield
        if point is not self._point:
            self._set_point(point)
        window = self.product.window.at(now, self._zone)
        measured = self._measure_windows(now, window)
        look_backs = LookBacks(self._history, now, measured)
        self.recently_down = not self.up or figures.estimated_downtime(measured[_TROUBLED_WINDOW]) > 0
        alerts = burn_alerts(self.product.objective, self.product.window.length, state.estimate, look_backs)
        if (burns := [alert.burn for alert in alerts]) != self._burns:
            self._burns = burns
            lines = map(_line, self._alert_prefixes, burns)
            self.texts[ProductColumn.ALERTING_BURN_RATE] = "".join(lines)
        self._set_readiness(now)
        down = self._confirmed.offer(self._certainly_down(measured, now), self._health)
        self._set(ProductColumn.CERTAIN_DOWNTIME, None if down is None else down / SECOND)
        if self._causes is not None:
            yield from self._split(self._causes, window.measured)
        self.measured_at = now

    def _set_point(self, point: State) -> None:
        self._point, self.up = point, point is State.UP
        self.texts[ProductColumn.STATE] = "".join([f"{line}{point is state:d}\n" for line, state in self._states])
        self._set(ProductColumn.UP, None if point is State.UNKNOWN else int(self.up))

    def _measure_windows(self, now: int, window: Window) -> Mapping[int, Durations]:
        """Set the figures of all windows, and return the durations of all look-backs."""
        history, product = self._history, self.product
        starts = [now - length for length in self._lengths]
        if self._calendar is not None:
            starts.append(window.measured.start)
        durations = history.durations_to(now, starts)
        measured = dict(zip(self._lengths, durations, strict=False))
        own = measured[product.window.length] if self._calendar is None else durations[-1]
        look_backs = LookBacks(history, now, measured)
        parts = history.objectives(Interval(now - self._lengths[-1], now))

        def objective_of(length: int) -> Objective:
            if len(parts) > 1:
                return objective_within(history, Interval(now - length, now), product.objective)
            return parts[0][1] if parts else product.objective

        self.texts[_WINDOW_COLUMNS] = self._windows.texts(measured, objective_of)
        if self._calendar is not None:
            self._add_calendar(self._calendar, own, window)
        for column, text in zip(BUDGET_COLUMNS, self._budget.texts(look_backs, window, own), strict=True):
            self.texts[column] = text
        self.window_durations = own
        return measured

    def _add_calendar(self, lines: CalendarLines, durations: Durations, window: Window) -> None:
        """Add the samples of the product's calendar window, and set its current length."""
        objective = objective_within(self._history, window.measured, self.product.objective)
        self.texts[_WINDOW_COLUMNS] = map(str.__add__, self.texts[_WINDOW_COLUMNS], lines.texts(durations, objective))
        self.texts[ProductColumn.OBJECTIVE_WINDOW] = f"{self._window_prefix}{window.full.length / SECOND!r}\n"

    def _split(self, causes: DowntimeCauses, window: Interval) -> Iterator[None]:
        split = yield from causes.over(window)
        pairs = zip(self._cause_prefixes, split, strict=True)
        self.texts[ProductColumn.DOWNTIME_CAUSE] = "".join([f"{prefix}{us / SECOND!r}\n" for prefix, us in pairs])

    def _set_readiness(self, now: int) -> None:
        """Set ceiling and items if the readiness was recomputed."""
        if self._readiness.update(now):
            readiness = self._readiness.newest
            ceiling = None if readiness is None or readiness.ceiling is None else float(readiness.ceiling)
            self._set(ProductColumn.CLAIM_CEILING, ceiling)
            self._set(ProductColumn.READINESS_CEILING, ceiling)
            states = () if readiness is None else ((state.value, readiness.count(state)) for state in ItemState)
            self.texts[ProductColumn.READINESS_ITEMS] = "".join(
                f"{self._series(ProductColumn.READINESS_ITEMS, state=state)}{count}\n" for state, count in states
            )

    def _certainly_down(self, measured: Mapping[int, Durations], now: int) -> int:
        """Return the certain downtime on record in microseconds.

        It never decreases: later observations do not reduce certain downtime (measurement.md, section 2), and a new
        definition does not affect earlier time.
        """
        if (decided := self._history.decided_until(now)) < now:
            return self._history.durations(Interval(EVER, decided)).down
        longest = max(measured)
        return measured[longest].down + self._history.durations(Interval(EVER, now - longest)).down

    def set_contractual(self, contractual: Durations) -> None:
        """Set the contractual availability, from the durations of the product's window after exclusions."""
        if contractual != self._contractual:
            self._contractual = contractual
            lines = map(_line, self._contractual_prefixes, figures.shares(contractual).availability)
            self.texts[ProductColumn.CONTRACTUAL_AVAILABILITY] = "".join(lines)

    def set_outages(self, history: Eras, excluded: Sequence[Interval], window: Interval) -> None:
        """Set the contractual outages to which limits apply. `history` is the contractual one."""
        self.texts[ProductColumn.OUTAGE_SECONDS] = "".join(self._outages(history, excluded, window))

    def _outages(self, history: Eras, excluded: Sequence[Interval], window: Interval) -> Iterator[str]:
        for limit in self.limits:
            for bound, length in evaluate_limit(limit, history, window, excluded).measured._asdict().items():
                prefix = self._series(ProductColumn.OUTAGE_SECONDS, promise=limit.kind.value, bound=bound)
                yield f"{prefix}{length / SECOND!r}\n"

    def set_gate(self, answer: Answer, override: GateOverride | None) -> None:
        """Set the answer of the release gate, and the override that caused it, if any."""
        self.override = override
        self.texts[ProductColumn.GATE_STATE] = self._gate_texts[answer]

    def set_incident_count(self, incidents: int | None, newest: Incident | None) -> None:
        """Set the number of recorded incidents (None before they are on disk), with the newest one as exemplar."""
        example = "" if newest is None else exemplar(newest.opened, incident=newest.id)
        self._set(ProductColumn.INCIDENTS, None if incidents is None else f"{incidents}{example}")

    def set_open_incidents(self, still_open: Sequence[Incident], limit: int) -> None:
        """Set the number of open incidents, and the info samples of the first `limit` of them."""
        self._set(ProductColumn.INCIDENTS_OPEN, len(still_open))
        column = ProductColumn.OPEN_INCIDENT_INFO
        lines = [f"{self._series(column, **incident_labels(incident))}1\n" for incident in still_open[:limit]]
        self.texts[column] = "".join(lines)

    def set_degraded(self, degraded: bool | None) -> None:
        """Set whether the product is degraded; None unless it is up."""
        self._set(ProductColumn.DEGRADED, None if degraded is None else int(degraded))

    def set_outage(self, ongoing: bool | None) -> None:
        """Set whether the product is in an outage; None if unknown."""
        self._set(ProductColumn.OUTAGE, None if ongoing is None else int(ongoing))


def _line(prefix: str, value: Fraction | float | None) -> str:
    return "" if value is None else f"{prefix}{float(value)!r}\n"
