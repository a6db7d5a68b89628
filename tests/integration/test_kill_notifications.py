"""kill -9 between decision, delivery and confirmation: no notification is lost, and a repeated one has the same key."""

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
from tests.support.recorder_process import RecorderController
from tests.support.sinks import Received, Reply, Sink

if TYPE_CHECKING:
    from pathlib import Path

MAX_LINES, MAX_SECONDS = 40, 0.03  # a kill comes at a random line and delay below these
REJECTED_SHARE = 0.1  # share of the requests that the receiver rejects

KeyAndEvent = tuple[str, str]


class Receiver:
    """A sink that rejects some requests, closes some connections without a response, and stores the accepted
    notifications.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - not for cryptography
        self.accepted: list[KeyAndEvent] = []
        self.bodies: dict[str, set[bytes]] = {}

    def decide(self, request: Received) -> Reply:
        """Return the response. A request whose response is dropped counts as accepted."""
        draw = self._chance.random()
        if draw < REJECTED_SHARE:
            return Reply(500)
        body = request.json()
        self.accepted.append((body["key"], body["event"]))
        self.bodies.setdefault(request.headers["idempotency-key"], set()).add(request.body)
        return Reply(0) if draw < REJECTED_SHARE * 1.5 else Reply()


def kill_one(recording: RecorderController, lines: int, delay: float) -> list[str]:
    """Start a process, kill it `delay` seconds after its first `lines` lines, and return all its lines."""
    process = recording.start()
    lines_read = [recording.line() for _ in range(lines)]
    end = time.monotonic() + delay
    with contextlib.suppress(queue.Empty):
        while (remaining := end - time.monotonic()) > 0:
            lines_read.append(recording.line(remaining))
    return [*lines_read, *recording.kill(process)]


def run_rounds(path: Path, count: int, seed: int) -> None:
    """Kill this many processes on one record, let a last one finish, and compare the accepted notifications."""
    chance, receiver = random.Random(seed), Receiver(seed)  # noqa: S311
    output_lines: list[str] = []
    with Sink().serving() as sink:
        sink.decide = receiver.decide
        with RecorderController(path, sink.url(), module="tests.support.alerting_process") as recording:
            for _ in range(count):
                output_lines += kill_one(recording, chance.randrange(MAX_LINES), chance.uniform(0.0, MAX_SECONDS))
        asyncio.run(notify(path, sink.url(), failing=False))
    compare_notifications(path, output_lines, receiver, count)


def compare_notifications(path: Path, output_lines: list[str], receiver: Receiver, kills: int) -> None:
    """No decided notification is lost, each opened event has a later resolved event, repetitions are equal and few."""
    decided = {tuple(line.split()[1:]) for line in output_lines if line.startswith("decided ")}
    marked = {tuple(line.split()[1:]) for line in output_lines if line.startswith("marked ")}
    accepted = set(receiver.accepted)
    assert decided <= accepted
    assert marked <= accepted
    assert {key for key, event in accepted if event == "opened"} == {
        key for key, event in accepted if event == "resolved"
    }
    first_index = {notification: index for index, notification in reversed(list(enumerate(receiver.accepted)))}
    assert all(
        first_index[key, "opened"] < first_index[key, "resolved"] for key, event in accepted if event == "resolved"
    )
    assert all(len(bodies) == 1 for bodies in receiver.bodies.values()), "a repeated event has the same body"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        outages = {key for (key,) in connection.execute("SELECT id FROM product_incidents")}
        waiting = connection.execute("SELECT count(*) FROM notifications WHERE done IS NULL").fetchone()
    assert outages == {key for key, _ in accepted}, "each outage was announced, and only outages were announced"
    assert waiting == (0,)
    repetitions = sum(count - 1 for count in Counter(receiver.accepted).values())
    assert repetitions <= 8 * kills + len(receiver.accepted) // 5, "only kills and dropped responses cause repetitions"


@pytest.mark.fault(2)
def test_notifications_survive_five_kills(tmp_path: Path) -> None:
    run_rounds(tmp_path / "record.db", 5, 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault(2)
def test_notifications_survive_fifty_kills(tmp_path: Path) -> None:
    for seed in range(1, 6):
        run_rounds(tmp_path / f"record-{seed}.db", 10, seed)


@pytest.mark.full
@pytest.mark.timeout(7_200)
def test_notifications_survive_five_hundred_kills(tmp_path: Path) -> None:
    for seed in range(6, 31):
        run_rounds(tmp_path / f"record-{seed}.db", 20, seed)
