"""Histories of UptimeRobot, which records changes of state, and of Healthchecks, which records pings and flips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.migration.imported_history import State
from monitor.migration.uptimerobot_history import uptimerobot_histories
from monitor.storage.reader import reading
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome, Run
from tests.monitor.migration.test_imported_history import AT, START, invoke, measured

DOWN, UP, STARTED, PAUSED = 1, 2, 98, 99
TOKENS = {"HEALTHCHECKS_LOAD_TOKEN": "0123456789abcdef"}


def entry(kind: int, start: int, length: int) -> dict[str, Any]:
    """Return a change of state this long after START, in microseconds."""
    return {"type": kind, "datetime": (AT + start) // SECOND, "duration": length // SECOND}


def write_monitors(folder: Path, *logs: dict[str, Any], **more: Any) -> Path:
    """Write a response with a monitor that has these logs, the newest first."""
    monitor = {"id": 1, "friendly_name": "Forms", "url": "http://127.0.0.1:1/", "type": 1, "interval": 60, **more}
    path = folder / "monitors.json"
    path.write_text(json.dumps({"monitors": [{**monitor, "logs": list(reversed(logs))}]}))
    return path


def import_uptimerobot(folder: Path, *logs: dict[str, Any]) -> Path:
    """Import a monitor with these logs, and return the written configuration."""
    config = folder / "ninewatch.yaml"
    result = invoke("import", "uptimerobot", write_monitors(folder, *logs), "-o", config, "--history", folder / "n.db")
    assert result.exit_code == 0, result.output
    return config


def runs(folder: Path) -> list[Run]:
    with reading(folder / "n.db") as record:
        return sorted(record.load_runs(), key=lambda run: run.first)


def test_states_of_uptimerobot_are_certain_but_for_an_interval_at_each_change(tmp_path: Path) -> None:
    config = import_uptimerobot(
        tmp_path, entry(STARTED, -HOUR, HOUR), entry(UP, 0, HOUR), entry(DOWN, HOUR, 10 * MINUTE),
        entry(UP, HOUR + 10 * MINUTE, 2 * HOUR),
    )  # fmt: skip
    durations = measured(config, 0, 3 * HOUR).durations
    assert (durations.doubt, durations.down, durations.unknown) == (2 * MINUTE, 9 * MINUTE, 0)
    assert measured(config, -HOUR, 0).durations.unknown == HOUR


def test_paused_time_is_unknown(tmp_path: Path) -> None:
    config = import_uptimerobot(tmp_path, entry(UP, 0, HOUR), entry(PAUSED, HOUR, DAY), entry(UP, HOUR + DAY, HOUR))
    assert measured(config, 2 * HOUR, DAY).durations.unknown == DAY - 2 * HOUR


def test_state_that_is_shorter_than_an_interval_is_one_probe(tmp_path: Path) -> None:
    import_uptimerobot(tmp_path, entry(UP, 0, HOUR), entry(DOWN, HOUR, 20 * SECOND))
    assert [(run.outcome, run.first - AT, run.count) for run in runs(tmp_path)] == [
        (Outcome.GOOD, 0, 60),
        (Outcome.BAD, HOUR, 1),
    ]


def test_state_ends_where_the_next_one_starts(tmp_path: Path) -> None:
    import_uptimerobot(tmp_path, entry(UP, 0, DAY), entry(DOWN, HOUR, HOUR))
    assert [(run.outcome, run.last - AT) for run in runs(tmp_path)] == [
        (Outcome.GOOD, HOUR - MINUTE),
        (Outcome.BAD, 2 * HOUR - MINUTE),
    ]


def test_fact_has_the_number_of_states(tmp_path: Path) -> None:
    config = import_uptimerobot(tmp_path, entry(UP, 0, HOUR))
    facts = map(json.loads, invoke("history", "forms", "-c", config, "--json").output.splitlines())
    (fact,) = (fact for fact in facts if fact["kind"] == "import")
    assert fact["body"]["checks"]["forms/http"]["states"] == 1


def test_heartbeats_of_uptimerobot_have_no_history(tmp_path: Path) -> None:
    assert uptimerobot_histories(write_monitors(tmp_path, entry(UP, 0, HOUR), type=5)) == {}
    (history,) = uptimerobot_histories(write_monitors(tmp_path, entry(DOWN, 0, HOUR))).values()
    assert history.states == [State(AT, AT + HOUR, good=False)]


@pytest.mark.parametrize("change", [{}, {"type": "up", "datetime": 1, "duration": 1}, 5])
def test_logs_of_another_form_are_an_error_with_their_position(tmp_path: Path, change: Any) -> None:
    path = write_monitors(tmp_path, entry(UP, 0, HOUR), change)
    result = invoke("import", "uptimerobot", path, "--history", tmp_path / "n.db")
    assert result.exit_code != 0
    assert "monitors.json: monitors[0].logs[0]: needs the numbers type, datetime and duration" in str(result.exception)
    assert not (tmp_path / "n.db").exists()


def ping(kind: str, after: int) -> dict[str, Any]:
    return {"type": kind, "date": instant(after)}


def instant(after: int) -> str:
    return START.fromtimestamp((AT + after) / SECOND, START.tzinfo).isoformat()


def import_healthchecks(folder: Path, **responses: Any) -> Any:
    """Import an hourly check whose API had these responses."""
    check = {"name": "Load", "unique_key": "k", "timeout": 3600, "grace": 300}
    (folder / "checks.json").write_text(json.dumps({"checks": [check]}))
    (folder / "pings").mkdir()
    for kind, response in responses.items():
        (folder / "pings" / f"k.{kind}.json").write_text(json.dumps(response))
    files = ("-o", folder / "ninewatch.yaml", "--history", folder / "n.db", "--pings", folder / "pings")
    return invoke("import", "healthchecks", folder / "checks.json", *files)


def test_pings_and_missed_jobs_of_healthchecks_become_observations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flip to down without a ping is a missed job, and the flips at pings change nothing."""
    pings = [ping("success", 0), ping("start", HOUR - MINUTE), ping("success", HOUR), ping("fail", 5 * HOUR)]
    flips = [
        {"timestamp": instant(2 * HOUR + 5 * MINUTE), "up": 0},
        {"timestamp": instant(4 * HOUR), "up": 1},
        {"timestamp": instant(5 * HOUR), "up": 0},
    ]
    result = import_healthchecks(tmp_path, pings={"pings": pings}, flips=flips)
    assert result.exit_code == 0, result.output
    assert [(run.outcome, run.first - AT, run.count) for run in runs(tmp_path)] == [
        (Outcome.GOOD, 0, 2),
        (Outcome.BAD, 2 * HOUR + 5 * MINUTE, 1),
        (Outcome.GOOD, 4 * HOUR, 1),
        (Outcome.BAD, 5 * HOUR, 1),
    ]
    for name, token in TOKENS.items():
        monkeypatch.setenv(name, token)
    assert measured(tmp_path / "ninewatch.yaml", 0, HOUR).durations.down == 0


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ({}, "has no history of the checks; save the responses"),
        ({"pings": []}, 'has no list "pings"'),
        ({"flips": {"flips": []}}, "has no list of objects"),
        (
            {"flips": [{"timestamp": "yesterday", "up": 1}]},
            "k.flips.json: [0].timestamp: 'yesterday' is not an instant",
        ),
        ({"pings": {"pings": [{"type": "fail"}]}}, "k.pings.json: pings[0].date: 'None' is not an instant"),
        ({"pings": {"pings": [{"type": "fail", "date": "2026-10-01T00:00:00"}]}}, "is not an instant such as"),
    ],
)
def test_other_responses_of_healthchecks_are_rejected(tmp_path: Path, responses: dict[str, Any], message: str) -> None:
    result = import_healthchecks(tmp_path, **responses)
    assert result.exit_code != 0
    assert message in str(result.exception)
    assert not (tmp_path / "n.db").exists()


def test_history_of_healthchecks_needs_its_folder(tmp_path: Path) -> None:
    (tmp_path / "checks.json").write_text('{"checks": []}')
    result = invoke("import", "healthchecks", tmp_path / "checks.json", "--history", tmp_path / "n.db")
    assert result.exit_code == 2
    assert "--history and --pings belong together" in result.output
