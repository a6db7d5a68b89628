"""Record heartbeats: which due instant each ping answers, and which due instants were missed.

The timeline has all decisions, so a restart needs nothing else; only the start of a run in progress is lost.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from monitor.network.failure import quoted
from monitor.probe_result import ProbeResult
from monitor.probes.heartbeat import HeartbeatCheck
from sla.interval import MINUTE, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger

log = structlog.get_logger()

ROUND = 5 * SECOND  # between two checks for overdue pings; misses are recorded at their due instant
_ASLEEP = 6 * ROUND  # since the last check: pings may have been lost in so long a time
_EARLY = MINUTE  # a success answers a due instant from so long before it, because clocks differ
_MOST = 1_000  # misses recorded per check

Record = Callable[["CheckEntry", ProbeResult, int, float], None]
_NO_TOKEN = "no check has this token; comparing takes as long"  # noqa: S105 - not a password


@dataclass(slots=True)
class _Listening:
    """State of one check: listening without interruption since, last checked, and the start of a run in progress."""

    since: int
    checked: int
    started: int | None = None


class Heartbeats:
    """Receives pings and records missed ones. Use it on the event loop's thread only."""

    def __init__(self, ledger: Ledger, record: Record, clock: Clock) -> None:
        self._ledger, self._record, self._clock = ledger, record, clock
        self._listening: dict[str, _Listening] = {}

    def admitted(self, key: str, token: str) -> CheckEntry | None:
        """Return the heartbeat check with this key if the token matches, in constant time."""
        entry = self._ledger.entries.get(key)
        check = entry.check if entry is not None else None
        secret = check.token.reveal() if isinstance(check, HeartbeatCheck) else _NO_TOKEN
        same = hmac.compare_digest(token.encode(errors="surrogatepass"), secret.encode())
        return entry if same and isinstance(check, HeartbeatCheck) else None

    def start(self, entry: CheckEntry) -> None:
        """Note that a run began."""
        self.look(entry)
        self._listening_of(entry.key).started = self._clock.now()

    def end(self, entry: CheckEntry, code: int, note: str = "") -> None:
        """Record that a run ended, with exit code 0 for a success, at the due instant that it answers.

        A second report for the same due instant (a late success, a retry) is recorded at its own.
        """
        self.look(entry)
        check, now, listening = _check(entry), self._clock.now(), self._listening_of(entry.key)
        last, began = entry.timeline.last_at, listening.started or now
        due = check.heartbeat.last(began + _early(check), check.zone)
        answers = began <= due + check.grace and (last is None or due > last)
        at = min(due, now) if answers else now
        ran = (now - listening.started) / SECOND if listening.started is not None else 0.0
        listening.started = None
        self._record(entry, _reported(code, note), at, ran)

    def note(self, entry: CheckEntry, text: str) -> None:
        """Log a message of a run; the record does not change."""
        log.info("heartbeat_note", check=entry.key, note=quoted(text, 500))

    def look(self, entry: CheckEntry) -> None:
        """Record missed pings, each at the instant at which it was due."""
        now, check = self._clock.now(), _check(entry)
        listening = self._listening_of(entry.key)
        if now - listening.checked > _ASLEEP:  # suspended or stuck: pings may have been lost meanwhile
            listening.since, listening.started = now, None
        listening.checked = now
        for _ in range(_MOST):
            at, deadline, reason = self._next(entry, check, listening)
            if now < deadline:
                return
            listening.started = None
            self._record(entry, ProbeResult(Outcome.BAD, reason, detail=f"due {check.heartbeat}"), at, 0.0)

    def _next(self, entry: CheckEntry, check: HeartbeatCheck, listening: _Listening) -> tuple[int, int, str]:
        """Return the next due instant, the instant from which it counts as missed, and the reason of the miss."""
        last = entry.timeline.last_at
        if listening.started is not None and (last is None or listening.started > last):
            end = listening.started + check.longest_run
            return end, end, "heartbeat_overran"
        heard = listening.since if last is None else max(listening.since, last + _early(check))
        due = check.heartbeat.after(heard, check.zone)
        return due, due + check.grace, "heartbeat_missed"

    def _listening_of(self, key: str) -> _Listening:
        now = self._clock.now()
        return self._listening.setdefault(key, _Listening(now, now))


def _check(entry: CheckEntry) -> HeartbeatCheck:
    assert isinstance(entry.check, HeartbeatCheck), "checked by the caller"  # noqa: S101 - for the type checker
    return entry.check


def _early(check: HeartbeatCheck) -> int:
    """Return how long before a due instant (microseconds) a report answers it; 0 for `every`, which has no instants."""
    shortest, _ = check.heartbeat.gaps(check.zone)
    return 0 if check.heartbeat.every is not None else min(_EARLY, shortest // 10)


def _reported(code: int, note: str) -> ProbeResult:
    detail = quoted(note, 200) if note else ""
    if code == 0:
        return ProbeResult(Outcome.GOOD, detail=detail)
    text = f"exit code {code}{': ' + detail if detail else ''}"
    return ProbeResult(Outcome.BAD, "heartbeat_failed", code, detail=text)
