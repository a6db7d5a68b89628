"""`ninewatch correct` and `corrections`, with and without a daemon."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from tests.monitor.commands.test_cli import run_in_process, target, write_config  # noqa: F401 - a fixture
from tests.support.daemon_process import running_daemon
from tests.support.processes import fetch, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.support.http_target import HttpTarget

WHO = ("--by", "Ana Ng", "--reason", "probe account locked")
SPAN = "2025-11-03T09:10/2025-11-03T09:25"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose daemon ran once."""
    SqliteStore(tmp_path / "n.db", 0).close()
    return write_config(tmp_path, "http://127.0.0.1:1/health")


def error_of(result: Result) -> str:
    assert result.exception is not None
    return str(result.exception)


def test_correction_is_added_listed_and_revoked(config: Path) -> None:
    """Local times are in the configuration's zone; both facts stay in the list."""
    result = run_in_process("correct", "demo", SPAN, *WHO, "-c", config)
    assert "demo 2025-11-03T17:10:00Z/2025-11-03T17:25:00Z (15m)" in result.output
    known = result.output.split()[1].rstrip(":")
    output = run_in_process("corrections", "-c", config).output
    assert output.startswith(
        f"{known}  demo 2025-11-03T17:10:00Z/2025-11-03T17:25:00Z (15m): probe account locked (Ana Ng, "
    )
    assert "revoked" not in output
    back = run_in_process("correct", "--revoke", known, "--by", "Ben", "--reason", "it was us", "-c", config)
    assert (back.exit_code, back.output) == (0, f"revoked {known}\n")
    assert "revoked: it was us (Ben, " in run_in_process("corrections", "-c", config).output
    lines = [json.loads(line) for line in run_in_process("corrections", "--json", "-c", config).output.splitlines()]
    assert [line.get("id", line.get("revokes")) for line in lines] == [known, known]
    assert f"{known} is already revoked: it was us" in error_of(
        run_in_process("correct", "--revoke", known, *WHO, "-c", config)
    )


def test_author_is_a_hidden_alias_of_by(config: Path) -> None:
    help_text = run_in_process("correct", "--help").output
    assert "--by TEXT" in help_text
    assert "--author" not in help_text
    result = run_in_process("correct", "demo", SPAN, "--author", "Ana Ng", "--reason", "x", "-c", config)
    assert result.exit_code == 0
    assert "(Ana Ng, " in run_in_process("corrections", "-c", config).output
    assert "Missing option '--by'." in run_in_process("correct", "demo", SPAN, "--reason", "x", "-c", config).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demo", SPAN, "--by", " ", "--reason", "x"), "--by is empty"),
        (("demo", SPAN, "--by", "x", "--reason", "two\nlines"), "--reason is empty, longer than 500"),
        (("demos", SPAN, *WHO), 'unknown product "demos"; known products: demo'),
        (("demo", *WHO), "use PRODUCT START/END, or --revoke ID"),
        (("demo", "yesterday", *WHO), "is not an interval"),
        (("demo", "2025-11-03T09:25/2025-11-03T09:10", *WHO), "ends before it starts"),
        (("demo", "2025-11-03T09:25/2999-11-03T09:10", *WHO), "under `maintenance:`"),
        (("demo", "0001-01-01T00:00:00/0001-01-01T00:10:00", *WHO), ""),
        (("--revoke", "3f9a0c51d2e4", *WHO), 'unknown correction "3f9a0c51d2e4"'),
        (("demo", SPAN, "--revoke", "3f9a0c51d2e4", *WHO), "omit PRODUCT and START/END"),
    ],
)
def test_mistake_gives_one_line_and_nothing_is_written(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run_in_process("correct", *arguments, "-c", config)
    assert result.exit_code != 0
    assert message in error_of(result)
    assert not Journal.of(config.parent / "n.db").path.exists()
    assert run_in_process("corrections", "-c", config).output == "no corrections\n"


def test_author_and_reason_are_required(config: Path) -> None:
    result = run_in_process("correct", "demo", SPAN, "--by", "Ana", "-c", config)
    assert result.exit_code == 2
    assert "--reason" in result.output


def test_correction_without_a_record_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most likely the command was run in the wrong folder."""
    monkeypatch.chdir(tmp_path)
    assert "no record at var/ninewatch.db" in error_of(run_in_process("correct", "demo", SPAN, *WHO))
    assert run_in_process("corrections").output == "no corrections\n"


def contractual(address: str) -> dict[str, Any]:
    body = fetch(f"{address}/api/v1/products/demo/availability?window=365d&figure=contractual")[1]
    data: dict[str, Any] = json.loads(body)
    return data


def test_running_daemon_applies_a_correction_and_keeps_it_without_the_journal(
    target: HttpTarget,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The figures change within about a second. The correction is in the record, so a lost journal has no effect."""
    path = write_config(tmp_path, target.url("/health"))
    span = "2026-01-05T00:00:00Z/2026-01-05T01:00:00Z"
    with running_daemon(path) as daemon:
        assert contractual(daemon.address)["exclusions"] == []
        assert run_in_process("correct", "demo", span, *WHO, "-c", path).exit_code == 0
        (piece,) = wait_for("the correction", lambda: contractual(daemon.address)["exclusions"])
        assert (piece["seconds"], piece["causes"][0]["author"]) == (3600.0, "Ana Ng")
    Journal.of(tmp_path / "n.db").path.unlink()
    assert "probe account locked" in run_in_process("corrections", "-c", path).output
    with running_daemon(path) as daemon:
        assert contractual(daemon.address)["exclusions"] == [piece]
