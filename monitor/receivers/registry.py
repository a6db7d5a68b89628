"""The registry of receiver kinds, from which configuration, schema and documentation are derived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.receivers import (
    alertmanager,
    apprise,
    email,
    gcnotify,
    healthchecks,
    jira,
    ntfy,
    pagerduty,
    pagerduty_heartbeat,
    rocketchat,
    slack,
    teams,
    webhook,
)

if TYPE_CHECKING:
    from monitor.config.alerting import ReceiverBase
    from monitor.receivers.base import Deliver, ReceiverKind

KINDS: dict[str, ReceiverKind[Any]] = {
    kind.name: kind
    for kind in (
        webhook.KIND,
        email.KIND,
        slack.KIND,
        teams.KIND,
        rocketchat.KIND,
        pagerduty.KIND,
        jira.KIND,
        alertmanager.KIND,
        ntfy.KIND,
        gcnotify.KIND,
        healthchecks.KIND,
        pagerduty_heartbeat.KIND,
        apprise.KIND,
    )
}

RECEIVER_TYPES: tuple[type[ReceiverBase], ...] = tuple(kind.receiver for kind in KINDS.values())


def kind_of(receiver: ReceiverBase) -> ReceiverKind[Any]:
    """Return the kind of a receiver."""
    return KINDS[receiver.kind]


def prepare(receiver: ReceiverBase) -> Deliver:
    """Return the function that sends a message to a receiver of any registered kind."""
    return kind_of(receiver).prepare(receiver)
