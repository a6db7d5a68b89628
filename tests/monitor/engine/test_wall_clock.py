"""Steps of the wall clock: detected, counted in both directions, recorded and reported."""

from __future__ import annotations

import pytest

from monitor import clock as module
from monitor.clock import SystemClock
from monitor.descriptors import SpareDescriptors
from monitor.engine.self_check import CORRECTION_DELAY, PRUNING_PAUSE, SET_ASIDE_REPORTED, SHORTAGE_REPORTED, SelfCheck
from monitor.health import Health
from monitor.views.degradations import degradations
from sla.interval import HOUR, SECOND
from tests.support.clocks import ManualClock


class WallClock(ManualClock):
    """A manual clock with an adjustable wall clock."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0

    def follow_wall_clock(self) -> int:
        size, self.stepped = self.ahead - self.stepped, self.ahead
        if self.ahead > SECOND:
            self.jump_record(self.ahead)
            self.ahead = self.stepped = 0
        return size

    def jump_record(self, size: int) -> None:
        self._now += size
        self._start += size


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.mark.fault(14)
def test_clock_steps_are_counted_and_followed_steps_recorded(clock: WallClock, health: Health) -> None:
    check, steps = SelfCheck(clock, health, SpareDescriptors(0)), []
    check.record_step = lambda at, size: steps.append((at, size))
    before = clock.now()
    clock.ahead = HOUR
    check.update_health()
    assert (health.clock_steps, health.clock_steps_back, steps) == (1, 0, [(before, HOUR)])
    assert health.clock_suspect
    clock.ahead = -HOUR
    check.update_health()
    check.update_health()
    assert (health.clock_steps, health.clock_steps_back, len(steps)) == (1, 1, 1)
    assert "the wall clock is 1h behind the record's time" in " ".join(degradations(health))
    clock.ahead = 0
    check.update_health()
    assert (health.clock_steps, degradations(health)) == (2, [])
    clock.jump(PRUNING_PAUSE)
    check.update_health()
    assert not health.clock_suspect


def test_late_and_set_aside_observations_are_reported_for_a_while(clock: WallClock, health: Health) -> None:
    check = SelfCheck(clock, health, SpareDescriptors(0))
    health.set_aside = 7
    health.late_observations = 1
    check.update_health()
    assert "7 observations from a wrong clock" in degradations(health)[0]
    assert "observations are dropped" in degradations(health)[1]
    clock.jump(SHORTAGE_REPORTED)
    check.update_health()
    assert len(degradations(health)) == 1
    clock.jump(SET_ASIDE_REPORTED)
    check.update_health()
    assert degradations(health) == []


def test_system_clock_distinguishes_a_step_from_a_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, uptime = 1_800_000_000_000_000_000, 5_000_000_000
    monkeypatch.setattr(module.time, "time_ns", lambda: wall)
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: uptime)
    clock = SystemClock()
    assert clock.follow_wall_clock() == 0
    wall += 10_000_000
    assert (clock.follow_wall_clock(), clock.stepped) == (0, 10_000)
    wall += 3_600_000_000_000
    assert clock.follow_wall_clock() == HOUR
    assert (clock.stepped, clock.now()) == (0, wall // 1000)
    before = clock.now()
    wall -= 7_200_000_000_000
    assert (clock.follow_wall_clock(), clock.follow_wall_clock()) == (-2 * HOUR, 0)
    assert (clock.stepped, clock.now()) == (-2 * HOUR, before)


def test_set_aside_observations_are_reported_for_an_hour_after_the_start(clock: WallClock, health: Health) -> None:
    check = SelfCheck(clock, health, SpareDescriptors(0))
    health.set_aside = 7
    clock.jump(3_599)
    check.update_health()
    assert health.set_aside == 7
    clock.jump(1)
    check.update_health()
    assert health.set_aside == 0


@pytest.mark.parametrize(
    ("forward", "back", "corrected"),
    [
        (2 * HOUR, 2 * HOUR, True),
        (2 * HOUR, HOUR, True),
        (2 * HOUR, 2 * HOUR + SECOND, True),
        (2 * HOUR, 3 * HOUR, False),
        (0, HOUR, False),
        (2 * HOUR, 30 * SECOND, False),
    ],
)
def test_clock_counts_as_corrected_only_after_a_followed_step_is_undone(
    clock: WallClock, health: Health, forward: int, back: int, corrected: bool
) -> None:
    check = SelfCheck(clock, health, SpareDescriptors(0))
    clock.ahead = forward
    check.update_health()
    clock.ahead = -back
    check.update_health()
    clock.jump(CORRECTION_DELAY - 1)
    check.update_health()
    assert not check.clock_corrected, "the clock may be set again"
    clock.jump(1)
    check.update_health()
    assert check.clock_corrected is corrected


def test_correction_waits_until_the_clock_is_stable(clock: WallClock, health: Health) -> None:
    check = SelfCheck(clock, health, SpareDescriptors(0))
    for ahead, corrected in ((2 * HOUR, False), (-2 * HOUR, False), (-HOUR, False), (-HOUR, True), (0, False)):
        clock.ahead = ahead
        check.update_health()
        clock.jump(CORRECTION_DELAY if corrected else CORRECTION_DELAY - 1)
        assert check.clock_corrected is corrected, ahead


def test_reset_clock_equals_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = 1_800_000_000_000_000_000
    monkeypatch.setattr(module.time, "time_ns", lambda: wall)
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: 5_000_000_000)
    clock = SystemClock()
    wall -= 3_600_000_000_000
    clock.follow_wall_clock()
    assert clock.now() == wall // 1000 + HOUR
    clock.reset()
    assert (clock.now(), clock.stepped, clock.follow_wall_clock()) == (wall // 1000, 0, 0)
