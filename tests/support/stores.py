"""Stores for tests: an in-memory store with the contract of `monitor.storage.store`, and one that fails on demand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from monitor.errors import StoreError
from monitor.storage.frames import PRUNE_LIMIT, Position, StoredFrame
from sla.observation import PRECEDENCE, Observation, Outcome, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.notification import Notification
    from monitor.storage.store import Batch
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.interval import Interval
    from sla.latency_day import LatencyDay
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


class MemoryStore:
    """A store in dictionaries. While `error` is set, every write fails with it and changes no data.

    `batches` has the committed batches in order. `commits` is set at every commit, `failures` at every failure: tests
    wait for them instead of sleeping. While `gate` is clear, a write hangs as on a dead disk.
    """

    version = "memory"

    def __init__(self) -> None:
        self.seen: dict[tuple[int, str, str], Observation] = {}
        self.runs: dict[tuple[str, str, int], Run] = {}
        self.incidents: dict[str, Incident] = {}
        self.facts: dict[str, Fact] = {}
        self.product_incidents: dict[str, ProductIncident] = {}
        self.notifications: dict[tuple[str, str, int], Notification] = {}
        self.responses: dict[tuple[str, int], Response] = {}
        self.latency_days: dict[tuple[str, str, int], LatencyDay] = {}
        self.frames: list[StoredFrame] = []
        self.cursors: dict[str, Position] = {}
        self.folded_until: int | None = None
        self.batches: list[Batch] = []
        self.error = ""
        self.lost_reason, self.keeps_data = "", True
        self.maintained = 0
        self.closed = False
        self.commits, self.failures, self.entered = threading.Event(), threading.Event(), threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def write(self, batch: Batch) -> None:
        self.entered.set()
        self.gate.wait(30)
        if self.error:
            self.failures.set()
            raise StoreError(self.error)
        for observation in batch.observations:
            key = (observation.at, observation.check, observation.vantage)
            stored = self.seen.get(key)
            if stored is None or PRECEDENCE[observation.outcome] > PRECEDENCE[stored.outcome]:
                self.seen[key] = observation
        self.runs |= {(run.check, run.vantage, run.first): run for run in batch.runs}
        self.incidents |= {incident.id: incident for incident in batch.incidents}
        self.product_incidents |= {incident.id: incident for incident in batch.product_incidents}
        self.notifications |= {row.identity: row for row in batch.notifications}
        self.responses |= {(response.key, response.started): response for response in batch.responses}
        self.latency_days |= {(day.check, day.vantage, day.start): day for day in batch.latency_days}
        for fact in batch.facts:
            self.facts.setdefault(fact.id, fact)
        if (frame := batch.frame) is not None:
            seq = max(
                (one.position.seq for one in self.frames if one.position.incarnation == frame.incarnation), default=0
            )
            self.frames.append(StoredFrame(Position(frame.incarnation, seq + 1), frame.at, frame.body))
        for cursor in batch.cursors:
            self.cursors[cursor.vantage] = max(cursor.position, self.cursors.get(cursor.vantage, cursor.position))
        if batch.folded_until is not None:
            self.folded_until = max(batch.folded_until, self.folded_until or batch.folded_until)
        self.batches.append(batch)
        self.commits.set()

    def load_runs(self) -> Iterator[Run]:
        yield from sorted(self.runs.values(), key=lambda run: (run.check, run.vantage, run.first))

    def load_tail(self) -> Iterator[Observation]:
        last: dict[tuple[str, str], int] = {}
        for run in self.load_runs():
            last[run.check, run.vantage] = run.last
        for _, observation in sorted(self.seen.items()):
            if observation.at > last.get((observation.check, observation.vantage), -1):
                yield observation

    def load_latency_days(self) -> Iterator[LatencyDay]:
        yield from (day for _, day in sorted(self.latency_days.items()))

    def recent_latencies(self) -> Iterator[tuple[str, int, int]]:
        for (at, check, vantage), observation in sorted(self.seen.items()):
            if (
                observation.outcome is Outcome.GOOD
                and observation.latency is not None
                and vantage == "local"
                and not observation.recheck
                and (self.folded_until is None or at >= self.folded_until)
            ):
                yield check, at, observation.latency

    def load_incidents(self) -> list[Incident]:
        return sorted(self.incidents.values(), key=lambda incident: (incident.opened, incident.id))

    def load_product_incidents(self) -> list[ProductIncident]:
        return sorted(self.product_incidents.values(), key=lambda incident: (incident.opened, incident.id))

    def load_notifications(self) -> list[Notification]:
        by_key: dict[tuple[str, str], list[Notification]] = {}
        for row in self.notifications.values():
            by_key.setdefault((row.key, row.receiver), []).append(row)
        remaining_rows = [
            rows
            for rows in by_key.values()
            if any(row.done is None for row in rows) or all(row.event not in ("resolved", "report") for row in rows)
        ]
        return sorted(
            (row for rows in remaining_rows for row in rows),
            key=lambda row: (row.made, row.key, row.receiver, row.turn),
        )

    def load_responses(self) -> list[Response]:
        return sorted(
            (response for response in self.responses.values() if response.ended is None),
            key=lambda response: (response.started, response.key),
        )

    def load_facts(self) -> list[Fact]:
        return sorted(self.facts.values(), key=lambda fact: (fact.made, fact.id))

    def load_cursors(self) -> dict[str, Position]:
        return dict(self.cursors)

    def next_incarnation(self, now: int) -> int:
        return max([now, *(one.position.incarnation + 1 for one in self.frames)])

    def prune_frames(self, before: int) -> list[Position]:
        old = sorted(self.frames, key=lambda one: one.position)[:-1][:PRUNE_LIMIT]
        deleted = [one.position for one in old if one.at < before]
        self.frames = [one for one in self.frames if one.position not in deleted]
        return deleted

    def observations(self, check: str, window: Interval) -> list[Observation]:
        return [
            observation
            for (at, key, _), observation in sorted(self.seen.items())
            if key == check and window.start <= at < window.end
        ]

    def prune(self, before: int, limit: int = 5_000) -> int:
        bound = min(before, self.folded_until if self.folded_until is not None else before - 10**18)
        unfinished = {row.identity for row in self.load_notifications()}
        last = {
            row.key: max(o.made for o in self.notifications.values() if o.key == row.key)
            for row in self.notifications.values()
        }
        self.notifications = {
            identity: row
            for identity, row in self.notifications.items()
            if identity in unfinished or last[row.key] >= before
        }
        removed = [key for key in sorted(self.seen) if key[0] < bound][:limit]
        for key in removed:
            del self.seen[key]
        return len(removed)

    def maintain(self) -> None:
        self.maintained += 1

    def describe_change(self) -> str:
        return self.lost_reason

    def replace_lost_record(self) -> bool:
        if self.error:
            raise StoreError(self.error)
        if not self.keeps_data:
            self.seen, self.runs, self.incidents, self.facts = {}, {}, {}, {}
            self.product_incidents, self.notifications, self.responses = {}, {}, {}
        self.lost_reason = ""
        return self.keeps_data

    def close(self) -> None:
        self.closed = True
