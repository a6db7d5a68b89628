"""`ninewatch changes`: commands and tokens are listed with the user and the machine."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.access.audit_log import AuditLog
from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.storage.sqlite import SqliteStore


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ninewatch.yaml"
    checks = [{"id": "health", "http": "https://example.org/"}]
    products = [{"id": "forms", "objective": "99.9%", "checks": checks}]
    path.write_text(json.dumps({"store": str(tmp_path / "record.db"), "products": products}))
    SqliteStore(tmp_path / "record.db", SystemClock().now()).close()
    return path


def run(config: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(cli, [*arguments, "-c", str(config)])
    assert result.exit_code == 0, result.output
    return result


def rows(config: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(config, "changes", "--json", *arguments).output.splitlines()]


def test_commands_and_tokens_are_listed_with_user_and_machine(config: Path) -> None:
    assert run(config, "changes").output == "no changes\n"
    run(config, "token", "create", "ci", "--scope", "alerts:write", "--author", "Ada")
    run(config, "alert", "silence", "forms", "--for", "1h", "--reason", "load test", "--author", "Ana Ng")
    run(config, "token", "revoke", "ci", "--author", "Ada")
    created, silence, revoked = rows(config)
    assert [row["event"] for row in (created, silence, revoked)] == ["token_created", "silence", "token_revoked"]
    assert [row["name"] for row in (created, silence, revoked)] == ["Ada", "Ana Ng", "Ada"]
    for row in (created, silence, revoked):
        assert (row["means"], row["client"], row["address"]) == ("command", getpass.getuser(), platform.node())
    assert created["after"] == revoked["after"]
    assert (created["after"]["name"], created["after"]["scopes"]) == ("ci", ["alerts:write"])
    text = run(config, "changes", "--name", "ana ng").output
    assert "silence of forms: alerts silenced until" in text
    assert "(Ana Ng; command" in text
    assert rows(config, "--event", "silence") == rows(config, "--product", "forms") == [silence]
    assert rows(config, "--means", "session") == []


def test_fact_is_not_written_without_its_entry(config: Path) -> None:
    AuditLog.of(config.parent / "record.db").path.mkdir()
    arguments = ["alert", "silence", "forms", "--for", "1h", "--reason", "x", "--author", "Ana", "-c", str(config)]
    assert CliRunner().invoke(cli, arguments).exit_code != 0
    assert not (config.parent / "record.db.journal.jsonl").exists()
