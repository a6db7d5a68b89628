"""The `alertmanager` receiver: Alertmanager's API v2, all peers of a cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from monitor.config.alerting import Address, TlsReceiver
from monitor.config.secret import Secret, plain
from monitor.network.failure import ProbeFailure
from monitor.notification import Kind
from monitor.receivers.base import Deliver, NotDelivered, ReceiverKind
from monitor.receivers.sending import send_json
from sla.interval import MINUTE
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

# Interval at which a firing alert is sent again, so that a restarted Alertmanager receives it soon.
REPEAT_INTERVAL: Final = MINUTE
# Alertmanager resolves an alert that is not repeated for this time. Four repeats in a row may be lost.
ALERT_LIFETIME: Final = 5 * MINUTE

_NAMES = {
    "burn": "NinewatchBudgetBurn",
    "latency": "NinewatchLatencyBudgetBurn",
    "cert": "NinewatchCertificateExpires",
    "blind": "NinewatchMonitorBlind",
}


def _peers(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Peers = Annotated[
    tuple[Address, ...],
    BeforeValidator(_peers),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "uri"},
                {"type": "array", "items": {"type": "string", "format": "uri"}},
            ]
        }
    ),
]


class AlertmanagerReceiver(TlsReceiver):
    """Sends alerts to every peer of an Alertmanager cluster, and resends firing alerts every minute.

    A message is delivered when one peer has accepted it. Peers do not exchange alerts, so that each resend goes to all
    of them.
    """

    kind: ClassVar[str] = "alertmanager"
    heartbeats: ClassVar[bool] = True

    alertmanager: Peers
    """The URL of each peer: `[http://alertmanager-0:9093, http://alertmanager-1:9093]`."""

    @property
    def destination(self) -> str:
        """The destination of messages for display."""
        return ", ".join(f"({url.source})" if isinstance(url, Secret) else url for url in self.alertmanager)


def alerts_of(message: Message) -> list[dict[str, Any]]:
    """Return the alert, and a resolved one for each former severity, because the severity is one of its labels."""
    fields = message.fields
    severities = [fields["severity"], *message.extra.get("former_severities", ())]
    return [
        _alert(message, severity, firing=message.firing and severity == fields["severity"]) for severity in severities
    ]


def _alert(message: Message, severity: str, *, firing: bool) -> dict[str, Any]:
    product, incident = message.fields["product"], message.fields["incident"]
    labels = {"alertname": _name(message), "severity": severity, "key": message.key, "source": "ninewatch"}
    if product is not None:
        labels |= {"product": product["id"]}
    if message.extra.get("team"):
        labels |= {"team": message.extra["team"]}
    ends = message.now + ALERT_LIFETIME if firing else message.now
    alert: dict[str, Any] = {
        "labels": labels,
        "annotations": {"summary": message.extra.get("summary", ""), "description": "\n".join(message.lines)},
        "endsAt": format_instant(ends),
    }
    if incident is not None:
        alert["startsAt"] = incident["opened"]
    if "runbook" in message.links:
        alert["annotations"]["runbook_url"] = message.links["runbook"]
    if "product" in message.links:
        alert["generatorURL"] = message.links["product"]
    return alert


def _name(message: Message) -> str:
    if message.event is Kind.HEARTBEAT:
        return "Watchdog"
    return _NAMES.get(message.key.partition(":")[0], "NinewatchIncident")


def prepare(receiver: AlertmanagerReceiver) -> Deliver:
    """Return the function that posts a message to all peers."""
    urls = [plain(url).rstrip("/") + "/api/v2/alerts" for url in receiver.alertmanager]

    async def deliver(attempt: Attempt, message: Message) -> None:
        body = alerts_of(message)
        attempts = [attempt, *(attempt.sibling() for _ in urls[1:])]
        requests = (send_json(attempt, receiver, url, body) for attempt, url in zip(attempts, urls, strict=True))
        results = await asyncio.gather(*requests, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if len(failures) == len(urls):
            raise _retryable_failure(failures)

    return deliver


def _retryable_failure(failures: list[BaseException]) -> BaseException:
    """Return the failure to report if all peers failed: one that can be retried, if there is one."""
    for failure in failures:
        if not isinstance(failure, NotDelivered | ProbeFailure | OSError):
            return failure
    retryable = (failure for failure in failures if not (isinstance(failure, NotDelivered) and failure.refused))
    return next(retryable, failures[0])


KIND = ReceiverKind(
    AlertmanagerReceiver,
    prepare,
    example="""\
id: alertmanager
alertmanager: [http://alertmanager-0.example.org:9093, http://alertmanager-1.example.org:9093]
""",
    repeats=REPEAT_INTERVAL,
)
