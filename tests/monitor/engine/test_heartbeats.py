"""Recorded heartbeats: met, missed and overrun due instants. Time without a running daemon is not a miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from monitor.engine.heartbeats import _NO_TOKEN, CHECK_INTERVAL, Heartbeats
from monitor.probes.heartbeat import HeartbeatCheck
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Outcome
from tests.support.clocks import EPOCH, ManualClock
from tests.support.ledgers import ledger_of, observe, product

if TYPE_CHECKING:
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger

MIDNIGHT = EPOCH // (DAY) * DAY  # UTC
GOOD, BAD = Outcome.GOOD, Outcome.BAD


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PING_TOKEN", "0123456789abcdef-canary")


class Scene:
    """A daemon that runs since shortly after midnight, with a job that is due at 03:00 with 30 minutes of grace."""

    def __init__(self, schedule: str = "0 3 * * *", **invalid_field: object) -> None:
        keys = {"id": "job", "heartbeat": schedule, "grace": "30m", "token": {"env": "PING_TOKEN"}, **invalid_field}
        check = HeartbeatCheck.model_validate(keys)
        self.clock = ManualClock(MIDNIGHT + MINUTE)
        self.ledger: Ledger = ledger_of({**product("drop"), "checks": (check,)})
        self.listen()

    @property
    def entry(self) -> CheckEntry:
        return self.ledger.entries["drop/job"]

    def listen(self) -> None:
        """Start accepting pings, as after a start of the daemon."""
        self.heartbeats = Heartbeats(
            self.ledger, lambda entry, result, at, ran: self.record(entry, result, at, ran), self.clock
        )
        self.heartbeats.record_missed(self.entry)
        self.results: list[tuple[int, Outcome, str]] = []
        self.durations: list[float] = []

    def record(self, entry: CheckEntry, result: object, at: int, ran: float) -> None:
        observe(self.ledger, entry, at, result, ran)
        self.results.append((at - MIDNIGHT, result.outcome, result.reason))
        self.durations.append(ran)

    def advance_to(self, instant: int) -> None:
        """Advance the clock, with checks as often as in the daemon, but less often while nothing can be due."""
        while self.clock.now() < MIDNIGHT + instant:
            self.clock.jump(min(CHECK_INTERVAL * 5, MIDNIGHT + instant - self.clock.now()) / SECOND)
            self.heartbeats.record_missed(self.entry)


@pytest.mark.fault(50)
def test_success_within_the_grace_is_recorded_at_the_due_instant() -> None:
    scene = Scene()
    scene.advance_to(3 * HOUR + 20 * MINUTE)
    scene.heartbeats.end(scene.entry, 0)
    assert scene.results == [(3 * HOUR, GOOD, "")]
    scene.advance_to(4 * HOUR)
    assert len(scene.results) == 1


def test_slightly_early_success_counts_for_the_due_instant() -> None:
    scene = Scene()
    scene.advance_to(3 * HOUR - 30 * SECOND)
    scene.heartbeats.end(scene.entry, 0)
    scene.advance_to(5 * HOUR)
    assert scene.results == [(3 * HOUR - 30 * SECOND, GOOD, "")]


@pytest.mark.parametrize(
    ("schedule", "seconds_early", "counts"),
    [
        ("0 3 * * *", 60, True),  # a minute at most
        ("0 3 * * *", 61, False),
        ("*/5 * * * *", 30, True),  # or a tenth of the time from one due instant to the next
        ("*/5 * * * *", 31, False),
    ],
)
def test_maximum_earliness_of_a_success(schedule: str, seconds_early: int, counts: bool) -> None:
    scene = Scene(schedule, grace="4m")
    due = 3 * HOUR
    scene.clock.jump((due - seconds_early * SECOND - MINUTE) / SECOND)
    scene.listen()
    scene.heartbeats.end(scene.entry, 0)
    scene.advance_to(due + 4 * MINUTE)
    assert [at for at, outcome, _ in scene.results if outcome is BAD] == ([] if counts else [due])


@pytest.mark.parametrize(("late", "at"), [(30 * MINUTE, 3 * HOUR), (31 * MINUTE, 3 * HOUR + 31 * MINUTE)])
def test_success_after_the_grace_is_recorded_at_its_own_instant(late: int, at: int) -> None:
    """This is also the case if the daemon was suspended and did not detect the miss."""
    scene = Scene()
    scene.clock.jump((3 * HOUR - MINUTE + late) / SECOND)
    scene.heartbeats.end(scene.entry, 0)
    assert scene.results == [(at, GOOD, "")]


@pytest.mark.parametrize(("pause", "missed"), [(30, True), (31, False)])
def test_pause_of_more_than_half_a_minute_counts_as_suspension(pause: int, missed: bool) -> None:
    scene = Scene()
    scene.advance_to(3 * HOUR + 29 * MINUTE + 45 * SECOND)
    scene.clock.jump(pause)
    scene.heartbeats.record_missed(scene.entry)
    assert bool(scene.results) is missed


def test_miss_is_recorded_after_the_grace_at_the_due_instant() -> None:
    scene = Scene()
    scene.advance_to(3 * HOUR + 29 * MINUTE)
    assert scene.results == []
    scene.advance_to(3 * HOUR + 30 * MINUTE)
    assert (scene.results, scene.durations) == ([(3 * HOUR, BAD, "heartbeat_missed")], [0.0])
    assert [incident.opened for incident in scene.ledger.open_incidents()] == [MIDNIGHT + 3 * HOUR]


@pytest.mark.parametrize(("blind_at", "outcome"), [(3 * HOUR + MINUTE, "unknown"), (2 * HOUR, "bad")])
def test_miss_is_unknown_if_the_ping_could_not_arrive(blind_at: int, outcome: str) -> None:
    """The monitor was cut off at some time since the ping was due."""
    scene = Scene()
    scene.heartbeats.was_blind = lambda _entry, since: since <= MIDNIGHT + blind_at
    scene.advance_to(4 * HOUR)
    reason = "vantage_blind" if outcome == "unknown" else "heartbeat_missed"
    assert scene.results == [(3 * HOUR, Outcome(outcome), reason)]


def test_late_success_ends_the_miss_at_its_own_instant() -> None:
    scene = Scene()
    scene.advance_to(5 * HOUR)
    scene.heartbeats.end(scene.entry, 0)
    assert scene.results == [(3 * HOUR, BAD, "heartbeat_missed"), (5 * HOUR, GOOD, "")]
    assert scene.ledger.open_incidents() == []


def test_failure_is_recorded_immediately_and_a_retry_at_its_own_instant() -> None:
    scene = Scene()
    scene.advance_to(3 * HOUR + 5 * MINUTE)
    scene.heartbeats.end(scene.entry, 3, "no file\x1b[0m found")
    assert scene.entry.last is not None
    assert (scene.entry.last.result.status, scene.entry.last.result.detail) == (3, 'exit code 3: "no file·[0m found"')
    scene.advance_to(3 * HOUR + 10 * MINUTE)
    scene.heartbeats.end(scene.entry, 0)
    assert scene.results == [(3 * HOUR, BAD, "heartbeat_failed"), (3 * HOUR + 10 * MINUTE, GOOD, "")]


def test_run_with_a_start_ping_has_a_run_time_and_a_latency() -> None:
    scene = Scene(run_time="2h")
    scene.advance_to(3 * HOUR + MINUTE)
    scene.heartbeats.start(scene.entry)
    scene.advance_to(4 * HOUR + MINUTE)
    assert scene.results == []
    scene.heartbeats.end(scene.entry, 0)
    assert scene.results == [(3 * HOUR, GOOD, "")]
    assert scene.entry.last is not None
    assert scene.entry.last.duration == 3600.0


def test_run_without_an_end_is_recorded_as_overrun() -> None:
    scene = Scene(run_time="2h")
    scene.advance_to(3 * HOUR)
    scene.heartbeats.start(scene.entry)
    scene.advance_to(6 * HOUR)
    assert scene.results == [(5 * HOUR, BAD, "heartbeat_overran")]


def test_heartbeat_due_before_the_daemons_start_is_not_missed() -> None:
    """A daemon that starts within the grace cannot determine whether the ping came before its start."""
    scene = Scene()
    scene.clock.jump((3 * HOUR + 10 * MINUTE) / SECOND)
    scene.listen()
    scene.advance_to(12 * HOUR)
    assert scene.results == []


@pytest.mark.fault(15)
def test_suspended_daemon_records_no_miss_and_accepts_the_success() -> None:
    scene = Scene()
    scene.clock.jump((3 * HOUR + 10 * MINUTE) / SECOND)
    scene.heartbeats.record_missed(scene.entry)
    scene.heartbeats.end(scene.entry, 0)
    assert scene.results == [(3 * HOUR, GOOD, "")]


@pytest.mark.fault(50)
def test_recorded_result_is_unchanged_after_a_restart() -> None:
    scene = Scene()
    scene.advance_to(3 * HOUR + 10 * MINUTE)
    scene.heartbeats.end(scene.entry, 0)
    scene.listen()
    scene.advance_to(20 * HOUR)
    assert scene.results == []


def test_every_counts_from_the_previous_success_and_each_miss_once() -> None:
    scene = Scene("every 1h", grace="10m")
    scene.advance_to(HOUR)
    scene.heartbeats.end(scene.entry, 0)
    scene.advance_to(4 * HOUR)
    expected = [(HOUR, GOOD, ""), (2 * HOUR, BAD, "heartbeat_missed"), (3 * HOUR, BAD, "heartbeat_missed")]
    assert scene.results == expected


def test_availability_uses_the_due_instants() -> None:
    """measurement.md, section 2: good on the first day, missed on the second, good again on the third."""
    scene = Scene()
    for day in range(3):
        scene.advance_to(day * DAY + 3 * HOUR + MINUTE)
        if day != 1:
            scene.heartbeats.end(scene.entry, 0)
        scene.advance_to(day * DAY + 4 * HOUR)
    durations = scene.entry.timeline.durations(Interval(MIDNIGHT + 3 * HOUR, MIDNIGHT + 2 * DAY + 3 * HOUR))
    assert durations.doubt_up + durations.doubt_down == 2 * DAY
    assert durations.unknown == 0


def test_invalid_heartbeat_field_is_rejected() -> None:
    for invalid_field in ({"interval": "1m"}, {"timeout": "1s"}, {"token": "in the open"}, {"token": {"env": "SHORT"}}):
        with pytest.raises(ValidationError):
            HeartbeatCheck.model_validate(
                {"id": "job", "heartbeat": "every 1h", "token": {"env": "PING_TOKEN"}, **invalid_field}
            )


def test_only_the_checks_own_token_is_accepted() -> None:
    heartbeats = Scene().heartbeats
    assert heartbeats.authenticate("drop/job", "0123456789abcdef-canary") is not None
    for key, token in (
        ("drop/job", ""),
        ("drop/job", "0123456789abcdef-canarx"),
        ("drop/none", "0123456789abcdef-canary"),
    ):
        assert heartbeats.authenticate(key, token) is None
    assert heartbeats.authenticate("drop/none", _NO_TOKEN) is None


def test_run_that_never_ends_overran_after_an_earlier_success() -> None:
    scene = Scene(run_time="2h")
    scene.advance_to(3 * HOUR)
    scene.heartbeats.end(scene.entry, 0)
    scene.advance_to(27 * HOUR)
    scene.heartbeats.start(scene.entry)
    scene.advance_to(30 * HOUR)
    assert scene.results[1:] == [(29 * HOUR, BAD, "heartbeat_overran")]
