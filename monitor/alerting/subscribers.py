"""Messages to the subscribers of status pages: one notification of the outbox per message and subscription.

A notification's key contains the id of the subscription; the address is looked up when the mail is sent. So rows
contain no address, and messages for a deleted subscription are dropped. A notification is recorded before it is sent,
and each key is created only once, also across restarts.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import structlog

from monitor.alerting.delivery import Target
from monitor.alerting.made_notes import MAX_LATENESS
from monitor.alerting.note_body import note, note_body
from monitor.alerting.subscriber_mail import MailContext, subscriber_mail
from monitor.alerting.subscriber_topics import Topic, incident_topics, maintenance_topics
from monitor.errors import NinewatchError
from monitor.language import loaded
from monitor.notification import Kind
from monitor.receivers.base import NotNeeded
from monitor.receivers.email import EmailReceiver
from monitor.receivers.personal_mail import prepare_personal
from monitor.receivers.registry import kind_of
from sla.interval import MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from monitor.access.link import LinkSigner
    from monitor.access.subscriptions import Subscription, Subscriptions
    from monitor.alerting.made_notes import MadeNotes
    from monitor.alerting.outbox import Outbox
    from monitor.clock import Clock
    from monitor.config.status_pages import StatusPage
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Notification
    from monitor.receivers.message import Message

log = structlog.get_logger()

QUEUE: Final = "subscribers:"  # + page id: the receiver of its notifications; configured receivers cannot have such ids
MAX_NEW: Final = 200  # notifications of a page without an attempt; bounds the outbox
INTERVAL: Final = MINUTE  # between two checks of the planned maintenance
_KEY: Final = "subscription"
_LINK: Final = "link"


class Subscribers:
    """Creates the due notifications of subscribers, and sends them."""

    def __init__(
        self, ledger: Ledger, clock: Clock, made: MadeNotes, subscriptions: Subscriptions, signer: LinkSigner
    ) -> None:
        self._ledger, self._clock, self._notes = ledger, clock, made
        self._subscriptions, self._signer = subscriptions, signer
        self._made: defaultdict[tuple[str, str], set[str]] = defaultdict(set)  # ids by page and topic
        # The version and the components that a topic was sent for: maintenance may get more components.
        self._complete: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
        self._was_read = False
        self._maintenance: dict[str, tuple[int, list[Topic]]] = {}
        self._expire_at = 0

    def targets(self) -> Iterator[Target]:
        """Yield a target for each page with subscriptions. It uses the mail server of the page's receiver."""
        portfolio = self._ledger.portfolio
        receivers = {receiver.id: receiver for receiver in portfolio.receivers}
        for page in portfolio.status_pages:
            receiver = None if page.subscribe is None else receivers.get(page.subscribe.receiver)
            if page.subscribe is not None and isinstance(receiver, EmailReceiver):
                sender, address = page.subscribe.sender or receiver.email.sender, page.address(portfolio.public_url)
                context = MailContext(page, address, sender, self._signer, portfolio.zone)
                named = receiver.model_copy(update={"id": f"{QUEUE}{page.id}"})
                deliver = prepare_personal(named, partial(self._compose, context))
                yield Target(named, kind_of(receiver), deliver)

    def _compose(self, context: MailContext, message: Message) -> EmailMessage:
        """Return the email of a message.

        Raises:
            NotNeeded: the subscription was deleted, or the message is too old.
        """
        subscription = self._subscriptions.get(_parts(message.key)[0])
        if subscription is None or subscription.page != context.page.id or subscription.is_expired(message.now):
            raise NotNeeded("the subscription does not exist any more")
        fields: dict[str, Any] = message.fields["subscriber"]
        if message.now - fields["made"] > MAX_LATENESS:
            raise NotNeeded("the message is too old")
        return subscriber_mail(context, subscription, fields, message.idempotency_key, message.now)

    async def due(self, outbox: Outbox) -> list[Notification]:
        """Return the notifications that are due now and not in the record. Erase unconfirmed addresses."""
        now = self._clock.now()
        rows: list[Notification] = []
        await self._expire(now)
        for page in self._ledger.portfolio.status_pages:
            if page.subscribe is not None:
                await loaded(page.languages)
                rows += await self._due(page, now, outbox)
        return rows

    async def _expire(self, now: int) -> None:
        if now < self._expire_at:
            return
        try:
            await self._subscriptions.expire(now)
        except NinewatchError as error:
            log.error("subscriptions_not_expired", error=str(error))
        self._expire_at = now + INTERVAL

    async def _due(self, page: StatusPage, now: int, outbox: Outbox) -> list[Notification]:
        waiting = outbox.queue(f"{QUEUE}{page.id}").waiting.values()
        room = max(0, MAX_NEW - sum(row.attempts == 0 for rows in waiting for row in rows.values()))
        version, topics = self._subscriptions.version, self._topics(page, now)
        unsent = list(islice(self._unsent(page, topics), room))
        if unsent and not await self._read(now):
            return []
        rows = []
        for subscription, topic in unsent:
            made = self._made[page.id, topic.name]
            if subscription.id not in made:
                made.add(subscription.id)
                rows.append(_row(page, subscription, topic, now))
        if len(unsent) < room and version == self._subscriptions.version:
            self._complete.update({(page.id, topic.name): (version, topic.components) for topic in topics})
        return rows

    def _unsent(self, page: StatusPage, topics: list[Topic]) -> Iterator[tuple[Subscription, Topic]]:
        """Yield the messages that are not known to exist. The record may contain them."""
        for topic in topics:
            if self._complete.get((page.id, topic.name)) == (self._subscriptions.version, topic.components):
                continue
            made = self._made[page.id, topic.name]
            for subscription in self._candidates(page, topic):
                if subscription.id not in made and _is_recipient(subscription, topic):
                    yield subscription, topic

    def _candidates(self, page: StatusPage, topic: Topic) -> list[Subscription]:
        if topic.kind != _LINK:
            return self._subscriptions.of_page(page.id)
        subscription = self._subscriptions.get(topic.components[0])
        return [] if subscription is None else [subscription]

    def _topics(self, page: StatusPage, now: int) -> list[Topic]:
        """Return the topics to send now; forget the messages created for other topics."""
        due_at, maintenance = self._maintenance.get(page.id, (0, []))
        if not due_at <= now < due_at + INTERVAL:
            maintenance = list(maintenance_topics(self._ledger, page, now))
            self._maintenance[page.id] = now, maintenance
        incidents = incident_topics(self._ledger.facts, page, self._ledger.portfolio.zone, now)
        topics = [*self._links(page, now), *incidents, *maintenance]
        known = {(page.id, topic.name) for topic in topics}
        for key in [key for key in self._made if key[0] == page.id and key not in known]:
            del self._made[key]
            self._complete.pop(key, None)
        return topics

    def _links(self, page: StatusPage, now: int) -> Iterator[Topic]:
        """Yield the requested link messages, each for one subscription."""
        for subscription in self._subscriptions.of_page(page.id):
            for at in subscription.links:
                if 0 <= now - at <= MAX_LATENESS:
                    yield Topic(f"link:{at}:{subscription.id}", _LINK, (subscription.id,), at, {})

    async def _read(self, now: int) -> bool:
        """Read the notifications of earlier processes, once. Return False while the record cannot be read."""
        if not self._was_read:
            rows = await self._notes.read(now - 2 * MAX_LATENESS)
            if rows is None:
                return False
            for row in rows:
                if row.receiver.startswith(QUEUE):
                    name, topic = _parts(row.key)
                    self._made[row.receiver.removeprefix(QUEUE), topic].add(name)
            self._was_read = True
        return True


def _is_recipient(subscription: Subscription, topic: Topic) -> bool:
    if topic.kind == _LINK:
        return True
    confirmed = subscription.confirmed
    chosen = subscription.choice.includes(topic.kind, topic.components)
    return confirmed is not None and confirmed <= topic.before and chosen


def _row(page: StatusPage, subscription: Subscription, topic: Topic, now: int) -> Notification:
    key = f"{_KEY}:{subscription.id}:{topic.name}"
    extra = {"summary": f"Message to a subscriber of {page.title}"}
    body = note_body(Kind.REPORT, key, extra, subscriber={"made": now // SECOND * SECOND, **topic.text})
    return note(Kind.REPORT, key, f"{QUEUE}{page.id}", body, now)


def _parts(key: str) -> tuple[str, str]:
    """Split a key into the id of the subscription and the name of the topic."""
    _, name, topic = key.split(":", 2)
    return name, topic
