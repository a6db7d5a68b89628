"""kill -9 between decided, sent and marked: no notification is lost, and one that is repeated has the same key."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.alerting_process import notify
from tests.support.recorder_process import Recording
from tests.support.sinks import Received, Reply, Sink

if TYPE_CHECKING:
    from pathlib import Path

LINES, MORE = 40, 0.03  # a kill falls within so many acknowledgements and so many seconds
REFUSED = 0.1  # share of the requests that the receiver does not take

Told = tuple[str, str]


class Receiver:
    """A sink that refuses some requests, drops the answer to some, and knows what it has taken."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - it only chooses what is refused
        self.taken: list[Told] = []
        self.bodies: dict[str, set[bytes]] = {}

    def decide(self, request: Received) -> Reply:
        """Return the answer; a dropped one was taken all the same, as far as the receiver is concerned."""
        luck = self._chance.random()
        if luck < REFUSED:
            return Reply(500)
        body = request.json()
        self.taken.append((body["key"], body["event"]))
        self.bodies.setdefault(request.headers["idempotency-key"], set()).add(request.body)
        return Reply(0) if luck < REFUSED * 1.5 else Reply()


def kill_one(recording: Recording, lines: int, more: float) -> list[str]:
    """Start a process, kill it `more` seconds after it said that many lines, and return all that it said."""
    process = recording.start()
    said = [recording.line() for _ in range(lines)]
    end = time.monotonic() + more
    with contextlib.suppress(queue.Empty):
        while (left := end - time.monotonic()) > 0:
            said.append(recording.line(left))
    return [*said, *recording.kill(process)]


def rounds(path: Path, count: int, seed: int) -> None:
    """Kill so many processes on one record, let the last one finish its work, and compare what was taken."""
    chance, receiver = random.Random(seed), Receiver(seed)  # noqa: S311
    said: list[str] = []
    with Sink().serving() as sink:
        sink.decide = receiver.decide
        with Recording(path, sink.url(), module="tests.support.alerting_process") as recording:
            for _ in range(count):
                said += kill_one(recording, chance.randrange(LINES), chance.uniform(0.0, MORE))
        asyncio.run(notify(path, sink.url(), failing=False))
    check(path, said, receiver, count)


def check(path: Path, said: list[str], receiver: Receiver, kills: int) -> None:
    """Nothing that was decided is lost; each trigger has its resolve, after it; repeats are the same and few."""
    decided = {tuple(line.split()[1:]) for line in said if line.startswith("decided ")}
    marked = {tuple(line.split()[1:]) for line in said if line.startswith("marked ")}
    taken = set(receiver.taken)
    assert decided <= taken
    assert marked <= taken
    assert {key for key, event in taken if event == "opened"} == {key for key, event in taken if event == "resolved"}
    first = {told: index for index, told in reversed(list(enumerate(receiver.taken)))}
    assert all(first[key, "opened"] < first[key, "resolved"] for key, event in taken if event == "resolved")
    assert all(len(bodies) == 1 for bodies in receiver.bodies.values()), "a repeated event says the same"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        outages = {key for (key,) in connection.execute("SELECT id FROM product_incidents")}
        waiting = connection.execute("SELECT count(*) FROM notifications WHERE done IS NULL").fetchone()
    assert outages == {key for key, _ in taken}, "each outage was announced, and nothing else"
    assert waiting == (0,)
    dropped = sum(count - 1 for count in Counter(receiver.taken).values())
    assert dropped <= 8 * kills + len(receiver.taken) // 5, "repeats come of kills and of dropped answers only"


def test_no_notification_is_lost_when_the_daemon_is_killed(tmp_path: Path) -> None:
    rounds(tmp_path / "record.db", 5, 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_notification_is_lost_in_fifty_kills(tmp_path: Path) -> None:
    for seed in range(1, 6):
        rounds(tmp_path / f"record-{seed}.db", 10, seed)


@pytest.mark.full
@pytest.mark.timeout(7_200)
def test_no_notification_is_lost_in_five_hundred_kills(tmp_path: Path) -> None:
    for seed in range(6, 31):
        rounds(tmp_path / f"record-{seed}.db", 20, seed)
