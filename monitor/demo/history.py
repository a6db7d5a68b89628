"""Synthetic 90-day history for the demo's products, so that long windows have data.

Every run is marked `seeded`. Relative to the time of seeding, the history is the same on every machine: large outages
are listed below, small ones derive from a hash of the product's id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from monitor.probes.steps import StepsCheck
from monitor.storage.store import Batch
from sla.incident import IncidentTracker, Opened
from sla.interval import DAY, MILLISECOND, MINUTE, SECOND, Interval
from sla.observation import Outcome, Run
from sla.timeline import Timeline
from sla.vantage import BLIND_REASON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from monitor.config.model import CheckBase, Portfolio, Product
    from monitor.storage.store import Store
    from sla.incident import Incident

HISTORY_LENGTH = 90 * DAY
PROBE_INTERVAL = MINUTE  # a usual interval; the demo itself probes more often
HOLD = 2 * PROBE_INTERVAL + 10 * SECOND


@dataclass(frozen=True, slots=True)
class ScriptedOutage:
    """An outage of some checks: days before seeding, local start time, and minutes."""

    days: int
    at: str
    minutes: int
    reason: str
    checks: tuple[str, ...]


_KEYCLOAK = ("keycloak/discovery", "keycloak/standard", "keycloak/jwks")

_CHEFS = ("chefs/api", "chefs/status", "chefs/submit-a-form")

# Typical causes: a data centre without network (Gold fails over, CSS's API stays closed until failback, Silver has no
# second site), one lost connection that makes CHEFS unavailable, a database failover, a bad release, a proof of concept
# without support at the weekend.
SCRIPTED_OUTAGES = (
    ScriptedOutage(83, "02:05", 4, "deadline", ("keycloak/standard", "keycloak/jwks")),
    ScriptedOutage(74, "13:20", 9, "http_status", ("css/portal", "css/api")),
    ScriptedOutage(61, "10:31", 94, "http_status", ("drop/health",)),
    ScriptedOutage(55, "19:40", 370, "connect_refused", ("secondment/a", "secondment/b")),
    ScriptedOutage(47, "09:12", 38, "http_status", ("notify/api",)),
    ScriptedOutage(38, "14:03", 5, "connect_timeout", _KEYCLOAK),
    ScriptedOutage(38, "14:08", 9, "header_mismatch", _KEYCLOAK),
    ScriptedOutage(38, "14:03", 6, "connect_timeout", ("css/portal", "css/api", "css/integrations")),
    ScriptedOutage(38, "14:09", 31, "http_status", ("css/integrations",)),
    ScriptedOutage(38, "14:03", 41, "connect_timeout", _CHEFS),
    ScriptedOutage(33, "08:02", 12, "deadline", ("drop/health",)),
    ScriptedOutage(23, "11:47", 6, "http_status", ("css/api", "css/portal")),
    ScriptedOutage(20, "17:35", 48, "connect_refused", ("secondment/a", "secondment/b")),
    ScriptedOutage(17, "10:42", 26, "body_mismatch", ("chefs/status",)),
    ScriptedOutage(17, "10:42", 26, "http_status", ("chefs/api", "chefs/submit-a-form")),
    ScriptedOutage(14, "15:25", 7, "deadline", ("notify/api",)),
    ScriptedOutage(9, "02:04", 3, "deadline", _KEYCLOAK),
    ScriptedOutage(6, "08:03", 9, "http_status", ("drop/health",)),
    ScriptedOutage(3, "16:50", 55, "connect_refused", ("secondment/a",)),
)

# (days before seeding, local time, minutes): gaps of the monitor itself, which are unknown time.
MONITOR_GAPS = ((71, "02:10", 4), (52, "12:40", 23), (29, "03:05", 3), (12, "22:30", 6), (4, "02:15", 3))

# (days before seeding, local time, minutes): failures of the monitor's own connection, also unknown time.
BLIND_TIMES = ((7, "21:05", 18),)

# Relative frequency of small outages per local hour: few at night, most in working hours.
HOURLY_WEIGHTS = (1, 1, 2, 1, 1, 1, 2, 3, 6, 8, 9, 8, 6, 8, 9, 8, 6, 4, 3, 2, 2, 2, 1, 1)
DISTURBANCES = 6  # small outages per product in the span
_REASONS = ("deadline", "deadline", "connect_timeout", "http_status")


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a check fails, or (with the reason BLIND_REASON) cannot be observed."""

    time: Interval
    reason: str


def seed(store: Store, portfolio: Portfolio, now: int) -> bool:
    """Write the history to the store, unless the store has one. Return whether it was written.

    The history ends at the store's first observation, or now, so that it never overlaps real observations.
    """
    runs = list(store.load_runs())
    if any(run.seeded for run in runs):
        return False
    observed = [run.first for run in runs] + [observation.at for observation in store.load_tail()]
    seeded_runs, incidents = history(portfolio, min([now, *observed]))
    store.write(Batch(runs=seeded_runs, incidents=incidents))
    return True


def history(portfolio: Portfolio, until: int) -> tuple[list[Run], list[Incident]]:
    """Return runs and resolved incidents of the 90 days before `until`, by check in chronological order."""
    runs: list[Run] = []
    incidents: list[Incident] = []
    monitor_gaps = [_interval(until, portfolio.zone, *gap) for gap in MONITOR_GAPS]
    for product, check in portfolio.checks():
        outages = [
            *_scripted_outages(product, check, until, portfolio.zone),
            *_disturbances(product, check, until, portfolio.zone),
            *(Outage(_interval(until, portfolio.zone, *blind), BLIND_REASON) for blind in BLIND_TIMES),
        ]
        seeded_runs = list(_runs(f"{product.id}/{check.id}", outages, monitor_gaps, until))
        runs += seeded_runs
        incidents += _incidents(product, check, seeded_runs)
    return runs, incidents


def _scripted_outages(product: Product, check: CheckBase, until: int, zone: ZoneInfo) -> Iterator[Outage]:
    for scripted in SCRIPTED_OUTAGES:
        if f"{product.id}/{check.id}" in scripted.checks:
            interval = _interval(until, zone, scripted.days, scripted.at, scripted.minutes)
            yield Outage(interval, _reason(check, scripted.reason))


def _disturbances(product: Product, check: CheckBase, until: int, zone: ZoneInfo) -> Iterator[Outage]:
    """Yield this check's part of its product's small outages, 1 to 3 minutes each."""
    hours = [hour for hour, weight in enumerate(HOURLY_WEIGHTS) for _ in range(weight)]
    for number in range(DISTURBANCES):
        key_text = f"{product.id} {number}"
        if product.checks[_derived_number(key_text, "check", len(product.checks))].id != check.id:
            continue
        at = f"{hours[_derived_number(key_text, 'hour', len(hours))]:02d}:{_derived_number(key_text, 'minute', 60):02d}"
        interval = _interval(
            until, zone, 1 + _derived_number(key_text, "day", 88), at, 1 + _derived_number(key_text, "length", 3)
        )
        yield Outage(interval, _reason(check, _REASONS[_derived_number(key_text, "reason", len(_REASONS))]))


def _reason(check: CheckBase, reason: str) -> str:
    """Return the reason code that a check reports: a journey fails in its first step."""
    return f"{check.steps[0].id}: {reason}" if isinstance(check, StepsCheck) else reason


def _derived_number(key_text: str, purpose: str, below: int) -> int:
    """Return a number in [0, below) that is derived from a hash of the texts."""
    return int.from_bytes(hashlib.sha256(f"{key_text} {purpose}".encode()).digest()[:8], "big") % below


def _interval(until: int, zone: ZoneInfo, days: int, at: str, minutes: int) -> Interval:
    """Return the interval that starts `days` calendar days before `until`, at a local time of day."""
    day = datetime.fromtimestamp(until / SECOND, UTC).astimezone(zone).date() - timedelta(days=days)
    start = int(datetime.combine(day, time.fromisoformat(at), zone).timestamp()) * SECOND
    return Interval(start, start + minutes * MINUTE)


def _runs(key: str, outages: Iterable[Outage], monitor_gaps: Iterable[Interval], until: int) -> Iterator[Run]:
    """Yield the runs of probes every minute, with a phase that depends on the check."""
    outages, monitor_gaps = list(outages), list(monitor_gaps)
    begin = until - HISTORY_LENGTH + _derived_number(key, "phase", PROBE_INTERVAL)

    def probe(instant: int) -> int:
        """Return the number of the first probe at or after the instant."""
        return -((begin - instant) // PROBE_INTERVAL)

    last = probe(until)
    edges = [edge for gap in (*monitor_gaps, *(s.time for s in outages)) for edge in (probe(gap.start), probe(gap.end))]
    marks = sorted({0, last, *(edge for edge in edges if 0 < edge < last)})
    for first, end in pairwise(marks):
        at = begin + first * PROBE_INTERVAL
        if not any(_contains(gap, at) for gap in monitor_gaps):
            reasons = [outage.reason for outage in outages if _contains(outage.time, at)]
            reason = BLIND_REASON if BLIND_REASON in reasons else next(iter(reasons), "")
            yield _run(key, reason, at, end - first)


def _contains(interval: Interval, at: int) -> bool:
    return interval.start <= at < interval.end


def _run(key: str, reason: str, first: int, count: int) -> Run:
    latency = _latency(key, reason)
    last = first + (count - 1) * PROBE_INTERVAL
    outcome = Outcome.UNKNOWN if reason == BLIND_REASON else Outcome.BAD if reason else Outcome.GOOD
    return Run(key, outcome, reason, first, last, count, HOLD, count, count * latency, 3 * latency, seeded=True)


def _latency(key: str, reason: str) -> int:
    """Return a latency in microseconds: the timeout, or 20 to 120 ms."""
    if reason.endswith(("deadline", "connect_timeout")):
        return SECOND
    return (20 + _derived_number(key, "latency", 100)) * MILLISECOND


def _incidents(product: Product, check: CheckBase, runs: Iterable[Run]) -> Iterator[Incident]:
    """Yield the resolved incidents of the runs, with downtime measured like that of real incidents."""
    timeline = Timeline(HOLD)
    tracker = IncidentTracker(f"{product.id}/{check.id}", product.id, check.fall, check.rise, timeline)
    for run in runs:
        timeline.append_run(run)
        change = tracker.step_run(run)
        if change is not None and not isinstance(change, Opened):
            yield change.incident
