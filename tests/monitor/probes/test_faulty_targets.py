"""Every animal of the zoo gets the verdict that it deserves, word for word, from one attempt by the real runner."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from monitor.network.failure import DETAIL_LIMIT
from sla.observation import Outcome
from tests.support.faulty_targets import ANIMALS
from tests.support.faulty_targets.faulty_target import Animal, Keeper
from tests.support.probing import attempt

if TYPE_CHECKING:
    from monitor.probe_result import ProbeResult


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Keeper:
    return Keeper(tmp_path_factory.mktemp("zoo"))


async def found(animal: Animal, keeper: Keeper) -> ProbeResult:
    async with animal.kept(keeper) as check:
        return (await attempt(check, animal.seconds)).result


@pytest.mark.skipif(shutil.which("openssl") is None, reason="not installed: openssl")
@pytest.mark.parametrize("name", ANIMALS)
async def test_an_attempt_finds_exactly_what_is_wrong(name: str, keeper: Keeper) -> None:
    animal = ANIMALS[name]
    result = await found(animal, keeper)
    assert (result.outcome, result.reason) == (animal.outcome, animal.reason), result.detail
    assert len(result.detail) <= DETAIL_LIMIT
    assert result.detail.isprintable()


def test_the_zoo_is_large_and_every_name_in_it_is_one_animals() -> None:
    from tests.support.faulty_targets import FAMILIES

    assert len(ANIMALS) == sum(1 for family in FAMILIES for _ in family.animals()) >= 60


def test_nothing_is_called_good_that_is_called_something_else() -> None:
    """The table itself: a reason where, and only where, something is wrong or nothing is known."""
    assert [name for name, each in ANIMALS.items() if (each.outcome is Outcome.GOOD) is not (each.reason == "")] == []
