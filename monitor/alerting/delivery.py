"""The delivery loop: send each due notification until the receiver confirms it (at-least-once delivery).

Its tasks and limits are separate from those of the probes; event loop, resolver and poller are shared.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from monitor.clock import random_fraction
from monitor.network.failure import ProbeFailure, error_text, single_line
from monitor.notification import OF_NO_ALERT, Decided, Kind, Notification
from monitor.receivers.base import NotDelivered, NotNeeded
from monitor.receivers.message import Message
from monitor.receivers.registry import kind_of, prepare
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.alerting.links import Links
    from monitor.alerting.outbox import Outbox
    from monitor.clock import Clock
    from monitor.config.alerting import ReceiverBase
    from monitor.health import Health
    from monitor.network.attempt import Attempt
    from monitor.receivers.base import Deliver, ReceiverKind
    from monitor.storage.record_writer import RecordWriter

log = structlog.get_logger()

MAX_CONCURRENT: Final = 32  # messages in flight
MAX_PER_RECEIVER: Final = 8  # messages in flight to one receiver; one per key

MakeAttempt = Callable[[], "Attempt"]


@dataclass(frozen=True, slots=True)
class Target:
    """A configured receiver with its prepared delivery function."""

    receiver: ReceiverBase
    kind: ReceiverKind[Any]
    deliver: Deliver

    @classmethod
    def of(cls, receiver: ReceiverBase) -> Target:
        """Return the target of a receiver of any registered kind."""
        return cls(receiver, kind_of(receiver), prepare(receiver))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt to deliver a message.

    `error` is empty if the receiver confirmed the message. `wait` and `refused` are those of `NotDelivered`. `dropped`
    is the reason for not sending the message, empty if it was sent.
    """

    error: str = ""
    wait: int | None = None
    refused: bool = False
    dropped: str = ""


class Delivery:
    """Sends the notifications of the outbox to the configured receivers."""

    def __init__(self, outbox: Outbox, writer: RecordWriter, clock: Clock, health: Health, links: Links) -> None:
        self._links = links
        self._outbox, self._writer, self._clock, self._health = outbox, writer, clock, health
        self._targets: dict[str, Target] = {}
        self._wake = asyncio.Event()
        self._sending: dict[str, int] = {}
        self._repeats: dict[tuple[str, str], tuple[Notification, int]] = {}

    def load(self, receivers: Iterable[ReceiverBase], others: Iterable[Target] = ()) -> None:
        """Replace the targets. Unchanged receivers keep their prepared targets.

        `others` are targets other than configured receivers, such as the subscribers of a status page.
        """
        previous_targets = self._targets
        self._targets = {}
        for receiver in receivers:
            previous = previous_targets.get(receiver.id)
            if previous is not None and previous.receiver == receiver:
                self._targets[receiver.id] = previous
                continue
            try:
                self._targets[receiver.id] = Target.of(receiver)
            except Exception:  # a defect of one receiver must not stop the others
                self._health.alerting_defects += 1
                log.exception("receiver_defect", receiver=receiver.id)
        self._targets.update((target.receiver.id, target) for target in others)
        self.wake()

    def target(self, receiver: str) -> Target | None:
        """Return the target with this receiver id, or None."""
        return self._targets.get(receiver)

    def wake(self) -> None:
        """Wake up the loop after a notification was added, written or made due."""
        self._wake.set()

    def schedule_repeat(self, row: Notification) -> None:
        """Schedule the next repeat of a delivered message if the receiver's kind needs repeats of open alerts."""
        target = self._targets.get(row.receiver)
        key = (row.receiver, row.key)
        alert_is_open = row.event is not Kind.RESOLVED and row.event not in OF_NO_ALERT
        if not alert_is_open or target is None or target.kind.repeats is None:
            self._repeats.pop(key, None)
        else:
            self._repeats[key] = (row, self._clock.now() + target.kind.repeats)

    def is_repeated(self, receiver: str, key: str) -> bool:
        """Return whether the alert was delivered to a receiver that needs repeats."""
        return (receiver, key) in self._repeats

    async def run(self, make_attempt: MakeAttempt, *, drain: bool = False) -> None:
        """Deliver until cancelled. Messages in flight at that time are sent again by the next process.

        With `drain`, return when no notification is due or being sent.
        """
        self._sending.clear()
        for queue in self._outbox.queues.values():
            queue.sending.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                self._start_due(tasks, make_attempt)
                if drain and not any(self._sending.values()) and self._next_at() > self._clock.now():
                    return
                await self._wait_until(self._next_at())

    def _start_due(self, tasks: asyncio.TaskGroup, make_attempt: MakeAttempt) -> None:
        now = self._clock.now()
        self._repeat(now)
        for name, target in self._targets.items():
            for row in self._outbox.ready(name, now, self._capacity(name)):
                if row.key not in self._outbox.queue(name).sending:  # otherwise already in a group of this round
                    rows = [row, *(self._outbox.groupable(row, now) if target.kind.combines_messages else ())]
                    self._outbox.mark_sending(rows)
                    self._sending[name] = self._sending.get(name, 0) + 1
                    tasks.create_task(self._send(target, rows, make_attempt()), name=f"notify {name}")

    def _capacity(self, receiver: str) -> int:
        """Return the number of further messages that may be sent to the receiver now."""
        return min(MAX_PER_RECEIVER - self._sending.get(receiver, 0), MAX_CONCURRENT - sum(self._sending.values()))

    def _repeat(self, now: int) -> None:
        """Add the due repeats to the outbox, except for keys with a queued notification."""
        for (receiver, key), (row, at) in list(self._repeats.items()):
            if at > now:
                continue
            self.schedule_repeat(row)  # also if this repeat fails
            queue = self._outbox.queue(receiver)
            if (receiver, key) in self._repeats and key not in queue.waiting and key not in queue.sending:
                self._outbox.add([replace(row, done=None, due=now)], now, written=True)

    def _next_at(self) -> float:
        receivers = [name for name in self._targets if self._capacity(name) > 0]
        repeats = (at for (name, _), (_, at) in self._repeats.items() if name in self._targets)
        return min(self._outbox.next_at(receivers), min(repeats, default=math.inf))

    async def _wait_until(self, instant: float) -> None:
        """Wait until the instant, or until `wake` is called."""
        if math.isinf(instant):
            await self._wake.wait()
            return
        wake_time = self._clock.monotonic() + max(0.0, (instant - self._clock.now()) / SECOND)
        tasks = [asyncio.ensure_future(wait) for wait in (self._wake.wait(), self._clock.sleep_until(wake_time))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, target: Target, rows: list[Notification], attempt: Attempt) -> None:
        name, others = target.receiver.id, rows[1:]
        now = self._clock.now()
        try:
            grouped = tuple(Message.of(row, now, answer=self._links.of(row)) for row in others)
            message = Message.of(rows[0], now, grouped, answer=self._links.of(rows[0]))
            outcome = await deliver_once(target, message, attempt)
        except (ValueError, KeyError) as error:  # an unreadable body must not block other notifications
            log.error("notification_unreadable", receiver=name, key=rows[0].key, error=repr(error))
            outcome = Outcome(f"unreadable: {type(error).__name__}", refused=True)
        finally:
            self._sending[name] -= 1
            self.wake()
        self._record(rows, outcome)

    def _record(self, rows: list[Notification], outcome: Outcome) -> None:
        now, health = self._clock.now(), self._health
        if not outcome.error:
            changed = [self._outbox.mark_delivered(row, now) for row in rows]
            if outcome.dropped:
                log.info("notification_dropped", receiver=rows[0].receiver, key=rows[0].key, reason=outcome.dropped)
            else:
                health.notifications_sent += len(rows)
            for row in changed:
                self.schedule_repeat(row)
        else:
            jitter = random_fraction()
            changed = [
                self._outbox.mark_failed(row, now, outcome.error, jitter, wait=outcome.wait, refused=outcome.refused)
                for row in rows
            ]
            health.notification_failures += 1
            if changed[0].attempts == 1:
                log.warning("notification_failed", receiver=rows[0].receiver, key=rows[0].key, error=outcome.error)
        self._writer.put_decided(Decided((), tuple(changed)), urgent=not outcome.error)


async def deliver_once(target: Target, message: Message, attempt: Attempt) -> Outcome:
    """Make one attempt to deliver a message. Raises nothing but `CancelledError`."""
    seconds = target.receiver.timeout / SECOND
    attempt.limit(seconds)
    try:
        async with asyncio.timeout(seconds):
            await target.deliver(attempt, message)
    except TimeoutError:
        return Outcome(f"no confirmation within {seconds:g} s")
    except NotDelivered as answer:
        return Outcome(single_line(answer.detail), answer.wait, answer.refused)
    except NotNeeded as reason:
        return Outcome(dropped=str(reason))
    except (ProbeFailure, OSError) as error:
        return Outcome(error_text(error))
    except Exception as error:  # a defect of one receiver must not stop the others
        log.error("receiver_defect", receiver=target.receiver.id, error=repr(error), exc_info=True)
        return Outcome(f"defect: {type(error).__name__}")
    return Outcome()
