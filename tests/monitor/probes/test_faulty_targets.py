"""Every faulty target gives the expected outcome and reason in one attempt of the real runner."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from monitor.network.failure import DETAIL_LIMIT
from sla.observation import Outcome
from tests.support.faulty_targets import FAULTY_TARGETS
from tests.support.faulty_targets.faulty_target import FaultyTarget, TargetAuthority
from tests.support.probing import attempt

if TYPE_CHECKING:
    from monitor.probe_result import ProbeResult


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TargetAuthority:
    return TargetAuthority(tmp_path_factory.mktemp("targets"))


async def probe_target(target: FaultyTarget, authority: TargetAuthority) -> ProbeResult:
    async with target.served(authority) as check:
        return (await attempt(check, target.seconds)).result


@pytest.mark.skipif(shutil.which("openssl") is None, reason="not installed: openssl")
@pytest.mark.parametrize("name", FAULTY_TARGETS)
@pytest.mark.fault(10, 36, 37)
async def test_attempt_gives_the_expected_outcome_and_reason(name: str, authority: TargetAuthority) -> None:
    target = FAULTY_TARGETS[name]
    result = await probe_target(target, authority)
    assert (result.outcome, result.reason) == (target.outcome, target.reason), result.detail
    assert len(result.detail) <= DETAIL_LIMIT
    assert result.detail.isprintable()


def test_there_are_many_targets_and_every_name_is_unique() -> None:
    from tests.support.faulty_targets import FAMILIES

    assert len(FAULTY_TARGETS) == sum(1 for family in FAMILIES for _ in family.faulty_targets()) >= 60


def test_expected_outcomes_and_reasons_are_consistent() -> None:
    """A target has a reason if and only if it is bad or unknown."""
    assert [
        name for name, target in FAULTY_TARGETS.items() if (target.outcome is Outcome.GOOD) is not (target.reason == "")
    ] == []
