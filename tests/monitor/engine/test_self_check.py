"""What the daemon finds out about its own surroundings, and for how long it reports it."""

from __future__ import annotations

import pytest

from monitor.descriptors import SpareDescriptors
from monitor.engine.self_check import SelfCheck
from monitor.health import Health
from tests.support.clocks import ManualClock


class Spares(SpareDescriptors):
    """Spare descriptors that a test declares exhausted."""

    def __init__(self) -> None:
        self.gone = False

    def exhausted(self) -> bool:
        return self.gone

    def release(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("met_by", ["the look", "a probe"])
def test_a_shortage_of_descriptors_is_reported_for_a_minute_after_it_is_over(met_by: str) -> None:
    clock, health, spares = ManualClock(), Health(), Spares()
    check = SelfCheck(clock, health, spares)
    assert check.look()
    assert not health.descriptors_exhausted
    if met_by == "the look":
        spares.gone = True
    else:
        health.descriptor_failures += 1
    assert check.look() is (met_by == "a probe")
    assert health.descriptors_exhausted
    spares.gone = False
    for seconds, reported in ((59, True), (1, False), (1000, False)):
        clock.jump(seconds)
        assert check.look()
        assert health.descriptors_exhausted is reported
