"""`ninewatch gate`: exit codes for pipelines and overrides, with and without a daemon."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from monitor.storage.sqlite import SqliteStore
from tests.monitor.commands.test_cli import run_in_process, target, write_config  # noqa: F401 - a fixture
from tests.support.daemon_process import running_daemon
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.http_target import HttpTarget

WHO = ("--by", "Ana Ng", "--reason", "security fix")
LENIENT = (
    "budget_policy: {steps: [{spent: 100%, consequence: fixes only, owner: Ana}], coverage: 0%, unknown: estimate}\n"
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose daemon ran once and observed nothing."""
    SqliteStore(tmp_path / "n.db", 0).close()
    return write_config(tmp_path, "http://127.0.0.1:1/health")


def test_gate_without_observations_is_unknown_until_an_override(config: Path) -> None:
    result = run_in_process("gate", "demo", "-c", config)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (3, "demo: unknown: the product was never observed")
    override = run_in_process("gate", "demo", "--override", "go", "--for", "4h", *WHO, "-c", config)
    assert (override.exit_code, override.stdout.split()[0]) == (0, "override")
    result = run_in_process("gate", "demo", "-c", config)
    assert result.exit_code == 0
    assert result.stdout.startswith("demo: go: overridden by Ana Ng until ")
    assert "without the override: unknown: the product was never observed" in result.stdout
    as_json = json.loads(run_in_process("gate", "demo", "--json", "-c", config).stdout)
    assert (as_json["gate"], as_json["computed"], as_json["override"]["reason"]) == ("go", "unknown", "security fix")
    second_override = run_in_process("gate", "demo", "--override", "hold", "--for", "1h", *WHO, "-c", config)
    assert second_override.exit_code == 0
    assert run_in_process("gate", "demo", "-c", config).exit_code == 1
    end = run_in_process("gate", "demo", "--end-override", *WHO, "-c", config)
    assert end.stdout.startswith("ended override ")
    assert run_in_process("gate", "demo", "-c", config).exit_code == 0  # the earlier override is in force again
    history = run_in_process("history", "demo", "-c", config).stdout
    assert "gate set to go until " in history
    assert "of the gate ended: security fix (Ana Ng)" in history


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demos",), 'unknown product "demos"; known products: demo'),
        (("demo", "--override", "go", *WHO), "specify the duration: --for 2h, or --until TIME"),
        (("demo", "--override", "go", "--for", "x", *WHO), "x"),
        (("demo", "--override", "go", "--until", "2020-01-01T00:00", *WHO), "the end of the override is in the past"),
        (("demo", "--override", "go", "--for", "1h", "--reason", "x"), "--by is empty"),
        (("demo", "--override", "go", "--for", "1h", "--by", "x"), "--reason is empty"),
        (("demo", "--end-override", *WHO), "no override is in force"),
        (("demo", "--override", "go", "--end-override", *WHO), "exclude each other"),
        (("demo", "--for", "1h"), "need --override"),
    ],
)
def test_mistake_gives_one_clear_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run_in_process("gate", *arguments, "-c", config)
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_running_daemon_gives_the_same_answer_and_applies_an_override(
    target: HttpTarget,  # noqa: F811
    tmp_path: Path,
) -> None:
    config = write_config(tmp_path, target.url("/health"))
    config.write_text(LENIENT + config.read_text().replace("/health/other", "/health"))
    with running_daemon(config) as daemon:
        wait_for("go", lambda: run_in_process("gate", "demo", "-c", config).exit_code == 0)
        assert daemon.api("/products/demo/gate")["gate"] == "go"
        assert "<strong>Releases: go.</strong>" in daemon.body("/products/demo")
        assert run_in_process("gate", "demo", "--override", "hold", "--for", "1h", *WHO, "-c", config).exit_code == 0
        wait_for("the override", lambda: daemon.api("/products/demo/gate")["gate"] == "hold")
        page = daemon.body("/products/demo")
        assert "<strong>Releases: hold.</strong>" in page
        assert "security fix" in page
