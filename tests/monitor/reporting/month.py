"""A record of November 2025 in Vancouver (clocks were set back on the 2nd) with outages and a correction."""

from __future__ import annotations

from pathlib import Path

from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.correction import Correction
from sla.incident import Incident
from sla.interval import MINUTE, Interval
from sla.observation import Observation, Outcome
from sla.window import format_instant, parse_instant

INTERVAL = 5 * MINUTE
START, END = parse_instant("2025-10-30T00:00:00Z"), parse_instant("2025-12-02T00:00:00Z")
MIDDLE = "2025-11-20T12:00:00Z"  # an instant within the month
AFTER = "2025-12-01T08:00:00Z"  # the first instant after it

CONFIG = """
title: "Desk <of> =cmd"
store: {store}
time_zone: America/Vancouver
maintenance:
  - {{start: 2025-10-05T00:30, end: 2025-10-05T03:30, rrule: FREQ=WEEKLY;BYDAY=SU, reason: weekly patching}}
products:
  - id: login
    objective: 99.9%
    checks:
      - {{id: page, tcp: "127.0.0.1:9", interval: 5m, timeout: 10s}}
  - id: forms
    name: Forms | and "more"
    team: "=1+1"
    objective: 99.5%
    depends_on: [login]
    agreement: {{longest_outage: 30m, excludes: [maintenance, corrections, {{dependency: login}}]}}
    stage: pilot
    clients: [{{name: "@grants", count: 2, risk: low}}]
    value_per_hour: {{amount: 1200, basis: forty people who wait}}
    checks:
      - {{id: page, tcp: "127.0.0.1:9", interval: 5m, timeout: 10s}}
      - {{id: api, tcp: "127.0.0.1:9", interval: 5m, timeout: 10s}}
"""
MAINTENANCE = """
maintenance:
  - {start: 2025-10-05T00:30, end: 2025-10-05T03:30, rrule: FREQ=WEEKLY;BYDAY=SU, reason: weekly patching}
"""


def span(start: str, end: str) -> Interval:
    return Interval(parse_instant(start), parse_instant(end))


# 2 November: maintenance (00:30 to 03:30 local time, four hours) and an outage that ends later. 10 November: an outage
# of login and a longer one of forms. 12 November: the probe account is locked. 14 November: no observations.
MAINTENANCE_OUTAGE = span("2025-11-02T08:00:00Z", "2025-11-02T12:30:00Z")
LOGIN_DOWN = span("2025-11-10T18:00:00Z", "2025-11-10T18:45:00Z")
FORMS_DOWN = span("2025-11-10T18:00:00Z", "2025-11-10T19:20:00Z")
LOCKED_OUT = span("2025-11-12T16:00:00Z", "2025-11-12T17:00:00Z")
UNOBSERVED = span("2025-11-14T16:00:00Z", "2025-11-14T18:00:00Z")
LATE = span("2025-11-25T01:00:00Z", "2025-11-25T01:30:00Z")
CORRECTED = Interval(LOCKED_OUT.start - 10 * MINUTE, LOCKED_OUT.end + 10 * MINUTE)
DOWN = {
    "login/page": (LOGIN_DOWN,),
    "forms/page": (MAINTENANCE_OUTAGE, FORMS_DOWN, LATE),
    "forms/api": (LOCKED_OUT,),
}
REASON = "=cmd|' /C calc'!A0 <b>locked</b> | account"


def observations(key: str) -> list[Observation]:
    """Return one observation per five minutes. Those of forms/api are two minutes later."""
    offset = 2 * MINUTE if key.endswith("api") else 0
    return [
        Observation(key, at, _outcome(key, at), "" if _outcome(key, at) is Outcome.GOOD else "http_status")
        for at in range(START + offset, END, INTERVAL)
        if not UNOBSERVED.start <= at < UNOBSERVED.end
    ]


def _outcome(key: str, at: int) -> Outcome:
    return Outcome.BAD if any(outage.start <= at < outage.end for outage in DOWN[key]) else Outcome.GOOD


def record(folder: Path, *, close: bool = True) -> tuple[Path, SqliteStore]:
    """Write the portfolio and its record. Return the portfolio's path and the store."""
    config = folder / "portfolio.yaml"
    config.write_text(CONFIG.format(store=folder / "record.db"), "utf-8")
    (folder / "maintenance.yaml").write_text(MAINTENANCE, "utf-8")
    store = SqliteStore(folder / "record.db", END)
    all_observations = [observation for key in DOWN for observation in observations(key)]
    incidents = [
        Incident.open("forms", "forms/page", FORMS_DOWN.start, "http_status").resolve(FORMS_DOWN.end),
        Incident.open("forms", "forms/page", LATE.start, "=1+1 <i>").resolve(LATE.end),
    ]
    correction = Correction("forms", CORRECTED, "+Ada", REASON, CORRECTED.end)
    store.write(Batch(observations=all_observations, incidents=incidents, facts=[correction.fact()]))
    if close:
        store.close()
    return config, store


def as_csv(folder: Path, product: str) -> Path:
    """Write the product's observations in the format of `measure`."""
    path = folder / f"{product}.csv"
    rows = [row for key in DOWN if key.startswith(f"{product}/") for row in observations(key)]
    lines = [f"{format_instant(row.at)},{row.outcome.value},{row.check}\n" for row in rows]
    path.write_text("at,outcome,check\n" + "".join(lines), "utf-8")
    return path
