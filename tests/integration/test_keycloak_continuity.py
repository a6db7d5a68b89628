"""A session of a real Keycloak: its refresh token is used after a restart, and a session that ended is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sla.continuity import TransactionState
from tests.support.continuity import continuity_probe
from tests.support.keycloak import CLIENT_SECRET, Admin, keycloak, needs_keycloak

if TYPE_CHECKING:
    from pathlib import Path

PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState


@pytest.mark.slow
@pytest.mark.timeout(500)
@needs_keycloak
async def test_sessions_are_preserved_until_keycloak_ends_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALM_CLIENT_SECRET", CLIENT_SECRET)
    with keycloak(tmp_path) as server:
        admin = Admin(server)
        admin.enable_refresh_tokens()
        session = {
            "realm": f"{server.address}/realms/standard",
            "client_id": "ninewatch",
            "client_secret": {"env": "REALM_CLIENT_SECRET"},
        }
        async with continuity_probe(tmp_path, keycloak=session, timeout="30s") as probe:
            await probe.advance(35)
            assert probe.states == {PRESERVED: 1, OPEN: 3}
            assert admin.session_count() == 3
            admin.end_sessions()
            await probe.advance(45)  # a session is lost once a second reading does not find it
            assert probe.states[LOST] == 3
            assert set(probe.states) <= {PRESERVED, LOST, OPEN}
            text = probe.log.path.read_text()
            assert CLIENT_SECRET not in text
            assert "eyJ" not in text, "a token is stored"
            open_runs = len(probe.ledger.continuity.open_runs("forms/draft"))
        async with continuity_probe(tmp_path, probe.clock, keycloak=session, timeout="30s") as restarted:
            await restarted.advance(40)
            assert restarted.ledger.continuity.left_behind("forms/draft") == open_runs
