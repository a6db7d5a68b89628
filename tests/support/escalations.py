"""A product with an escalation, its outage, and the notifications that were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sla.acknowledgement import Acknowledgement, Via
from tests.support.alerting import BAD, GOOD, AlertingHarness, ledger_with_receivers
from tests.support.ledgers import product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from tests.support.sinks import Sink


# The clock starts at 2026-09-21T14:13:20Z, a Monday.
DAYS = {"person": "Ada", "start": "2026-09-21T08:00", "end": "2026-09-21T20:00", "rrule": "FREQ=DAILY"}
STEPS = [{"to": "pager"}, {"to": "manager", "after": "15m"}, {"standby": "rota", "after": "10m"}]


def configuration(sink: Sink | None = None, **fields: Any) -> dict[str, Any]:
    """Return the fields of a configuration with an escalation; without a sink its receivers do not exist."""
    names = ("pager", "manager", "ada", "channel")
    url = "https://ops.example.org" if sink is None else sink.url("")
    defaults: dict[str, Any] = {
        "receivers": [{"id": name, "webhook": f"{url}/{name}"} for name in names],
        "routes": [{"escalation": "sso"}],
        "escalations": [{"id": "sso", "steps": STEPS}],
        "people": [{"name": "Ada", "to": "ada"}],
        "standby": [{"id": "rota", "zone": "UTC", "shifts": [DAYS]}],
    }
    return defaults | fields


def ledger(
    sink: Sink | None = None, *, checks: int = 1, rule: str = "all", stage: str = "production", **fields: Any
) -> Ledger:
    return ledger_with_receivers(
        product("forms", checks, "99%", rule=rule, stage=stage), **configuration(sink, **fields)
    )


async def start_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, BAD, BAD, key=key)
    await harness.written()


async def end_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, GOOD, key=key)
    await harness.written()


async def advance_minutes(harness: AlertingHarness, minutes: float) -> None:
    """Advance the clock while the product stays down, and update the alerts."""
    harness.clock.jump(minutes * 60)
    await harness.update()


def alert_key(harness: AlertingHarness) -> str:
    return harness.rows()[0].key


async def acknowledge(harness: AlertingHarness, by: str = "Grace", via: str = Via.COMMAND) -> None:
    harness.state(Acknowledgement(harness.clock.now(), alert_key(harness), by, via, "forms", alert_key(harness)).fact())
    await harness.update()


def sent_events(harness: AlertingHarness) -> list[tuple[str, str]]:
    return [(row.receiver, row.event.value) for row in harness.rows()]
