"""The `pagerduty_heartbeat` receiver: a dead man's switch with PagerDuty's Events API v2.

PagerDuty has no ping URL. A heartbeat is an alert whose notifications an event orchestration pauses; the next heartbeat
resolves it. The last alert is not resolved, so PagerDuty opens its incident when the pause ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from monitor.config.addresses import HttpUrl
from monitor.config.alerting import TlsReceiver
from monitor.config.secret import Secret
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

SUMMARY: Final = "No heartbeat from ninewatch: the monitor, its record or its notifications have stopped"


class PagerDutyHeartbeatReceiver(TlsReceiver):
    """Receives only the heartbeat (dead man's switch), and no alerts. PagerDuty pages when heartbeats stop.

    Before you use it, add a rule to the event orchestration of the service, which needs PagerDuty AIOps: if
    `event.class` is `heartbeat`, pause incident notifications for at least three times `alerting.heartbeat.every`.
    Without the rule, PagerDuty pages at every heartbeat. Without AIOps, use `healthchecks` with a service that pages
    through PagerDuty. Use one integration key per daemon. If you stop ninewatch intentionally, resolve the open alert
    in PagerDuty.
    """

    kind: ClassVar[str] = "pagerduty_heartbeat"
    heartbeats: ClassVar[bool] = True
    alerts: ClassVar[bool] = False

    pagerduty_heartbeat: Secret
    """Reference to the integration key (routing key) of the service: `{env: NAME}` or `{file: PATH}`."""

    server: HttpUrl = "https://events.pagerduty.com"
    """URL of the events API. In the EU: `https://events.eu.pagerduty.com`."""


def events_of(receiver: PagerDutyHeartbeatReceiver, latest: str, current: str, previous: str) -> list[dict[str, Any]]:
    """Return the events of a heartbeat in order: the alert `current` opens, then the alert `previous` resolves.

    After a start (`latest` is empty), an alert of the last run may be open under either key. It is resolved first,
    because a repeated trigger would not prolong its pause.
    """
    trigger = {
        "routing_key": receiver.pagerduty_heartbeat.reveal(),
        "event_action": "trigger",
        "dedup_key": current,
        "client": "ninewatch",
        "payload": {"summary": SUMMARY, "source": "ninewatch", "severity": "critical", "class": "heartbeat"},
    }
    first = [] if latest else [_resolve(receiver, current)]
    return [*first, trigger, _resolve(receiver, previous)]


def _resolve(receiver: PagerDutyHeartbeatReceiver, key: str) -> dict[str, Any]:
    return {"routing_key": receiver.pagerduty_heartbeat.reveal(), "event_action": "resolve", "dedup_key": key}


def prepare(receiver: PagerDutyHeartbeatReceiver) -> Deliver:
    """Return the function that opens the alert of a heartbeat and resolves that of the previous one.

    Two keys alternate, because PagerDuty may process two events of one key in either order.
    """
    url = receiver.server.rstrip("/") + "/v2/enqueue"
    keys = [f"ninewatch:heartbeat:{receiver.id}:{name}" for name in ("a", "b")]
    latest = ""

    async def deliver(attempt: Attempt, _: Message) -> None:
        nonlocal latest
        current, previous = reversed(keys) if latest == keys[0] else keys
        for number, event in enumerate(events_of(receiver, latest, current, previous)):
            await send_json(attempt.sibling() if number else attempt, receiver, url, event)
        latest = current

    return deliver


KIND = ReceiverKind(
    PagerDutyHeartbeatReceiver,
    prepare,
    example="""\
id: switch
pagerduty_heartbeat: {file: secrets/pagerduty-key}
""",
)
