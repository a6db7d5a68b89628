"""Checks of the daemon's own environment, and how long a problem is reported."""

from __future__ import annotations

import pytest

from monitor.descriptors import SpareDescriptors
from monitor.engine.self_check import SelfCheck
from monitor.health import Health
from tests.support.clocks import ManualClock


class FakeSpareDescriptors(SpareDescriptors):
    """Spare descriptors that a test can declare exhausted."""

    def __init__(self) -> None:
        self.gone = False

    def exhausted(self) -> bool:
        return self.gone

    def release(self) -> None:
        """Do nothing: no descriptor is held."""


@pytest.mark.parametrize("detected_by", ["self check", "probe"])
def test_exhausted_descriptors_are_reported_until_a_minute_after_the_end(detected_by: str) -> None:
    clock, health, spares = ManualClock(), Health(), FakeSpareDescriptors()
    check = SelfCheck(clock, health, spares)
    assert check.update_health()
    assert not health.descriptors_exhausted
    if detected_by == "self check":
        spares.gone = True
    else:
        health.descriptor_failures += 1
    assert check.update_health() is (detected_by == "probe")
    assert health.descriptors_exhausted
    spares.gone = False
    for seconds, reported in ((59, True), (1, False), (1000, False)):
        clock.jump(seconds)
        assert check.update_health()
        assert health.descriptors_exhausted is reported


def test_lost_record_is_reported_until_ten_minutes_after_its_restoration() -> None:
    clock, health = ManualClock(), Health()
    check = SelfCheck(clock, health, FakeSpareDescriptors())
    check.update_health()
    assert not health.record_lost
    health.record_missing, health.record_lost_at = True, clock.monotonic()
    clock.jump(3_600)
    check.update_health()
    assert health.record_lost, "it is still missing"
    health.record_missing, health.record_lost_at = False, clock.monotonic()
    for seconds, reported in ((599, True), (1, False)):
        clock.jump(seconds)
        check.update_health()
        assert health.record_lost is reported
