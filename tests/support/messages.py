"""Messages for receivers, and helpers to send them without a daemon."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from monitor.alerting.delivery import Outcome, Target, deliver_once
from monitor.alerting.heartbeat_scheduler import heartbeat
from monitor.config.loader import portfolio_model
from monitor.config.outbound import OutboundBlock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.outbound_policy import OutboundPolicy
from monitor.notification import Kind, Notification
from monitor.probes.registry import CHECK_TYPES
from monitor.receivers.message import Message
from monitor.receivers.registry import RECEIVER_TYPES
from tests.support.clocks import EPOCH, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.config.alerting import ReceiverBase
    from monitor.engine.runner import Runner

HOSTILE = "expected 200, got 503: <!channel> @all *bold* [link](https://evil.example) <b>&"
_MODEL = portfolio_model(CHECK_TYPES, RECEIVER_TYPES)
_RECEIVERS: Any = TypeAdapter(_MODEL.model_fields["receivers"].annotation)


def receiver(**fields: Any) -> ReceiverBase:
    """Return a receiver as in a configuration, by default with the id `ops`."""
    validated: ReceiverBase = _RECEIVERS.validate_python([{"id": "ops", **fields}])[0]
    return validated


def body(event: Kind = Kind.OPENED, **fields: Any) -> dict[str, Any]:
    """Return the body of a notification, as created by `monitor.alerting.alert`."""
    resolved = "2026-09-21T14:20:00Z" if event is Kind.RESOLVED else None
    fields_of_body = {
        "version": 1,
        "event": event.value,
        "key": "4f0c1d2e3a4b",
        "severity": "page",
        "product": {"id": "forms", "name": "Common Forms"},
        "checks": ["health", "login"],
        "incident": {
            "id": "4f0c1d2e3a4b",
            "opened": "2026-09-21T14:13:20Z",
            "resolved": resolved,
            "reason": "http_status",
            "detail": HOSTILE,
        },
        "downtime_seconds": {"low": 340.0, "point": 400.0, "high": 460.0},
        "budget": {"allowed_seconds": 2592.0, "remaining_seconds": 2192.0},
        "links": {
            "product": "https://status.example.org/products/forms",
            "incident": None,
            "runbook": "https://status.example.org/runbook",
            "acknowledge": None,
        },
        "extra": {
            "summary": "Common Forms is up again" if resolved else "Common Forms is down",
            "team": "CoCo",
            "for": ["Ministry of Health"],
            "muted": [],
            "notes": [],
        },
    }
    return fields_of_body | fields


def row(event: Kind = Kind.OPENED, key: str = "4f0c1d2e3a4b", **fields: Any) -> Notification:
    """Return a notification with this body."""
    data = body(event, key=key, **fields)
    return Notification(key, "ops", 0, event, 1, EPOCH, EPOCH, data["severity"], "forms", json.dumps(data))


def message(event: Kind = Kind.OPENED, others: tuple[Message, ...] = (), **fields: Any) -> Message:
    """Return a message as it is passed to a receiver."""
    return Message.of(row(event, **fields), EPOCH + 400_000_000, others)


BURN: dict[str, Any] = {
    "key": "burn:forms:NinewatchBudgetBurnsFast:1790000000",
    "checks": [],
    "incident": None,
    "downtime_seconds": None,
    "extra": {"summary": "Common Forms spends its downtime budget 14.4 times too fast", "team": "CoCo"},
}
SECOND: dict[str, Any] = {
    "key": "9a8b7c6d5e4f",
    "product": {"id": "sso", "name": "Single Sign-on"},
    "extra": {"summary": "Single Sign-on is down", "team": "SSO"},
}


STEP: dict[str, Any] = {
    "priority": "P1",
    "acknowledge_by": "2026-09-21T14:28:20Z",
    "escalation": {"id": "sso", "step": 2, "steps": 3, "person": "A. Ng"},
}
ACKNOWLEDGED: dict[str, Any] = {
    "priority": "P1",
    "acknowledged": {"at": "2026-09-21T14:15:00Z", "by": "A. Ng", "via": "command"},
}
FORMER: dict[str, Any] = {"summary": "Common Forms is down", "team": "CoCo", "former_severities": ["ticket"]}


def samples() -> dict[str, Message]:
    """Return one message of each kind, by name."""
    return {
        "opened": message(),
        "escalated": message(Kind.ESCALATED, severity="page", extra=FORMER),
        "resolved": message(Kind.RESOLVED),
        "ticket": message(severity="ticket"),
        "burn": message(**BURN),
        "grouped": message(others=(message(**SECOND),)),
        "step": message(**STEP),
        "acknowledged": message(Kind.ACKNOWLEDGED, **ACKNOWLEDGED),
        "test": message(Kind.TEST, key="test:ops", incident=None, checks=[], downtime_seconds=None, severity="note"),
    }


HEARTBEAT = Message.of(heartbeat("heartbeat:ops", "ops", EPOCH), EPOCH)


@contextlib.asynccontextmanager
async def attempt_maker(
    clock: ManualClock | None = None, outbound: OutboundBlock | None = None
) -> AsyncIterator[Runner]:
    """Yield a maker of attempts with real sockets."""
    async with probe_environment(
        clock or ManualClock(), Health(), outbound=OutboundPolicy(outbound or OutboundBlock())
    ) as (
        runner,
        _,
    ):
        yield runner


async def send(configured: ReceiverBase, message: Message, outbound: OutboundBlock | None = None) -> Outcome:
    """Make one attempt to deliver a message."""
    async with attempt_maker(outbound=outbound) as runner:
        return await deliver_once(Target.of(configured), message, runner.new_attempt())


def write_secret(folder: Path, name: str, value: str) -> dict[str, str]:
    """Write a secret to a file and return its reference in a configuration."""
    (folder / name).write_text(value)
    return {"file": str(folder / name)}
