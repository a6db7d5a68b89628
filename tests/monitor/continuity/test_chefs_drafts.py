"""Drafts and submissions of a CHEFS form, with the recorded shapes of its API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sla.continuity import TransactionState
from tests.support.chefs import FORM, KEY, VERSION, ChefsService
from tests.support.continuity import continuity_probe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState


@pytest.fixture
def chefs() -> Iterator[ChefsService]:
    with ChefsService().serving() as served:
        assert isinstance(served, ChefsService)
        yield served


@pytest.fixture
def form(chefs: ChefsService, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("FORM_KEY", KEY)
    return {"url": chefs.api, "form": FORM, "version": VERSION, "api_key": {"env": "FORM_KEY"}}


async def test_draft_and_submission_are_read_back_and_deleted(
    chefs: ChefsService, form: dict[str, Any], tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, chefs=form) as probe:
        await probe.advance(35)
        assert probe.states == {PRESERVED: 1, OPEN: 3}
        assert len(chefs.visible) == 3
        assert probe.runs[0].reading is not None
        assert probe.runs[0].reading.copies == {"begin": 1, "finish": 1}
        assert KEY not in probe.log.path.read_text()


async def test_lost_draft_is_found(chefs: ChefsService, form: dict[str, Any], tmp_path: Path) -> None:
    chefs.replicates = False
    async with continuity_probe(tmp_path, chefs=form) as probe:
        await probe.advance(15)
        chefs.fail_over()
        chefs.replicates = True
        await probe.advance(60)
        assert probe.states[LOST] == 2
        names = {run.id for run in probe.runs if run.closing is not None}
        run_ids = {chefs.records[name]["submission"]["data"]["ninewatch"] for name in chefs.visible}
        assert not names & run_ids


async def test_draft_without_a_response_is_found_by_run_id(
    chefs: ChefsService, form: dict[str, Any], tmp_path: Path
) -> None:
    chefs.cut_after = ["POST"]
    async with continuity_probe(tmp_path, chefs=form) as probe:
        await probe.advance(8)
        assert probe.states == {NEVER: 1}
        assert (chefs.created, chefs.visible) == (1, [])
