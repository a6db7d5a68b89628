"""Compute the figures of a report on one product: window, steps, months, trend, incidents and downtime split.

Every figure is a `Measured` of the same history with the same exclusions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from sla.calendar import Period, Window, calendar_window, previous_window
from sla.downtime_split import DowntimeSplit, split_downtime
from sla.exclusion import AgreementFigures, Exclusion, measure_agreement, totals
from sla.interval import DAY, SECOND, Interval
from sla.outage import required_history
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.incident import Incident, IncidentPart
    from sla.objective import Objective
    from sla.outage import OutageLimit
    from sla.readiness import Readiness
    from sla.state_history import History

TREND_PERIODS = 6  # at most this many earlier windows in the trend
MIN_MONTHS = 6  # at least this many months, if the record is long enough
MAX_DAILY = 62 * DAY  # longer windows are divided into months instead of days


@dataclass(frozen=True, slots=True)
class Subject:
    """The data of a product for a report.

    `exclusions` returns the agreement's exclusions in an interval. `interval` is the longest probe interval,
    microseconds. `dependencies` has the histories of the dependencies by id. `checks` has the histories of the
    product's checks by key, for the downtime of incidents. `limits` are the promised limits on outages. `provisional`
    returns whether the raw and the contractual figures of a window that ends at an instant may still change.
    `contractual` is the history for the contractual figures; default: `history`.
    """

    history: History
    objective: Objective
    interval: int
    exclusions: Callable[[Interval], Sequence[Exclusion]]
    dependencies: Mapping[str, History] = field(default_factory=dict)
    incidents: Sequence[Incident] = ()
    readiness: Readiness | None = None
    checks: Mapping[str, History] = field(default_factory=dict)
    limits: Sequence[OutageLimit] = ()
    provisional: Callable[[int], tuple[bool, bool]] = lambda _: (False, False)
    contractual: History | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A period (day, month or earlier window) with its raw and contractual figures."""

    window: Window
    figures: AgreementFigures

    def as_json(self, product: str) -> dict[str, Any]:
        """Return both figures of the period in the format of measurement.md, section 11."""
        return {
            "raw": self.figures.raw.as_json(product=product),
            "contractual": self.figures.contractual.as_json(product=product),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one product in a window. All steps are in chronological order.

    `steps` are the days of the window, or the months of a long window. `months` are the calendar months that overlap
    the window, and some earlier months. `trend` has earlier windows and the window itself. `incidents` has the
    incidents in the measured time, as known at `at`, each with its total downtime and its downtime in the window.
    Months and windows before the start of the record are omitted.
    """

    product: str
    window: Window
    figures: AgreementFigures
    steps: tuple[Step, ...]
    by_month: bool
    months: tuple[Step, ...]
    trend: tuple[Step, ...]
    incidents: tuple[IncidentPart, ...]
    downtime_split: DowntimeSplit
    readiness: Readiness | None
    at: int

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON data: figures as in measurement.md, section 11, durations in seconds."""
        excluded = totals(self.figures.excluded_pieces)
        ready = self.readiness
        return {
            "product": self.product,
            "raw": self.figures.raw.as_json(product=self.product),
            "contractual": self.figures.contractual.as_json(product=self.product),
            "excluded_seconds_by_cause": {cause.value: us / SECOND for cause, us in excluded.items()},
            "outage_limits": [outage.as_json() for outage in self.figures.outages],
            "exclusions": [piece.as_json() for piece in self.figures.excluded_pieces],
            "incidents": [incident_json(incident) for incident in self.incidents],
            "steps_are": "months" if self.by_month else "days",
            "steps": [step.as_json(self.product) for step in self.steps],
            "months": [month.as_json(self.product) for month in self.months],
            "trend": [step.as_json(self.product) for step in self.trend],
            "blame": self.downtime_split.as_json(self.product) if self.downtime_split.dependency_durations else None,
            "claim_ceiling": None if ready is None or ready.ceiling is None else float(ready.ceiling),
            "claim_ceiling_reasons": [] if ready is None else [item.title for item in ready.causes],
        }


def incident_json(incident_part: IncidentPart) -> dict[str, Any]:
    """Return the incident as JSON data: instants as RFC 3339 in UTC, downtime in seconds.

    `downtime_in_window_seconds` is the downtime in the window. For an open incident (`resolved` null) it is the
    downtime until now.
    """
    incident, in_window = incident_part.incident, incident_part.downtime_in_window
    resolved, downtime = incident.resolved, incident.downtime
    return {
        "id": incident.id,
        "check": incident.check,
        "opened": format_instant(incident.opened),
        "resolved": None if resolved is None else format_instant(resolved),
        "reason": incident.reason,
        "downtime_seconds": None if downtime is None else downtime / SECOND,
        "downtime_in_window_seconds": None if in_window is None else in_window / SECOND,
        "first_failure": None if incident.first is None else incident.first.as_json(),
        "last_failure": None if incident.last is None else incident.last.as_json(),
    }


def report(product: str, subject: Subject, window: Window, zone: tzinfo, at: int | None = None) -> Report:
    """Return the report of the product over the window as known at `at`, by default at the window's end.

    `zone` is the time zone of its days and months.
    """
    known = subject.history.first
    begin = window.measured.end if known is None else known
    by_month = window.measured.length > MAX_DAILY
    period = Period.MONTH if by_month else Period.DAY
    steps = [_clip(step, window.measured) for step in _periods(period, window.measured, zone)]
    months = _months(window, begin, zone)
    earlier = [step for step in _earlier(window, zone) if step.measured.end > begin][::-1]
    windows = (window, *steps, *months, *earlier)
    span = Interval(min(window.full.start for window in windows), max(window.full.end for window in windows))
    exclusions = subject.exclusions(required_history(subject.limits, span))

    def step_of(step_window: Window, limits: Sequence[OutageLimit] = ()) -> Step:
        rolling = step_window is window and step_window.rolling
        figures = measure_agreement(
            subject.history,
            step_window,
            subject.objective,
            exclusions,
            interval=subject.interval,
            limits=limits,
            rolling=rolling,
            contractual=subject.contractual,
        )
        raw, contractual = subject.provisional(step_window.measured.end)
        return Step(step_window, figures.mark_provisional(raw=raw, contractual=contractual))

    known_at = window.measured.end if at is None else at
    return Report(
        product,
        window,
        step_of(window, subject.limits).figures,
        tuple(map(step_of, steps)),
        by_month,
        tuple(map(step_of, months)),
        tuple(map(step_of, (*earlier, window))),
        tuple(_incidents(subject, window.measured, known_at)),
        split_downtime(subject.history, subject.dependencies, window.measured),
        subject.readiness,
        known_at,
    )


def last_complete(period: Period, at: int, zone: tzinfo) -> Window:
    """Return the last complete window of the period at the instant, with a name such as `last month`."""
    return replace(previous_window(period, at, zone), name=f"last {period}")


def _periods(period: Period, span: Interval, zone: tzinfo) -> Iterator[Window]:
    """Yield the complete calendar windows that overlap the span, in order."""
    at = span.start
    while at < span.end:
        window = calendar_window(period, at, zone)
        yield Window(window.name, window.full, window.full)
        at = window.full.end


def _clip(window: Window, span: Interval) -> Window:
    """Return the part of the window in the span, as a window with its own budget."""
    part = Interval(max(window.full.start, span.start), min(window.full.end, span.end))
    return Window(window.name, part, part)


def _months(window: Window, begin: int, zone: tzinfo) -> list[Window]:
    """Return calendar months, the last one up to the end of the measured time, without months before the record."""
    months = list(_periods(Period.MONTH, window.measured, zone))
    while len(months) < MIN_MONTHS and months:
        months.insert(0, previous_window(Period.MONTH, months[0].full.start, zone))
    end = window.measured.end
    elapsed = [replace(window, measured=Interval(window.full.start, min(window.full.end, end))) for window in months]
    return [window for window in elapsed if window.measured.end > max(begin, window.measured.start)]


def _earlier(window: Window, zone: tzinfo) -> Iterator[Window]:
    """Yield the windows before this one, nearest first: calendar windows, or windows of the same length."""
    length, name = window.measured.length, window.name.removeprefix("last ")
    at = window.full.start
    for _ in range(TREND_PERIODS if length else 0):
        if name in tuple(Period):
            earlier_window = previous_window(Period(name), at, zone)
        else:
            span = Interval(at - length, at)
            earlier_window = Window(window.name, span, span)
        yield earlier_window
        at = earlier_window.full.start


def _incidents(subject: Subject, span: Interval, at: int) -> Iterator[IncidentPart]:
    for listed in sorted(subject.incidents, key=lambda incident: (incident.opened, incident.id)):
        if (part := listed.part(span, at, subject.checks.get(listed.check))) is not None:
            yield part
