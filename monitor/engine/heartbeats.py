"""What pings mean for the record: which due instant each answers, and which went by unanswered.

All that is decided stands in the timeline, so a restart needs nothing else; only the start of a run under way is lost.
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
    from monitor.check_entry import CheckEntry
    from monitor.clock import Clock
    from monitor.ledger import Ledger

log = structlog.get_logger()

ROUND = 5 * SECOND  # between two looks for what is overdue; the record is back-dated, so only pages wait for it
_ASLEEP = 6 * ROUND  # since the last look: for so long nobody may have heard a ping
_EARLY = MINUTE  # how long before the due instant a success already answers it: two clocks are never quite the same
_MOST = 1_000  # misses that one look records

Record = Callable[["CheckEntry", ProbeResult, int, float], None]
_NOBODY = "no check has this token, but comparing takes as long"


@dataclass(slots=True)
class _Ear:
    """Since when a check is listened for without a break, the last look, and the start of a run under way."""

    since: int
    looked: int
    started: int | None = None


class Heartbeats:
    """Takes pings, and looks for those that did not come. Belongs to the event loop's thread."""

    def __init__(self, ledger: Ledger, record: Record, clock: Clock) -> None:
        self._ledger, self._record, self._clock = ledger, record, clock
        self._ears: dict[str, _Ear] = {}

    def admitted(self, key: str, token: str) -> CheckEntry | None:
        """Return the heartbeat check of this key if the token is its own; in the same time whether or not it is."""
        entry = self._ledger.entries.get(key)
        check = entry.check if entry is not None else None
        secret = check.token.reveal() if isinstance(check, HeartbeatCheck) else _NOBODY
        same = hmac.compare_digest(token.encode(errors="surrogatepass"), secret.encode())
        return entry if same and isinstance(check, HeartbeatCheck) else None

    def start(self, entry: CheckEntry) -> None:
        """Take notice that a run began."""
        self.look(entry)
        self._ear(entry.key).started = self._clock.now()

    def end(self, entry: CheckEntry, code: int, note: str = "") -> None:
        """Record that a run ended, with exit code 0 for a success, at the due instant that it answers.

        A second report for the same due instant (a late success, a retry) is recorded at its own.
        """
        self.look(entry)
        check, now, ear = _check(entry), self._clock.now(), self._ear(entry.key)
        last, began = entry.timeline.last_at, ear.started or now
        due = check.heartbeat.last(began + _early(check), check.zone)
        answers = began <= due + check.grace and (last is None or due > last)
        at = min(due, now) if answers else now
        ran = (now - ear.started) / SECOND if ear.started is not None else 0.0
        ear.started = None
        self._record(entry, _reported(code, note), at, ran)

    def note(self, entry: CheckEntry, text: str) -> None:
        """Write a line that a run has to say into our log; the record does not change."""
        log.info("heartbeat_note", check=entry.key, note=quoted(text, 500))

    def look(self, entry: CheckEntry) -> None:
        """Record what went by unanswered, each at the instant at which it was due."""
        now, check = self._clock.now(), _check(entry)
        ear = self._ear(entry.key)
        if now - ear.looked > _ASLEEP:  # suspended, or stuck: what was due meanwhile may have been reported to nobody
            ear.since, ear.started = now, None
        ear.looked = now
        for _ in range(_MOST):
            at, deadline, reason = self._next(entry, check, ear)
            if now < deadline:
                return
            ear.started = None
            self._record(entry, ProbeResult(Outcome.BAD, reason, detail=f"due {check.heartbeat}"), at, 0.0)

    def _next(self, entry: CheckEntry, check: HeartbeatCheck, ear: _Ear) -> tuple[int, int, str]:
        """Return what is due next: the instant that its miss bears, when it counts as missed, and the word."""
        last = entry.timeline.last_at
        if ear.started is not None and (last is None or ear.started > last):
            end = ear.started + check.longest_run
            return end, end, "heartbeat_overran"
        heard = ear.since if last is None else max(ear.since, last + _early(check))
        due = check.heartbeat.after(heard, check.zone)
        return due, due + check.grace, "heartbeat_missed"

    def _ear(self, key: str) -> _Ear:
        now = self._clock.now()
        return self._ears.setdefault(key, _Ear(now, now))


def _check(entry: CheckEntry) -> HeartbeatCheck:
    assert isinstance(entry.check, HeartbeatCheck), "the caller has looked"  # noqa: S101 - for the type checker
    return entry.check


def _early(check: HeartbeatCheck) -> int:
    """Return how long before a due instant (microseconds) a report answers it; `every` has no instants to be early."""
    shortest, _ = check.heartbeat.gaps(check.zone)
    return 0 if check.heartbeat.every is not None else min(_EARLY, shortest // 10)


def _reported(code: int, note: str) -> ProbeResult:
    detail = quoted(note, 200) if note else ""
    if code == 0:
        return ProbeResult(Outcome.GOOD, detail=detail)
    said = f"exit code {code}{': ' + detail if detail else ''}"
    return ProbeResult(Outcome.BAD, "heartbeat_failed", code, detail=said)
