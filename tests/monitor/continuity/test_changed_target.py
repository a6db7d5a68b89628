"""A transaction whose target is changed by a reload: what was written to the former target is not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.continuity import ContinuityTransaction
from monitor.continuity.target import fingerprint
from sla.continuity import TransactionState
from tests.support.continuity import continuity_probe
from tests.support.record_service import RecordService, pair

if TYPE_CHECKING:
    from pathlib import Path

PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState


async def test_runs_on_the_former_target_are_left_behind_and_not_lost(tmp_path: Path) -> None:
    with RecordService().serving() as former_service, RecordService().serving() as service:
        async with continuity_probe(tmp_path, http=pair(former_service.url)) as probe:
            await probe.advance(25)
        async with continuity_probe(tmp_path, probe.clock, http=pair(service.url)) as reloaded:
            await reloaded.advance(45)
            assert LOST not in reloaded.states
            assert reloaded.states[UNVERIFIED] == 3
            assert reloaded.ledger.continuity.left_behind("forms/draft") == 3
            assert reloaded.states[PRESERVED] >= 1
            assert len(former_service.records) == 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"redis": {"address": "a.example.org"}}, {"redis": {"address": "b.example.org"}}),
        ({"redis": {"address": "a.example.org"}}, {"redis": {"address": "a.example.org", "prefix": "x:"}}),
        ({"http": pair("http://a.example.org")}, {"http": pair("http://b.example.org")}),
    ],
)
def test_fingerprint_depends_on_the_target(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert _fingerprint(before) == _fingerprint({**before, "every": "40s"})
    assert _fingerprint(before) != _fingerprint(after)


def _fingerprint(block: dict[str, Any]) -> str:
    return fingerprint(ContinuityTransaction.model_validate({"id": "a", **block}))
