"""Metric lines of one product: its state, and its figures over every window."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.exporters.downtime_causes import Causes, DowntimeCauses
from monitor.exporters.exposition import exemplar, series
from monitor.exporters.families import PRODUCT_FAMILIES
from sla import availability as figures
from sla.alerting import BURN_POLICIES, LENGTHS, LookBacks, burn_alerts
from sla.budget import FORECAST_SPAN, Budget, exhausted_at
from sla.eras import EVER
from sla.gate import Answer
from sla.interval import SECOND, Interval
from sla.objective import format_duration
from sla.outage import evaluate_limit
from sla.states import Durations, State
from sla.window import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import Product
    from monitor.exporters.confirmed import Confirmed
    from monitor.health import Health
    from sla.eras import Eras
    from sla.gate_override import GateOverride
    from sla.incident import Incident
    from sla.state_history import History

FAMILIES = PRODUCT_FAMILIES
DETAIL = 200  # characters of a failing probe's detail in a label
_ANSWERS = tuple(Answer)
_STATES = (("up", State.UP), ("down", State.DOWN), ("unknown", State.UNKNOWN))
_BOUNDS = ("low", "point", "high")
_TROUBLE = WINDOWS["6h"]


def window_name(length: int) -> str:
    """Return the window's label: `30d`."""
    names = (name for name, standard in WINDOWS.items() if standard == length)
    return next(names, format_duration(length).replace(" ", ""))


def nested(history: History, lengths: Iterable[int], now: int) -> Iterator[tuple[int, Durations]]:
    """Yield the durations of the windows that end at `now`, shortest first.

    Each adds a slice to the previous one, so that the time up to now is computed once.
    """
    total, end = Durations(), now
    for length in sorted(lengths):
        total = total.plus(history.durations(Interval(now - length, end)))
        end = now - length
        yield length, total


class ProductLines:
    """Samples of one product, one text per family of FAMILIES (empty without a sample).

    `measured_at` is the instant of the figures; `troubled` is true if the product is not up or was down in the last
    hours.
    """

    __slots__ = (
        "_burns",
        "_by_cause",
        "_causes",
        "_confirmed",
        "_contractual",
        "_exhaustion",
        "_firing",
        "_gate_texts",
        "_health",
        "_history",
        "_lengths",
        "_pace",
        "_plain",
        "_prefixes",
        "_states",
        "limits",
        "measured_at",
        "override",
        "product",
        "texts",
        "troubled",
    )

    def __init__(
        self,
        product: Product,
        history: Eras,
        health: Health,
        confirmed: Confirmed[int],
        dependencies: Mapping[str, Eras],
    ) -> None:
        self.product = product
        self._history = history
        self._health, self._confirmed = health, confirmed
        self.measured_at: int | None = None
        self.troubled = True
        self.override: GateOverride | None = None
        self._lengths = {*WINDOWS.values(), *LENGTHS, product.window}
        self._pace = min(FORECAST_SPAN, product.window)
        self._plain = tuple(series(family.name, product=product.id) for family in FAMILIES)
        own = window_name(product.window)
        self._plain = (
            *self._plain[:5],
            *(series(f.name, product=product.id, window=own) for f in FAMILIES[5:7]),
            *self._plain[7:],
        )
        self._states = [(series(FAMILIES[0].name, product=product.id, state=word), state) for word, state in _STATES]
        windows = {*WINDOWS.values(), product.window}
        self._prefixes = {length: self._of_window(window_name(length)) for length in windows}
        self._burns = {length: self._series(4, window_name(length)) for length in self._lengths}
        self._firing = [self._series(17, window_name(policy.long)) for policy in BURN_POLICIES]
        self._contractual = [series(FAMILIES[11].name, product=product.id, window=own, bound=b) for b in _BOUNDS]
        gates = [series(FAMILIES[24].name, product=product.id, state=each.value) for each in _ANSWERS]
        self._gate_texts = {
            found: "".join(f"{line}{found is each:d}\n" for line, each in zip(gates, _ANSWERS, strict=True))
            for found in _ANSWERS
        }
        self._causes = DowntimeCauses(history, dependencies) if dependencies else None
        self._by_cause = [series(FAMILIES[25].name, product=product.id, window=own, cause=c) for c in Causes._fields]
        self._exhaustion = series(FAMILIES[12].name, product=product.id, window=own)
        self.texts: list[str] = [""] * len(FAMILIES)
        self.limits = tuple(product.agreement.limits())
        self.texts[13] = "".join(
            f"{series(FAMILIES[13].name, product=product.id, promise=each.kind.value)}{each.limit / SECOND!r}\n"
            for each in self.limits
        )
        self.texts[7] = f"{self._plain[7]}{float(product.objective.ratio)!r}\n"
        self.texts[18:20] = self._policies()
        self.texts[20] = f"{self._series(20, own)}{product.window / SECOND!r}\n"
        self.texts[23] = "".join(
            f"{series(FAMILIES[23].name, product=product.id, dependency=each)}1\n" for each in product.needs
        )

    def _series(self, family: int, window: str) -> str:
        return series(FAMILIES[family].name, product=self.product.id, window=window)

    def _policies(self) -> tuple[str, str]:
        """Return the thresholds of the burn alerts and whether they can fire, which depend on the definition only."""
        product, thresholds, possible = self.product, "", ""
        for policy in BURN_POLICIES:
            able = product.burn_obstacle(policy) is None
            window = window_name(policy.long)
            thresholds += _line(self._series(18, window), policy.factor(product.window) if able else None)
            possible += f"{self._series(19, window)}{able:d}\n"
        return thresholds, possible

    def _of_window(self, window: str) -> tuple[list[str], str, list[str]]:
        names = {"product": self.product.id, "window": window}
        availability = [series(FAMILIES[1].name, **names, bound=bound) for bound in _BOUNDS]
        downtime = [series(FAMILIES[3].name, **names, bound=bound) for bound in _BOUNDS]
        return availability, series(FAMILIES[2].name, **names), downtime

    def measure(self, now: int) -> Iterator[None]:
        """Update state and figures to the instant, in steps, because each takes a while with 1,000 checks."""
        self._history.settle()
        yield
        state = self._history.state(now)
        point = state.point
        yield
        self.texts[0] = "".join([f"{line}{point is state:d}\n" for line, state in self._states])
        self.texts[22] = "" if point is State.UNKNOWN else f"{self._plain[22]}{point is State.UP:d}\n"
        columns: tuple[list[str], ...] = ([], [], [])
        burns = []
        self.troubled = point is not State.UP
        burn, measured = None, dict(nested(self._history, self._lengths, now))
        seen = LookBacks(self._history, now, measured)
        for length, durations in measured.items():
            rate = seen.burn(self.product.objective, length)
            burns.append(_line(self._burns[length], rate))
            if length in self._prefixes:
                for column, lines in zip(columns, self._window(length, durations), strict=True):
                    column.append(lines)
            if length == self._pace:
                burn = rate
            if length == self.product.window:
                self._budget(seen, burn)
            if length == _TROUBLE:
                self.troubled |= figures.downtime(durations).point > 0
        self.texts[1:5] = ["".join(column) for column in (*columns, burns)]
        alerts = burn_alerts(self.product.objective, self.product.window, state.estimate, seen)
        self.texts[17] = "".join([_line(line, alert.burn) for line, alert in zip(self._firing, alerts, strict=False)])
        readiness = self.product.readiness_at(now)
        self.texts[8] = _line(self._plain[8], readiness.ceiling if readiness else None)
        down = self._confirmed.offer(self._certainly_down(measured, now), self._health)
        self.texts[21] = "" if down is None else f"{self._plain[21]}{down / SECOND!r}\n"
        if self._causes is not None:
            yield from self._split(self._causes, Interval(now - self.product.window, now))
        self.measured_at = now

    def _split(self, causes: DowntimeCauses, window: Interval) -> Iterator[None]:
        found = yield from causes.over(window)
        self.texts[25] = "".join([_line(line, us / SECOND) for line, us in zip(self._by_cause, found, strict=True)])

    def _certainly_down(self, measured: Mapping[int, Durations], now: int) -> int:
        """Return the certain downtime on record, microseconds.

        It never falls: later observations subtract no certain downtime (measurement.md, section 2), and definitions do
        not affect the past.
        """
        if (decided := self._history.decided_until(now)) < now:
            return self._history.durations(Interval(EVER, decided)).down
        longest = max(measured)
        return measured[longest].down + self._history.durations(Interval(EVER, now - longest)).down

    def _window(self, length: int, durations: Durations) -> tuple[str, str, str]:
        availability, coverage, downtime = self._prefixes[length]
        shares = figures.shares(durations)
        return (
            "".join([_line(p, v) for p, v in zip(availability, shares.availability, strict=True)]),
            _line(coverage, shares.coverage),
            "".join([f"{p}{v / SECOND!r}\n" for p, v in zip(downtime, figures.downtime(durations), strict=True)]),
        )

    def _budget(self, seen: LookBacks, burn: Fraction | None) -> None:
        product = self.product
        spent = figures.downtime(seen.durations[product.window]).point
        held = Budget(seen.allowed(product.objective, product.window), Fraction(spent))
        self.texts[5] = _line(self._plain[5], held.allowed / SECOND)
        self.texts[6] = _line(self._plain[6], held.remaining / SECOND)
        end = exhausted_at(held, product.objective, burn, seen.at, product.window)
        self.texts[12] = _line(self._exhaustion, None if end is None else Fraction(end, SECOND))

    def agree(self, contractual: Durations) -> None:
        """Set the contractual availability from the durations of the product's own window after exclusions."""
        availability = figures.shares(contractual).availability
        self.texts[11] = "".join([_line(p, v) for p, v in zip(self._contractual, availability, strict=True)])

    def set_outages(self, excluded: Sequence[Interval], window: Interval) -> None:
        """Set the outages that the limits are about, after exclusions, over a window."""
        self.texts[14] = "".join(self._outages(excluded, window))

    def _outages(self, excluded: Sequence[Interval], window: Interval) -> Iterator[str]:
        for limit in self.limits:
            names = {"product": self.product.id, "promise": limit.kind.value}
            for bound, length in evaluate_limit(limit, self._history, window, excluded).measured._asdict().items():
                yield _line(series(FAMILIES[14].name, **names, bound=bound), Fraction(length, SECOND))

    def gate(self, answer: Answer, override: GateOverride | None) -> None:
        """Set the answer of the release gate, and the override that it is from."""
        self.override = override
        self.texts[24] = self._gate_texts[answer]

    def count(self, incidents: int | None, newest: Incident | None) -> None:
        """Set the number of recorded incidents, None before it is on disk; the newest is its exemplar."""
        example = "" if newest is None else exemplar(newest.opened, incident=newest.id)
        self.texts[9] = "" if incidents is None else f"{self._plain[9]}{incidents}{example}\n"

    def incidents(self, still_open: Sequence[Incident], most: int) -> None:
        """Set the number of open incidents, and the results of the first failing probes of at most so many."""
        self.texts[10] = f"{self._plain[10]}{len(still_open)}\n"
        self.texts[15] = "".join(f"{series(FAMILIES[15].name, **_info(each))}1\n" for each in still_open[:most])

    def outage(self, ongoing: bool | None) -> None:
        """Set whether the product is in an outage; None if unknown."""
        self.texts[16] = "" if ongoing is None else f"{self._plain[16]}{ongoing:d}\n"


def _info(incident: Incident) -> dict[str, str]:
    """Return an open incident's labels, from its first failing probe, so that they stay the same."""
    first = incident.first
    return {
        "product": incident.product,
        "check": incident.check.partition("/")[2],
        "incident": incident.id,
        "reason": incident.reason,
        "status": "" if first is None or first.status is None else str(first.status),
        "detail": "" if first is None else first.detail[:DETAIL],
    }


def _line(prefix: str, value: Fraction | float | None) -> str:
    return "" if value is None else f"{prefix}{float(value)!r}\n"
