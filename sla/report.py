"""All figures of a report on one product: its window, steps, months, trend, incidents and downtime split.

Every figure in it is a `Measured` of the same history and the same exclusions; nothing is computed a second way.
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

EARLIER = 6  # periods before the window that the trend looks back on, where the record reaches
MONTHS = 6  # of the budget, at least, where the record reaches
BY_DAY = 62 * DAY  # the longest window that is drawn day by day; longer ones by month


@dataclass(frozen=True, slots=True)
class Subject:
    """A product as a report needs it.

    `exclusions` returns what the agreement excludes from an interval, cause by cause. `interval` is the longest probing
    interval, microseconds. `dependencies` are the histories of what it depends on, by id; `checks` those of its own
    checks, by key, which measure incidents; `limits` are the promised limits on outages. `provisional` returns whether
    the raw and the contractual figures of a window that ends at an instant may still change.
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


@dataclass(frozen=True, slots=True)
class Step:
    """One period: a day, a month, an earlier window, with both its figures."""

    window: Window
    figures: AgreementFigures

    def as_json(self, product: str) -> dict[str, Any]:
        """Return both figures of the period, each in the one shape of section 11."""
        return {
            "raw": self.figures.raw.as_json(product=product),
            "contractual": self.figures.contractual.as_json(product=product),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What one product delivered in a window. All steps are in order of time.

    `steps` are the days of the window (its months, if it is long), `months` the calendar months that it touches and
    some before, `trend` the windows before it and itself. `incidents` are those that touch what was measured, as known
    at `at`, each with its whole downtime and the part in the window. Months and windows from before the record began
    are omitted.
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
        """Return everything: figures in the one shape of section 11, durations in seconds, null where there is none."""
        cut = totals(self.figures.audit)
        ready = self.readiness
        return {
            "product": self.product,
            "raw": self.figures.raw.as_json(product=self.product),
            "contractual": self.figures.contractual.as_json(product=self.product),
            "excluded_seconds_by_cause": {cause.value: us / SECOND for cause, us in cut.items()},
            "outage_limits": [each.as_json() for each in self.figures.outages],
            "exclusions": [piece.as_json() for piece in self.figures.audit],
            "incidents": [incident_json(each) for each in self.incidents],
            "steps_are": "months" if self.by_month else "days",
            "steps": [each.as_json(self.product) for each in self.steps],
            "months": [each.as_json(self.product) for each in self.months],
            "trend": [each.as_json(self.product) for each in self.trend],
            "blame": self.downtime_split.as_json(self.product) if self.downtime_split.dependency_durations else None,
            "claim_ceiling": None if ready is None or ready.ceiling is None else float(ready.ceiling),
            "claim_ceiling_reasons": [] if ready is None else [item.title for item in ready.causes],
        }


def incident_json(found: IncidentPart) -> dict[str, Any]:
    """Return the incident: instants RFC 3339 UTC, its downtime in seconds, so far while `resolved` is null.

    `downtime_in_window_seconds` is the part of it in the window.
    """
    incident, part = found.incident, found.part
    resolved, downtime = incident.resolved, incident.downtime
    return {
        "id": incident.id,
        "check": incident.check,
        "opened": format_instant(incident.opened),
        "resolved": None if resolved is None else format_instant(resolved),
        "reason": incident.reason,
        "downtime_seconds": None if downtime is None else downtime / SECOND,
        "downtime_in_window_seconds": None if part is None else part / SECOND,
        "first_failure": None if incident.first is None else incident.first.as_json(),
        "last_failure": None if incident.last is None else incident.last.as_json(),
    }


def report(product: str, subject: Subject, window: Window, zone: tzinfo, at: int | None = None) -> Report:
    """Return the report of the product over the window as known at `at`, by default at the window's end.

    `zone` is that of the days and months it is divided into.
    """
    known = subject.history.first
    begin = window.measured.end if known is None else known
    by_month = window.measured.length > BY_DAY
    period = Period.MONTH if by_month else Period.DAY
    steps = [_cut(each, window.measured) for each in _periods(period, window.measured, zone)]
    months = _months(window, begin, zone)
    earlier = [each for each in _earlier(window, zone) if each.measured.end > begin][::-1]
    every = (window, *steps, *months, *earlier)
    span = Interval(min(each.whole.start for each in every), max(each.whole.end for each in every))
    cut = subject.exclusions(required_history(subject.limits, span))

    def of(each: Window, limits: Sequence[OutageLimit] = ()) -> Step:
        rolling = each is window and each.rolling
        found = measure_agreement(
            subject.history, each, subject.objective, cut, interval=subject.interval, limits=limits, rolling=rolling
        )
        raw, contractual = subject.provisional(each.measured.end)
        return Step(each, found.mark_provisional(raw=raw, contractual=contractual))

    known_at = window.measured.end if at is None else at
    return Report(
        product,
        window,
        of(window, subject.limits).figures,
        tuple(map(of, steps)),
        by_month,
        tuple(map(of, months)),
        tuple(map(of, (*earlier, window))),
        tuple(_incidents(subject, window.measured, known_at)),
        split_downtime(subject.history, subject.dependencies, window.measured),
        subject.readiness,
        known_at,
    )


def last_complete(period: Period, at: int, zone: tzinfo) -> Window:
    """Return the last window of the period that is over at the instant, called `last month`."""
    return replace(previous_window(period, at, zone), name=f"last {period}")


def _periods(period: Period, span: Interval, zone: tzinfo) -> Iterator[Window]:
    """Yield the calendar windows that the span touches, whole, in order."""
    at = span.start
    while at < span.end:
        found = calendar_window(period, at, zone)
        yield Window(found.name, found.whole, found.whole)
        at = found.whole.end


def _cut(window: Window, span: Interval) -> Window:
    """Return what of the window lies in the span; a budget is for that part alone."""
    part = Interval(max(window.whole.start, span.start), min(window.whole.end, span.end))
    return Window(window.name, part, part)


def _months(window: Window, begin: int, zone: tzinfo) -> list[Window]:
    """Return whole calendar months, the last as far as it is measured, none from before the record began."""
    found = list(_periods(Period.MONTH, window.measured, zone))
    while len(found) < MONTHS and found:
        found.insert(0, previous_window(Period.MONTH, found[0].whole.start, zone))
    end = window.measured.end
    upto = [replace(each, measured=Interval(each.whole.start, min(each.whole.end, end))) for each in found]
    return [each for each in upto if each.measured.end > max(begin, each.measured.start)]


def _earlier(window: Window, zone: tzinfo) -> Iterator[Window]:
    """Yield the windows before this one, the nearest first: the calendar's, or as long as this one, end to end."""
    length, name = window.measured.length, window.name.removeprefix("last ")
    at = window.whole.start
    for _ in range(EARLIER if length else 0):
        if name in tuple(Period):
            found = previous_window(Period(name), at, zone)
        else:
            span = Interval(at - length, at)
            found = Window(window.name, span, span)
        yield found
        at = found.whole.start


def _incidents(subject: Subject, span: Interval, at: int) -> Iterator[IncidentPart]:
    for each in sorted(subject.incidents, key=lambda incident: (incident.opened, incident.id)):
        if (found := each.part(span, at, subject.checks.get(each.check))) is not None:
            yield found
