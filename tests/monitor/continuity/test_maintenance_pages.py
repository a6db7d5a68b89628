"""A maintenance page with status 200 is neither a record that was read back nor a clean-up; sessions of Keycloak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sla.continuity import TransactionState
from tests.support.continuity import continuity_probe
from tests.support.record_service import RecordService, pair
from tests.support.sessions import SessionService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState
PAGE = "<!doctype html><title>Maintenance</title>"


@pytest.fixture
def service() -> Iterator[RecordService]:
    with RecordService().serving() as served:
        yield served


@pytest.fixture
def sessions() -> Iterator[SessionService]:
    with SessionService().serving() as served:
        assert isinstance(served, SessionService)
        yield served


@pytest.fixture
def session(sessions: SessionService, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("CLIENT_SECRET", "canary")
    return {"realm": f"{sessions.url}/realms/a", "client_id": "c", "client_secret": {"env": "CLIENT_SECRET"}}


async def test_maintenance_page_is_neither_a_record_nor_a_clean_up(service: RecordService, tmp_path: Path) -> None:
    read = {"url": f"{service.url}/records/{{{{id}}}}", "capture": {"id": "$.id"}}
    async with continuity_probe(tmp_path, http=pair(service.url, read=read, finish=None, find=None)) as probe:
        await probe.advance(30)
        service.page = PAGE
        await probe.advance(20)
        assert probe.runs[0].reading is None
        service.page = ""
        while probe.runs[0].reading is None:
            await probe.advance(1)
        assert probe.runs[0].closing is None
        service.page = PAGE
        await probe.advance(20)
        assert probe.runs[0].closing is None
        service.page = ""
        await probe.advance(20)
        assert probe.runs[0].closing is not None
        assert probe.runs[0].id not in {record["note"] for record in service.records.values()}


async def test_session_is_read_with_the_newest_refresh_token_and_ended(
    sessions: SessionService, session: dict[str, Any], tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, keycloak=session) as probe:
        await probe.advance(36)
        assert probe.states == {PRESERVED: 1, OPEN: 3}
        assert len(sessions.tokens) == 3
        assert "token-" not in probe.log.path.read_text()
        sessions.tokens = set()
        await probe.advance(40)
        assert probe.states[LOST] == 3


@pytest.mark.parametrize(("status", "page"), [(None, PAGE), (400, ""), (404, "")])
async def test_other_answers_neither_read_nor_end_a_session(
    sessions: SessionService, session: dict[str, Any], tmp_path: Path, status: int | None, page: str
) -> None:
    async with continuity_probe(tmp_path, keycloak=session) as probe:
        await probe.advance(32)  # the first session is finished at 30 s and read back at 31 s
        sessions.status, sessions.page = status, page
        await probe.advance(40)
        assert LOST not in probe.states
        (first, *others) = probe.runs
        assert first.closing is None
        assert not [run for run in others if run.reading is not None]
