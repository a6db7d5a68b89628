"""What the pages show, as plain values. A ledger and an instant go in; nothing here knows of HTTP or HTML."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.views.degradations import degradations
from monitor.views.formatting import Moment, StateBadge, days, moment, nines_scale, state_badge
from sla.availability import Bounds, Verdict
from sla.interval import SECOND, Interval
from sla.objective import format_duration, format_percent
from sla.state_history import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.check_entry import CheckEntry
    from monitor.config.model import Product
    from monitor.health import Health
    from monitor.ledger import Ledger
    from sla.budget import Forecast
    from sla.eras import Eras
    from sla.incident import Failure, Incident
    from sla.measured import Measured
    from sla.readiness import Readiness

SCALE = 240.0
ASSUMPTION = (
    "The bounds assume at most one change of state between consecutive probes. An outage shorter than the interval "
    "between probes can go undetected."
)
PROVISIONAL = "Provisional: the end of the window can still change, because probes in it have not finished."
DURATION_NOTE = (
    "Duration: from the first bad probe to the first good one. Downtime: as in the figures, where a change of state is "
    "estimated half-way between the two probes that differ."
)


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What stands on every page: when it was made, how fresh its data is, and what to be warned of."""

    made: Moment
    zone: str
    newest: Moment | None
    newest_age: int
    stale: bool
    degraded: list[str]
    seeded_until: Moment | None


def page_frame(ledger: Ledger, health: Health, entries: Iterable[CheckEntry], now: int) -> PageFrame:
    """Return the frame of a page about these checks.

    It is stale once the newest observation is older than every check's own hold: something must have come by then.
    """
    zone = ledger.portfolio.zone
    known = [(entry.timeline.last_at, entry.hold) for entry in entries]
    newest = max((at for at, _ in known if at is not None), default=None)
    stale = newest is not None and all(at is None or now > at + hold for at, hold in known)
    seeded = ledger.seeded_until
    return PageFrame(
        made=moment(now, zone),
        zone=ledger.portfolio.time_zone,
        newest=None if newest is None else moment(newest, zone),
        newest_age=0 if newest is None else max(0, now - newest),
        stale=stale,
        degraded=degradations(health),
        seeded_until=None if seeded is None else moment(seeded, zone),
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """Where bounds, point and objective stand on the scale of nines, 0 to SCALE; None where there is no figure."""

    low: float | None
    point: float | None
    high: float | None
    objective: float


@dataclass(frozen=True, slots=True)
class Row:
    """A product over its own window."""

    id: str
    name: str
    team: str
    rule: str
    badge: StateBadge
    window: int
    bounds: Bounds[Fraction | None]
    coverage: Fraction | None
    allowed: Fraction
    remaining: Fraction
    objective: str
    ceiling: Fraction | None
    capped: bool
    open_incidents: int
    scale: Scale


def open_incidents(ledger: Ledger) -> Counter[str]:
    """Return how many open incidents each product has: one pass over the incidents, not one a product."""
    return Counter(incident.product for incident in ledger.incidents if incident.resolved is None)


def row(product: Product, state: State, measured: Measured, readiness: Readiness | None, open_incidents: int) -> Row:
    """Return the product's line in the portfolio from its figures over its own window."""
    bounds, budget = measured.availability, measured.budget
    assert budget is not None, "a product has an objective"  # noqa: S101 - for the type checker
    places = [None if ratio is None else nines_scale(ratio, SCALE) for ratio in bounds]
    goal = product.objective.ratio
    ceiling = readiness.ceiling if readiness else None
    return Row(
        id=product.id,
        name=product.name,
        team=product.team or "",
        rule=rule_text(product),
        badge=state_badge(state),
        window=product.window,
        bounds=bounds,
        coverage=measured.coverage,
        allowed=budget.allowed,
        remaining=budget.remaining,
        objective=str(product.objective),
        ceiling=ceiling,
        capped=ceiling is not None and ceiling < goal,
        open_incidents=open_incidents,
        scale=Scale(places[0], places[1], places[2], nines_scale(goal, SCALE)),
    )


def rule_text(product: Product) -> str:
    """Return which checks must be up for the product to be up: `any of 3 checks`."""
    count, k = len(product.checks), product.rule.needed(len(product.checks))
    if count == 1:
        return "1 check"
    return f"all {count} checks" if k == count else f"any of {count} checks" if k == 1 else f"{k} of {count} checks"


def rule_sentence(product: Product) -> str:
    """Return when the product is up, as a sentence without its full stop."""
    count, k = len(product.checks), product.rule.needed(len(product.checks))
    if count == 2 and k == 2:
        return "Up when both checks are up"
    return f"Up when {'its check' if count == 1 else rule_text(product)} {'is' if k == 1 else 'are'} up"


@dataclass(frozen=True, slots=True)
class ForecastText:
    """Whether what is left of a budget lasts, in words; they end with the instant, where there is one."""

    text: str
    until: Moment | None


def forecast_text(found: Forecast, zone: ZoneInfo) -> ForecastText:
    """Return what the forecast says of a budget that is not spent."""
    last = f"the last {days(found.over)}"
    if found.burn is None:
        return ForecastText(f"No budget forecast: {last} are unknown", None)
    if found.exhausted_at is None:
        return ForecastText(f"At the burn rate of {last}, the budget lasts", None)
    return ForecastText(f"At the burn rate of {last}, the budget runs out at", moment(found.exhausted_at, zone))


def watched_text(measured: Measured, zone: ZoneInfo) -> str | None:
    """Return what is known of a young record: since when, what was seen, and when the objective can be decided.

    None where the record reaches back to the window's start.
    """
    found = measured.watched
    if found is None:
        return None
    low, point, high = found.availability
    length = format_duration(measured.window.end - found.since)
    said = f"Observed since {moment(found.since, zone).local} ({length}): {format_percent(point)}, between "
    said += f"{format_percent(low)} and {format_percent(high)}"
    if found.decidable_at is None:
        return f"{said}; in this window the objective can no longer be shown as met"
    if found.decidable_at <= measured.window.end:
        return said
    return f"{said}; a verdict is possible from {moment(found.decidable_at, zone).local}"


def guessed_text(history: Eras, measured: Measured) -> str | None:
    """Return how long the estimate rested on some of the checks only, and on how many; None where it never did."""
    guessed = measured.durations.guessed_up + measured.durations.guessed_down
    if not guessed:
        return None
    last = [each for each in history.pieces(measured.window) if each.state.is_guess][-1]
    known = sum(member.state(last.end - 1).estimate is not State.UNKNOWN for member in history.members)
    return f"Estimated from {known} of {len(history.members)} checks for {format_duration(guessed)}"


_VERDICTS = {
    Verdict.MET: "met: the minimum reaches it",
    Verdict.MISSED: "missed: the maximum is below it",
}


def verdict_text(measured: Measured) -> str:
    """Return what the record decides about the objective, and what keeps it open if it does not."""
    if (text := _VERDICTS.get(measured.verdict or Verdict.UNDECIDED)) is not None:
        return text
    durations = measured.durations
    point = measured.point_meets_objective
    guess = "no estimate" if point is None else "estimate meets it" if point else "estimate misses it"
    open_ = [(durations.doubt, "in doubt"), (durations.unknown, "unknown")]
    parts = " and ".join(f"{format_duration(us)} {word}" for us, word in open_ if us)
    return f"undecided ({guess}); {parts}" if parts else f"undecided ({guess})"


@dataclass(frozen=True, slots=True)
class StandingLine:
    """One prerequisite: whether somebody vouches for it, and who, until when; while nobody does it caps the claim."""

    title: str
    met: bool
    by: str
    until: Moment | None
    cap: Fraction


def standings(readiness: Readiness | None, zone: ZoneInfo) -> list[StandingLine]:
    """Return the prerequisites, the unmet ones first; none where the product is held against no checklist."""
    lines = [
        StandingLine(
            title=each.item.title,
            met=each.met,
            by=each.attestation.by if each.attestation else "",
            until=moment(each.attestation.until, zone) if each.attestation else None,
            cap=each.item.cap,
        )
        for each in (readiness.standings if readiness else ())
    ]
    return sorted(lines, key=lambda line: line.met)


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One incident. `seen` is what its first and last failing probes found.

    `lasted` and `downtime` are microseconds, the second None until it is settled. `part` is the downtime in the
    product's own window, of the length `window`; None where all of it lies there.
    """

    product: str
    check: str
    opened: Moment
    open: bool
    reason: str
    seen: list[str]
    lasted: int
    downtime: int | None
    part: int | None
    window: int


def failure_texts(incident: Incident) -> list[str]:
    """Return what the first failing probe found, and what the last one did where that differs; nothing unrecorded."""
    found = [_failure_text(each) for each in (incident.first, incident.last) if each is not None]
    return list(dict.fromkeys(filter(None, found)))


def _failure_text(failure: Failure) -> str:
    status = "" if failure.status is None else f"status {failure.status}"
    return ": ".join(filter(None, (status, failure.detail)))


def incident_line(ledger: Ledger, incident: Incident, now: int) -> IncidentLine:
    """Return the incident as a page lists it; one that is open has lasted up to now."""
    downtime, window = downtime_so_far(ledger, incident, now), ledger.products[incident.product].window
    found = incident.part(Interval(now - window, now), now, ledger.history(incident.check).timeline)
    part = 0 if found is None else found.part
    return IncidentLine(
        product=incident.product,
        check=incident.check.partition("/")[2],
        opened=moment(incident.opened, ledger.portfolio.zone),
        open=incident.resolved is None,
        reason=incident.reason,
        seen=failure_texts(ledger.current(incident)),
        lasted=(incident.resolved or now) - incident.opened,
        downtime=downtime,
        part=None if part == downtime else part,
        window=window,
    )


def downtime_so_far(ledger: Ledger, incident: Incident, now: int) -> int | None:
    """Return the incident's downtime, microseconds, up to now while it lasts; None where no timeline can tell."""
    entry = ledger.entries.get(incident.check)
    if incident.downtime is not None or entry is None:
        return incident.downtime
    return incident.downtime_until(incident.resolved or now, entry.timeline)


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check and what its last probe found. Durations are microseconds."""

    id: str
    kind: str
    target: str
    badge: StateBadge
    seen: bool
    outcome: str
    reason: str
    status: int | None
    detail: str
    age: int
    took: int | None
    phases: list[tuple[str, int]]
    interval: int


def check_line(entry: CheckEntry, now: int) -> CheckLine:
    """Return the check's line; before the first probe of this process only its recorded state is known."""
    last = entry.last
    result = None if last is None else last.result
    return CheckLine(
        id=entry.check.id,
        kind=entry.check.kind,
        target=entry.check.target,
        badge=state_badge(entry.timeline.state(now)),
        seen=last is not None,
        outcome=result.outcome.value if result else "",
        reason=result.reason if result else "",
        status=result.status if result else None,
        detail=result.detail if result else "",
        age=now - last.observation.at if last else 0,
        took=int(last.duration * SECOND) if last else None,
        phases=[(name, int(spent * SECOND)) for name, spent in result.phases.items()] if result else [],
        interval=entry.check.interval,
    )


def headline(badges: list[StateBadge]) -> str:
    """Return the portfolio's state in one line, the worst first."""
    words = [each.style for each in badges]
    down, unknown = words.count("down"), words.count("unknown")
    if down:
        return f"{down} of {len(badges)} products {'is' if down == 1 else 'are'} down"
    if unknown:
        return f"{unknown} of {len(badges)} products {'is' if unknown == 1 else 'are'} unknown"
    return f"All {len(badges)} products are up" if len(badges) > 1 else "The product is up"


def counts(badges: list[StateBadge]) -> list[tuple[StateBadge, int]]:
    """Return how many are in each state that occurs."""
    all_badges = [state_badge(state) for state in (State.UP, State.DOWN, State.UNKNOWN)]
    return [(each, badges.count(each)) for each in all_badges if badges.count(each)]
