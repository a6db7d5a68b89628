"""Serve a ledger with a realistic history, to view the pages manually: `python -m tests.support.serve [PORT]`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.probe_result import ProbeResult
from monitor.web.server import build, listen
from sla.interval import DAY, HOUR, MINUTE
from tests.support.ledgers import (
    BAD,
    BAD_RESULT,
    GOOD_RESULT,
    history,
    ledger_of,
    observe,
    probe_all,
    product,
    resolved_incidents,
)

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

READINESS = {
    "checklist": "five-nines",
    "attested": [{"item": "ha-database", "by": "Ada", "until": "2031-03-01", "note": "Patroni, drilled in October"}],
}
HOSTILE = '<script>alert("x")</script>\u202egnp.exe ' + "long " * 60
HISTORIES = (
    ("chefs", 90, [(50 * DAY, 20 * MINUTE, "deadline"), (12 * DAY, 6 * MINUTE, "http_status")]),
    ("keycloak", 90, [(33 * DAY, 90 * MINUTE, "connect_refused")]),
    ("css", 60, [(20 * DAY, 5 * HOUR, "http_status")]),
    ("drop", 40, []),
    ("notify", 90, []),
    ("secondment", 3, []),
)


def portfolio(now: int) -> Ledger:
    """Return six products: up, down, budget spent, short history, without observations, and with HTML in its texts."""
    ledger = ledger_of(
        product("chefs", 3, "99.95%", name="Common Hosted Forms Service", team="CoCo", rule="all", readiness=READINESS),
        product("keycloak", 2, "99.9%", name="Keycloak (common realm)", team="SSO", rule="any"),
        product("css", 1, "99.5%", name="Common Single Sign-on", team="SSO"),
        product("drop", 1, "99.9%", name="Digital Rental Online Portal", team="DROP"),
        product("notify", 1, "99.99%", name="GC Notify"),
        product("secondment", 1, "99.999%", name='Secondment <b>"PoC"</b>', team="R&D"),
        title="Portfolio of the Province",
    )
    minute = now // MINUTE * MINUTE
    runs, incidents = [], []
    for name, days, outages in HISTORIES:
        for n, entry in enumerate(ledger.entries_of(name)):
            spans = [(minute - ago, minute - ago + length, reason) for ago, length, reason in outages if n == 0]
            runs += history(entry.key, minute - days * DAY, minute - 2 * HOUR, spans, seeded=True)
            incidents += resolved_incidents(entry.key, spans)
    ledger.restore(runs, [], incidents)
    for name in ("chefs", "css", "keycloak", "notify", "secondment"):
        probe_all(ledger, ledger.entries_of(name), minute - 119 * MINUTE, minute - 90 * MINUTE)
    for name in ("chefs", "css", "keycloak", "notify"):
        probe_all(ledger, ledger.entries_of(name), minute - 89 * MINUTE, minute - 30 * MINUTE)
    for entry in ledger.entries_of("css"):
        probe_all(ledger, [entry], minute - 29 * MINUTE, minute - 25 * MINUTE, BAD_RESULT)
        probe_all(ledger, [entry], minute - 24 * MINUTE, minute)
    for name in ("chefs", "keycloak"):
        probe_all(ledger, ledger.entries_of(name), minute - 29 * MINUTE, minute)
    probe_all(ledger, ledger.entries_of("notify"), minute - 29 * MINUTE, minute - 8 * MINUTE)
    probe_all(
        ledger,
        ledger.entries_of("notify"),
        minute - 7 * MINUTE,
        minute,
        ProbeResult(BAD, "body_mismatch", 200, detail=HOSTILE),
    )
    for entry in ledger.entries_of("drop"):
        observe(ledger, entry, minute - 40 * MINUTE, GOOD_RESULT)
    probe_all(ledger, ledger.entries_of("secondment"), minute - 10 * MINUTE, minute)
    return ledger


async def main(port: int) -> None:
    """Serve until interrupted. No check is probed while serving, so the page becomes stale after some time."""
    clock, health = SystemClock(), Health(sqlite_version="0")
    server = await listen(build(portfolio(clock.now()), health, clock), "127.0.0.1", port)
    sys.stdout.write(f"http://{server.addresses[0]}/\n")
    sys.stdout.flush()
    while True:
        health.record_tick(clock.monotonic(), 0.0)
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9998))
