"""Send a test message to a receiver: one attempt without the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerting.delivery import Outcome, Target, deliver_once
from monitor.alerting.note_body import note, note_body
from monitor.notification import Kind
from monitor.receivers.message import Message
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.config.alerting import ReceiverBase
    from monitor.config.model import Portfolio
    from monitor.network.attempt import Attempt
    from monitor.notification import Notification


async def send_test(portfolio: Portfolio, receiver: ReceiverBase, attempt: Attempt, now: int) -> Outcome:
    """Send a test message to the receiver; return the outcome."""
    row = _notification(receiver.id, now, portfolio)
    return await deliver_once(Target.of(receiver), Message.of(row, now), attempt)


def _notification(receiver: str, now: int, portfolio: Portfolio) -> Notification:
    """Return a notification of severity `note` without a product, with a unique key."""
    key = f"test:{receiver}:{now // SECOND}"
    extra = {"summary": f"Test message of {portfolio.title}", "notes": ["No action is needed."]}
    body = note_body(Kind.TEST, key, extra, link=portfolio.public_url)
    return note(Kind.TEST, key, receiver, body, now)
