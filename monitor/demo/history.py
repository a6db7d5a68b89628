"""Ninety days of plausible history for the demo's products, so that long windows have something to show.

Nothing here was observed: every run says `seeded`. It is the same history on every machine, laid back from the moment
of seeding: the chapters below are literal, small disturbances are drawn from a hash of the product's id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from monitor.storage.store import Batch
from sla.incident import IncidentTracker, Opened
from sla.interval import DAY, MILLISECOND, MINUTE, SECOND, Interval
from sla.observation import Outcome, Run
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from monitor.config.model import CheckBase, Portfolio, Product
    from monitor.storage.store import Store
    from sla.incident import Incident

SPAN = 90 * DAY
SPACING = MINUTE  # as from probes once a minute, a usual pace for a year of record; the demo itself probes faster
HOLD = 2 * SPACING + 10 * SECOND


@dataclass(frozen=True, slots=True)
class Chapter:
    """So many days before the seeding, from a local time of day, the checks were down for so many minutes."""

    days: int
    at: str
    minutes: int
    reason: str
    checks: tuple[str, ...]


_KEYCLOAK = ("keycloak/discovery", "keycloak/standard", "keycloak/jwks")

# What takes such products down: a data centre without network (Gold fails over, the API of CSS stays closed until
# fail-back, Silver has no second site), one lost connection that closes CHEFS, a database changing its leader, a bad
# release, a proof of concept that nobody looks after at the weekend.
CHAPTERS = (
    Chapter(83, "02:05", 4, "deadline", ("keycloak/standard", "keycloak/jwks")),
    Chapter(74, "13:20", 9, "http_status", ("css/portal", "css/api")),
    Chapter(61, "10:31", 94, "http_status", ("drop/health",)),
    Chapter(55, "19:40", 370, "connect_refused", ("secondment/a", "secondment/b")),
    Chapter(47, "09:12", 38, "http_status", ("notify/api",)),
    Chapter(38, "14:03", 5, "connect_timeout", _KEYCLOAK),
    Chapter(38, "14:08", 9, "header_mismatch", _KEYCLOAK),
    Chapter(38, "14:03", 6, "connect_timeout", ("css/portal", "css/api", "css/integrations")),
    Chapter(38, "14:09", 31, "http_status", ("css/integrations",)),
    Chapter(38, "14:03", 41, "connect_timeout", ("chefs/api", "chefs/status")),
    Chapter(33, "08:02", 12, "deadline", ("drop/health",)),
    Chapter(23, "11:47", 6, "http_status", ("css/api", "css/portal")),
    Chapter(20, "17:35", 48, "connect_refused", ("secondment/a", "secondment/b")),
    Chapter(17, "10:42", 26, "body_mismatch", ("chefs/status",)),
    Chapter(17, "10:42", 26, "http_status", ("chefs/api",)),
    Chapter(14, "15:25", 7, "deadline", ("notify/api",)),
    Chapter(9, "02:04", 3, "deadline", _KEYCLOAK),
    Chapter(6, "08:03", 9, "http_status", ("drop/health",)),
    Chapter(3, "16:50", 55, "connect_refused", ("secondment/a",)),
)

# (days before the seeding, local time of day, minutes): when the monitor itself was away. Nobody knows what was then.
AWAY = ((71, "02:10", 4), (52, "12:40", 23), (29, "03:05", 3), (12, "22:30", 6), (4, "02:15", 3))

# How many of a day's disturbances fall into each hour, local time: few at night, most when people work and release.
RHYTHM = (1, 1, 2, 1, 1, 1, 2, 3, 6, 8, 9, 8, 6, 8, 9, 8, 6, 4, 3, 2, 2, 2, 1, 1)
DISTURBANCES = 6  # of each product in the span
_TROUBLES = ("deadline", "deadline", "connect_timeout", "http_status")


@dataclass(frozen=True, slots=True)
class Spell:
    """Time in which a check was down for a reason."""

    time: Interval
    reason: str


def seed(store: Store, portfolio: Portfolio, now: int) -> bool:
    """Write the history into the store unless it has one; return whether it was written.

    It ends where the store's own record begins, or now: what was really observed stands, and is never covered.
    """
    runs = list(store.load_runs())
    if any(run.seeded for run in runs):
        return False
    observed = [run.first for run in runs] + [seen.at for seen in store.load_tail()]
    made, incidents = history(portfolio, min([now, *observed]))
    store.write(Batch(runs=made, incidents=incidents))
    return True


def history(portfolio: Portfolio, until: int) -> tuple[list[Run], list[Incident]]:
    """Return the runs and the resolved incidents of the 90 days before an instant, check by check in order of time."""
    runs: list[Run] = []
    incidents: list[Incident] = []
    away = [_interval(until, portfolio.zone, *each) for each in AWAY]
    for product, check in portfolio.checks():
        spells = [
            *_chapters(product, check, until, portfolio.zone),
            *_disturbances(product, check, until, portfolio.zone),
        ]
        made = list(_runs(f"{product.id}/{check.id}", spells, away, until))
        runs += made
        incidents += _incidents(product, check, made)
    return runs, incidents


def _chapters(product: Product, check: CheckBase, until: int, zone: ZoneInfo) -> Iterator[Spell]:
    for told in CHAPTERS:
        if f"{product.id}/{check.id}" in told.checks:
            yield Spell(_interval(until, zone, told.days, told.at, told.minutes), told.reason)


def _disturbances(product: Product, check: CheckBase, until: int, zone: ZoneInfo) -> Iterator[Spell]:
    """Yield what befell this check among its product's disturbances: one to three minutes, at the rhythm of the day."""
    hours = [hour for hour, weight in enumerate(RHYTHM) for _ in range(weight)]
    for number in range(DISTURBANCES):
        story = f"{product.id} {number}"
        if product.checks[_draw(story, "check", len(product.checks))].id != check.id:
            continue
        at = f"{hours[_draw(story, 'hour', len(hours))]:02d}:{_draw(story, 'minute', 60):02d}"
        time_of_it = _interval(until, zone, 1 + _draw(story, "day", 88), at, 1 + _draw(story, "length", 3))
        yield Spell(time_of_it, _TROUBLES[_draw(story, "reason", len(_TROUBLES))])


def _draw(story: str, what: str, below: int) -> int:
    """Return a number from 0 up to but without `below`, always the same for the same words."""
    return int.from_bytes(hashlib.sha256(f"{story} {what}".encode()).digest()[:8], "big") % below


def _interval(until: int, zone: ZoneInfo, days: int, at: str, minutes: int) -> Interval:
    """Return the time that began so many calendar days before `until`, at a local time of day."""
    day = datetime.fromtimestamp(until / SECOND, UTC).astimezone(zone).date() - timedelta(days=days)
    start = int(datetime.combine(day, time.fromisoformat(at), zone).timestamp()) * SECOND
    return Interval(start, start + minutes * MINUTE)


def _runs(key: str, spells: Iterable[Spell], away: Iterable[Interval], until: int) -> Iterator[Run]:
    """Yield the runs of probes once a minute, beginning a phase of the check's own into the span."""
    spells, away = list(spells), list(away)
    begin = until - SPAN + _draw(key, "phase", SPACING)

    def probe(instant: int) -> int:
        """The number of the first probe at or after the instant."""
        return -((begin - instant) // SPACING)

    last = probe(until)
    edges = [edge for each in (*away, *(s.time for s in spells)) for edge in (probe(each.start), probe(each.end))]
    marks = sorted({0, last, *(edge for edge in edges if 0 < edge < last)})
    for first, end in pairwise(marks):
        at = begin + first * SPACING
        if not any(_holds(gap, at) for gap in away):
            reason = next((spell.reason for spell in spells if _holds(spell.time, at)), "")
            yield _run(key, reason, at, end - first)


def _holds(interval: Interval, at: int) -> bool:
    return interval.start <= at < interval.end


def _run(key: str, reason: str, first: int, count: int) -> Run:
    latency = _latency(key, reason)
    last = first + (count - 1) * SPACING
    outcome = Outcome.BAD if reason else Outcome.GOOD
    return Run(key, outcome, reason, first, last, count, HOLD, count, count * latency, 3 * latency, seeded=True)


def _latency(key: str, reason: str) -> int:
    """Return microseconds: a time-out takes all its time, an answer some 20 to 120 ms."""
    if reason in ("deadline", "connect_timeout"):
        return SECOND
    return (20 + _draw(key, "latency", 100)) * MILLISECOND


def _incidents(product: Product, check: CheckBase, runs: Iterable[Run]) -> Iterator[Incident]:
    """Yield the incidents that the runs amount to, resolved, their downtime measured as that of live ones."""
    timeline = Timeline(HOLD)
    tracker = IncidentTracker(f"{product.id}/{check.id}", product.id, check.fall, check.rise, timeline)
    for run in runs:
        timeline.append_run(run)
        change = tracker.step_run(run)
        if change is not None and not isinstance(change, Opened):
            yield change.incident
