"""The delivery loop: sends what is due, at least once, and marks it done when the receiver has confirmed it.

It has tasks and limits of its own and shares nothing with the probes but the event loop, the resolver and the poller.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from monitor.clock import chance
from monitor.log import concealed
from monitor.network.failure import DETAIL_LIMIT, ProbeFailure
from monitor.notification import Decided, Kind, Notification
from monitor.receivers.base import NotDelivered
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

TOGETHER: Final = 32  # messages under way at once
EACH: Final = 8  # of them to one receiver, of different keys

MakeAttempt = Callable[[], "Attempt"]


@dataclass(frozen=True, slots=True)
class Target:
    """A configured receiver, ready to be sent to."""

    receiver: ReceiverBase
    kind: ReceiverKind[Any]
    deliver: Deliver

    @classmethod
    def of(cls, receiver: ReceiverBase) -> Target:
        """Return the target of a receiver of any registered kind."""
        return cls(receiver, kind_of(receiver), prepare(receiver))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt; `error` is empty when the receiver has confirmed the message."""

    error: str = ""
    wait: int | None = None
    refused: bool = False


class Delivery:
    """Sends the rows of the outbox to the configured receivers."""

    def __init__(self, outbox: Outbox, writer: RecordWriter, clock: Clock, health: Health, links: Links) -> None:
        self._links = links
        self._outbox, self._writer, self._clock, self._health = outbox, writer, clock, health
        self._targets: dict[str, Target] = {}
        self._wake = asyncio.Event()
        self._under_way: dict[str, int] = {}
        self._firing: dict[tuple[str, str], tuple[Notification, int]] = {}

    def load(self, receivers: Iterable[ReceiverBase]) -> None:
        """Take over the configured receivers; one that did not change is kept as it is."""
        held = self._targets
        self._targets = {}
        for receiver in receivers:
            known = held.get(receiver.id)
            if known is not None and known.receiver == receiver:
                self._targets[receiver.id] = known
                continue
            try:
                self._targets[receiver.id] = Target.of(receiver)
            except Exception:  # a defect of one receiver must not stop the others
                self._health.alerting_defects += 1
                log.exception("receiver_defect", receiver=receiver.id)
        self.wake()

    def target(self, receiver: str) -> Target | None:
        """Return a configured receiver, None if there is none of this id."""
        return self._targets.get(receiver)

    def wake(self) -> None:
        """Have the loop look again: something was added, written or made due."""
        self._wake.set()

    def fire(self, row: Notification) -> None:
        """Note the newest message of an open alert for a receiver that has to be sent it again and again."""
        target = self._targets.get(row.receiver)
        key = (row.receiver, row.key)
        lasting = row.event not in (Kind.RESOLVED, Kind.HEARTBEAT)
        if not lasting or target is None or target.kind.repeats is None:
            self._firing.pop(key, None)
        else:
            self._firing[key] = (row, self._clock.now() + target.kind.repeats)

    def took(self, receiver: str, key: str) -> bool:
        """Return whether a receiver that is sent the alert again and again has taken it before."""
        return (receiver, key) in self._firing

    async def run(self, make_attempt: MakeAttempt, *, drain: bool = False) -> None:
        """Deliver until cancelled; what is under way then is cut off and tried again by the next process.

        With `drain`, return once nothing is due any more.
        """
        self._under_way.clear()
        for lane in self._outbox.lanes.values():
            lane.sending.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                self._start_what_is_due(tasks, make_attempt)
                if drain and not any(self._under_way.values()) and self._next_at() > self._clock.now():
                    return
                await self._until(self._next_at())

    def _start_what_is_due(self, tasks: asyncio.TaskGroup, make_attempt: MakeAttempt) -> None:
        now = self._clock.now()
        self._repeat(now)
        for name, target in self._targets.items():
            for row in self._outbox.ready(name, now, self._room(name)):
                if row.key not in self._outbox.lane(name).sending:  # else it was joined with one before it
                    rows = [row, *(self._outbox.joined(row, now) if target.kind.groups else ())]
                    self._outbox.begin(rows)
                    self._under_way[name] = self._under_way.get(name, 0) + 1
                    tasks.create_task(self._send(target, rows, make_attempt()), name=f"notify {name}")

    def _room(self, receiver: str) -> int:
        """Return how many more messages may be sent to the receiver at once."""
        return min(EACH - self._under_way.get(receiver, 0), TOGETHER - sum(self._under_way.values()))

    def _repeat(self, now: int) -> None:
        """Put the messages back that a receiver has to be sent again, unless a newer one of the key waits."""
        for (receiver, key), (row, at) in list(self._firing.items()):
            if at > now:
                continue
            self.fire(row)  # the next repeat is due later, whatever becomes of this one
            lane = self._outbox.lane(receiver)
            if (receiver, key) in self._firing and key not in lane.waiting and key not in lane.sending:
                self._outbox.add([replace(row, done=None, due=now)], now, written=True)

    def _next_at(self) -> float:
        receivers = [name for name in self._targets if self._room(name) > 0]
        repeats = (at for (name, _), (_, at) in self._firing.items() if name in self._targets)
        return min(self._outbox.next_at(receivers), min(repeats, default=math.inf))

    async def _until(self, instant: float) -> None:
        """Return at the instant, or as soon as there is a reason to look again."""
        if math.isinf(instant):
            await self._wake.wait()
            return
        moment = self._clock.monotonic() + max(0.0, (instant - self._clock.now()) / SECOND)
        waits = [asyncio.ensure_future(each) for each in (self._wake.wait(), self._clock.sleep_until(moment))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _send(self, target: Target, rows: list[Notification], attempt: Attempt) -> None:
        name, others = target.receiver.id, rows[1:]
        now = self._clock.now()
        try:
            joined = tuple(Message.of(row, now, answer=self._links.of(row)) for row in others)
            message = Message.of(rows[0], now, joined, answer=self._links.of(rows[0]))
            outcome = await deliver_once(target, message, attempt)
        except (ValueError, KeyError) as error:  # a damaged body must not stop the other notifications
            log.error("notification_unreadable", receiver=name, key=rows[0].key, error=repr(error))
            outcome = Outcome(f"unreadable: {type(error).__name__}", refused=True)
        finally:
            self._under_way[name] -= 1
            self.wake()
        self._settle(rows, outcome)

    def _settle(self, rows: list[Notification], outcome: Outcome) -> None:
        now, health = self._clock.now(), self._health
        if not outcome.error:
            settled = [self._outbox.delivered(row, now) for row in rows]
            health.notifications_sent += len(rows)
            for row in settled:
                self.fire(row)
        else:
            share = chance()
            settled = [
                self._outbox.failed(row, now, outcome.error, share, wait=outcome.wait, refused=outcome.refused)
                for row in rows
            ]
            health.notification_failures += 1
            if settled[0].attempts == 1:
                log.warning("notification_failed", receiver=rows[0].receiver, key=rows[0].key, error=outcome.error)
        self._writer.put_decided(Decided((), tuple(settled)), urgent=not outcome.error)


async def deliver_once(target: Target, message: Message, attempt: Attempt) -> Outcome:
    """Make one attempt to deliver a message; raises nothing but cancellation."""
    seconds = target.receiver.timeout / SECOND
    attempt.limit(seconds)
    try:
        async with asyncio.timeout(seconds):
            await target.deliver(attempt, message)
    except TimeoutError:
        return Outcome(f"no confirmation within {seconds:g} s")
    except NotDelivered as answer:
        return Outcome(_line(answer.detail), answer.wait, answer.refused)
    except ProbeFailure as failure:
        return Outcome(_line(f"{failure.reason}: {failure.detail}"))
    except OSError as error:
        return Outcome(_line(error.strerror or str(error) or type(error).__name__))
    except Exception as error:  # a defect of one receiver must not stop the others
        log.error("receiver_defect", receiver=target.receiver.id, error=repr(error), exc_info=True)
        return Outcome(f"defect: {type(error).__name__}")
    return Outcome()


def _line(text: str) -> str:
    with contextlib.suppress(ValueError):
        text = concealed(text)
    return " ".join(text.split())[:DETAIL_LIMIT] or "failed"
