"""`ninewatch history` with and without a daemon: definitions, corrections and other facts as text."""

from __future__ import annotations

import contextlib
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from monitor.facts.fact_index import Facts
from monitor.facts.history import history
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.fact import Fact
from sla.interval import DAY
from sla.silence import RETRY, Silence, silence_end
from tests.monitor.commands.test_cli import run_in_process, target, write_config  # noqa: F401 - a fixture
from tests.support.daemon_process import running_daemon
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.http_target import HttpTarget


def history_of(config: Path, product: str = "demo", *options: str) -> list[dict[str, Any]]:
    """Return the output of `history --json`."""
    output = run_in_process("history", product, "--json", "-c", config, *options).stdout
    return [json.loads(line) for line in output.splitlines()]


def recorded_facts(record: Path, kind: str) -> list[Fact]:
    with contextlib.closing(SqliteStore(record, 0)) as store:
        return [fact for fact in store.load_facts() if fact.kind == kind]


def test_changed_meaning_is_in_the_history_and_a_restart_is_not(
    target: HttpTarget,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The record keeps every definition after a restart, a reload and a change without a running daemon."""
    config = write_config(tmp_path, target.url("/health"))
    text = config.read_text()
    with running_daemon(config):
        (first,) = wait_for("the definition", lambda: history_of(config))
    assert first["changes"][0].startswith("defined: all of ")
    assert (first["author"], first["body"]["source"]) == ("configuration", config.name)
    with running_daemon(config) as daemon:
        assert daemon.api("/products/demo/history") == [first]
        config.write_text(text.replace("objective: 99%", "objective: 99.95%"))
        daemon.signal(signal.SIGHUP)
        wait_for("the second definition", lambda: len(daemon.api("/products/demo/history")) == 2)
        wait_for("the record", lambda: history_of(config) == daemon.api("/products/demo/history"))
    config.write_text(text)
    assert len(history_of(config)) == 2
    with running_daemon(config):
        wait_for("the third definition", lambda: len(history_of(config)) == 3)
    assert [change["changes"] for change in history_of(config)[1:]] == [
        ["objective 99% -> 99.95%"],
        ["objective 99.95% -> 99%"],
    ]
    assert [change["id"] for change in history_of(config)] == [
        fact.id for fact in recorded_facts(tmp_path / "n.db", "definition")
    ]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose daemon ran once, before definitions existed."""
    SqliteStore(tmp_path / "n.db", 0).close()
    return write_config(tmp_path, "http://127.0.0.1:1/health")


def test_commands_without_the_daemon_add_no_definition(config: Path) -> None:
    assert run_in_process("history", "demo", "-c", config).output == "no facts about demo\n"
    run_in_process("correct", "demo", "2025-11-03T09:10/2025-11-03T09:25", "--by", "A", "--reason", "x", "-c", config)
    run_in_process("report", "--product", "demo", "-c", config)
    assert [change["kind"] for change in history_of(config)] == ["correction"]
    assert recorded_facts(config.parent / "n.db", "definition") == []


def test_corrections_revocations_and_unknown_kinds_are_shown_as_text(config: Path) -> None:
    """A correction is shown with its id. Facts of all products are included, facts of other products are not."""
    arguments = ("--by", "Ana", "--reason")
    output = run_in_process(
        "correct", "demo", "2025-11-03T09:10/2025-11-03T09:25", *arguments, "locked", "-c", config
    ).output
    known = output.split()[1].rstrip(":")
    run_in_process("correct", "--revoke", known, *arguments, "it was us", "-c", config)
    journal = Journal.of(config.parent / "n.db")
    journal.add(Fact.of(DAY, "Ben", "deployment", "demo", {"version": "1.4"}))
    journal.add(Fact.of(DAY, "Ben", "drill", "", {"of": "all"}))
    journal.add(Fact.of(DAY, "Ben", "drill", "other", {}))
    with contextlib.closing(SqliteStore(config.parent / "n.db", 0)) as store:
        store.write(Batch(facts=[Fact("x", DAY + 1, "Eve", "attestation", "demo", '{"by":"Eve"}')]))
    lines = run_in_process("history", "demo", "-c", config).output.splitlines()
    assert len(lines) == 5
    assert {line.split()[1] for line in lines[:2]} == {"deployment", "drill"}
    assert "deployment" in "".join(lines[:2])
    assert '{"version":"1.4"} (Ben)' in "".join(lines[:2])
    assert lines[2] == '1970-01-02T00:00:00.000001Z  attestation x: {"by":"Eve"} (Eve)'
    assert f"correction {known}: 2025-11-03T17:10:00Z/2025-11-03T17:25:00Z (15m) excluded: locked (Ana)" in lines[3]
    assert f"{known} revoked: it was us (Ana)" in lines[4]
    assert len(history_of(config, "demo", "--since", "1h")) == 2
    assert len(history_of(config, "demo", "--since", "1970-01-01T16:00:00")) == 5
    assert len(run_in_process("history", "other", "-c", config).output.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody",), 'unknown product "nobody"; known products: demo'),
        (("demo", "--since", "yesterday"), "not an instant or a duration"),
    ],
)
def test_mistake_gives_one_clear_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run_in_process("history", *arguments, "-c", config)
    assert result.exit_code != 0
    assert message in f"{result.exception}{result.output}"


def test_history_without_a_record_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no record at var/ninewatch.db" in str(run_in_process("history", "demo").exception)
    assert list(tmp_path.iterdir()) == []


def test_history_contains_silences_and_no_retry_requests() -> None:
    silence = Silence(0, "Ada", "known", 7_200_000_000, "demo")
    facts = Facts(
        [silence.fact(), Fact.of(1, "Ada", RETRY, "", {"receiver": "ops"}), silence_end(silence.id, 2, "Ada")]
    )
    (entry,) = history(facts, "demo")
    assert entry.changes == ("alerts silenced until 1970-01-01T02:00:00Z: known",)
    assert history(facts, "other") == []
