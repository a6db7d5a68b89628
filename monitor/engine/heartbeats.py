"""Record heartbeats: match pings to due instants, and record missed pings.

State is kept in the timelines, so a restart loses only the start of a job in progress.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from monitor.network.failure import quoted
from monitor.probe_result import ProbeResult
from monitor.probes.heartbeat import HeartbeatCheck
from sla.interval import MINUTE, SECOND
from sla.observation import Outcome
from sla.vantage import BLIND_REASON

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger

log = structlog.get_logger()

CHECK_INTERVAL = 5 * SECOND  # between two checks for overdue pings
_MAX_CHECK_GAP = 6 * CHECK_INTERVAL  # after a longer gap the daemon was suspended and may have missed pings
_EARLY_TOLERANCE = MINUTE  # a success this early counts for its due instant, because clocks differ
_MAX_MISSES = 1_000  # recorded per check and call

Record = Callable[["CheckEntry", ProbeResult, int, float], None]
WasBlind = Callable[["CheckEntry", int], bool]
_NO_TOKEN = "compared if the check is unknown, to take the same time"  # noqa: S105 - not a password


@dataclass(slots=True)
class _PingState:
    """The state of one check's pings. Instants are microseconds since the epoch.

    `since`: start of uninterrupted reception. `checked`: the last check for missed pings. `started`: the start of the
    job in progress.
    """

    since: int
    checked: int
    started: int | None = None


class Heartbeats:
    """Receives pings and records missed pings. Not thread-safe: use it on the event loop's thread only."""

    def __init__(self, ledger: Ledger, record: Record, clock: Clock) -> None:
        self._ledger, self._record, self._clock = ledger, record, clock
        self._states: dict[str, _PingState] = {}
        self.was_blind: WasBlind = lambda _entry, _since: False
        """Returns whether this vantage was cut off since an instant, so that pings could not arrive."""

    def authenticate(self, key: str, token: str) -> CheckEntry | None:
        """Return the heartbeat check with this key if the token matches, in constant time."""
        entry = self._ledger.entries.get(key)
        check = entry.check if entry is not None else None
        secret = check.token.reveal() if isinstance(check, HeartbeatCheck) else _NO_TOKEN
        matches = hmac.compare_digest(token.encode(errors="surrogatepass"), secret.encode())
        return entry if matches and isinstance(check, HeartbeatCheck) else None

    def start(self, entry: CheckEntry) -> None:
        """Store the start of a job. Pings of a paused check are ignored."""
        if self._is_paused(entry):
            return
        self.record_missed(entry)
        self._ping_state(entry.key).started = self._clock.now()

    def end(self, entry: CheckEntry, code: int, note: str = "") -> None:
        """Record the end of a job at its due instant. Exit code 0 is a success.

        A second report for the same due instant (a retry) is recorded at its arrival. Pings of a paused
        check are ignored.
        """
        if self._is_paused(entry):
            return
        self.record_missed(entry)
        check, now, state = _check(entry), self._clock.now(), self._ping_state(entry.key)
        last, started = entry.timeline.last_at, state.started or now
        due = check.heartbeat.last(started + _early_tolerance(check), check.zone)
        matches = started <= due + check.grace and (last is None or due > last)
        at = min(due, now) if matches else now
        duration = (now - state.started) / SECOND if state.started is not None else 0.0
        state.started = None
        self._record(entry, _result(code, note), at, duration)

    def restart(self, keys: Iterable[str]) -> None:
        """Expect pings of these checks from now on, so that pings due during a pause are not missed."""
        for key in keys:
            self._states.pop(key, None)

    def log_note(self, entry: CheckEntry, text: str) -> None:
        """Log a message of a job. It is not recorded."""
        log.info("heartbeat_note", check=entry.key, note=quoted(text, 500))

    def is_overdue(self, entry: CheckEntry) -> bool:
        """Return whether the deadline of a missing ping has passed."""
        _, deadline, _ = self._next_due(entry, _check(entry), self._ping_state(entry.key))
        return self._clock.now() >= deadline

    def record_missed(self, entry: CheckEntry) -> None:
        """Record each missed ping at its due instant; as unknown if it could not have arrived."""
        now, check = self._clock.now(), _check(entry)
        state = self._ping_state(entry.key)
        if now - state.checked > _MAX_CHECK_GAP:  # suspended or stuck: pings may have been lost
            state.since, state.started = now, None
        state.checked = now
        for _ in range(_MAX_MISSES):
            at, deadline, reason = self._next_due(entry, check, state)
            if now < deadline:
                return
            state.started = None
            self._record(entry, self._missed_result(entry, reason, at), at, 0.0)

    def _missed_result(self, entry: CheckEntry, reason: str, at: int) -> ProbeResult:
        detail = f"due {_check(entry).heartbeat}"
        if self.was_blind(entry, at):
            return ProbeResult(Outcome.UNKNOWN, BLIND_REASON, detail=f"{reason}; {detail}")
        return ProbeResult(Outcome.BAD, reason, detail=detail)

    def _next_due(self, entry: CheckEntry, check: HeartbeatCheck, state: _PingState) -> tuple[int, int, str]:
        """Return the next due instant, the deadline of its ping, and the reason code of a miss."""
        last = entry.timeline.last_at
        if state.started is not None and (last is None or state.started > last):
            end = state.started + check.longest_run
            return end, end, "heartbeat_overran"
        received = state.since if last is None else max(state.since, last + _early_tolerance(check))
        due = check.heartbeat.after(received, check.zone)
        return due, due + check.grace, "heartbeat_missed"

    def _is_paused(self, entry: CheckEntry) -> bool:
        return self._ledger.facts.pause(entry.key, self._clock.now()) is not None

    def _ping_state(self, key: str) -> _PingState:
        now = self._clock.now()
        return self._states.setdefault(key, _PingState(now, now))


def _check(entry: CheckEntry) -> HeartbeatCheck:
    assert isinstance(entry.check, HeartbeatCheck), "checked by the caller"  # noqa: S101 - for the type checker
    return entry.check


def _early_tolerance(check: HeartbeatCheck) -> int:
    """Return how early a report may be for its due instant, in microseconds; 0 for `every`."""
    shortest, _ = check.heartbeat.gaps(check.zone)
    return 0 if check.heartbeat.every is not None else min(_EARLY_TOLERANCE, shortest // 10)


def _result(code: int, note: str) -> ProbeResult:
    detail = quoted(note, 200) if note else ""
    if code == 0:
        return ProbeResult(Outcome.GOOD, detail=detail)
    text = f"exit code {code}{': ' + detail if detail else ''}"
    return ProbeResult(Outcome.BAD, "heartbeat_failed", code, detail=text)
