"""`ninewatch pause` and `ninewatch resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from sla.interval import HOUR, SECOND
from sla.pause import Pause
from tests.monitor.commands.test_cli import run_in_process, write_config

if TYPE_CHECKING:
    from pathlib import Path

WHO = ("--by", "Ana Ng", "--reason", "moved")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose daemon ran once."""
    SqliteStore(tmp_path / "n.db", 0).close()
    return write_config(tmp_path, "http://127.0.0.1:1/health")


def stated(config: Path) -> list[Pause]:
    return list(Facts(Journal.of(config.parent / "n.db").read()).pauses("demo"))


@pytest.mark.parametrize(("subject", "check"), [("demo", ""), ("demo/health", "demo/health")])
def test_pause_is_added_and_ended_with_author_and_reason(config: Path, subject: str, check: str) -> None:
    result = run_in_process("pause", subject, "--until", "2254-01-02T03:00:00Z", *WHO, "-c", config)
    assert (result.exit_code, result.output.partition(": ")[2]) == (
        0,
        f"{subject} is paused until 2254-01-02T03:00:00Z\n",
    )
    (pause,) = stated(config)
    assert (pause.check, pause.author, pause.reason, pause.ended) == (check, "Ana Ng", "moved", None)
    assert run_in_process("resume", subject, *WHO, "-c", config).output == f"pause {pause.id} ended: {subject}\n"
    assert stated(config)[0].ended is not None
    assert "is not paused; nothing to resume" in str(run_in_process("resume", subject, *WHO, "-c", config).exception)


def test_end_of_a_duration_is_a_whole_second(config: Path) -> None:
    run_in_process("pause", "demo", "--for", "2h", *WHO, "-c", config)
    (pause,) = stated(config)
    assert pause.until is not None
    assert pause.until % SECOND == 0
    assert 0 <= pause.until - pause.made - 2 * HOUR < SECOND


def test_check_of_a_paused_product_is_resumed_with_the_product(config: Path) -> None:
    run_in_process("pause", "demo", "--for", "2h", *WHO, "-c", config)
    error = run_in_process("resume", "demo/health", *WHO, "-c", config).exception
    assert str(error) == "demo/health is not paused; paused: demo"


def test_pause_of_the_configuration_is_not_ended_by_the_command(config: Path) -> None:
    fact = Pause("demo", "", 1, None, "configuration", "enabled: false").fact()
    Journal.of(config.parent / "n.db").add(fact)
    error = run_in_process("resume", "demo", *WHO, "-c", config).exception
    assert str(error) == "demo is paused by the configuration; remove `enabled: false` there"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope", "--for", "1h", *WHO), 'unknown product "nope"; known products: demo'),
        (("demo/nope", "--for", "1h", *WHO), 'unknown check "demo/nope"; known checks: demo/health'),
        (("demo", *WHO), "specify the duration: --for 2h, or --until TIME"),
        (("demo", "--until", "2020-01-01T00:00:00Z", *WHO), "the end of the pause is in the past"),
        (("demo", "--for", "1h", "--by", " ", "--reason", "x"), "--by is empty"),
    ],
)
def test_invalid_pause_has_one_error_and_adds_nothing(config: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in str(run_in_process("pause", *arguments, "-c", config).exception)
    assert stated(config) == []
