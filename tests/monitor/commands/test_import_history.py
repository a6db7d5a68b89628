"""`ninewatch import log|prometheus`: results of files and of a real Prometheus in the new record of a configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from monitor.as_of import ledger_at
from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.storage.reader import reading
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.window import format_instant
from tests.support.addresses import closed_port
from tests.support.http_target import HttpTarget
from tests.support.monitoring import prometheus_with_config
from tests.support.processes import needs

if TYPE_CHECKING:
    from sla.measured import Measured

CONFIG = """\
store: n.db
products:
- {id: forms, objective: 99%, checks: [{id: api, http: "http://127.0.0.1:1/api"}]}
- {id: other, objective: 99%, checks: [{id: api, http: "http://127.0.0.1:1/other"}]}
"""
HEADER = "at,check,outcome\n"


@pytest.fixture(autouse=True)
def _configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("n.yaml").write_text(CONFIG)


@pytest.fixture
def start() -> int:
    """Return the start of a full hour about two days ago."""
    return (SystemClock().now() - 2 * DAY) // HOUR * HOUR


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "-c", "n.yaml"])


def measured(product: str, start: int, end: int) -> Measured:
    portfolio = load_config(Path("n.yaml"))[1]
    return ledger_at(portfolio, portfolio.store, SystemClock().now()).measured(product, Interval(start, end), end)


def rows(check: str, start: int, minutes: int, bad: range = range(0)) -> str:
    return "".join(
        f"{format_instant(start + minute * MINUTE)},{check},{'bad' if minute in bad else 'good'}\n"
        for minute in range(minutes)
    )


def test_rows_of_a_file_become_the_history_of_their_checks(start: int) -> None:
    Path("log.csv").write_text(HEADER + rows("forms/api", start, 60, range(10, 20)) + rows("Other", start, 60))
    result = invoke("import", "log", "log.csv", "--map", "Other=other/api")
    assert result.exit_code == 0, result.output
    forms, other = (measured(product, start, start + 59 * MINUTE) for product in ("forms", "other"))
    assert (forms.counts.bad, forms.downtime.low, other.counts.bad) == (10, 9 * MINUTE, 0)
    assert "history imported from log (log.csv): forms/api from" in invoke("history", "forms").output


def test_names_without_a_check_are_listed(start: int) -> None:
    Path("log.csv").write_text(HEADER + rows("forms/api", start, 3) + rows("elsewhere", start, 3))
    result = invoke("import", "log", "log.csv")
    assert result.exit_code == 0
    assert "note: not imported: elsewhere; use --map" in result.output


def test_file_without_names_is_about_one_check(start: int) -> None:
    text = rows("", start, 60, range(5)).replace(",,", ",")
    Path("log.csv").write_text("at,outcome\n" + text)
    assert "has no results of the checks" in str(invoke("import", "log", "log.csv").exception)
    assert invoke("import", "log", "log.csv", "--check", "forms/api").exit_code == 0
    assert measured("forms", start, start + HOUR).counts.bad == 5


@pytest.mark.parametrize("option", ["x=forms/nothing", "forms/nothing"])
def test_unknown_checks_are_rejected_with_the_known_ones(start: int, option: str) -> None:
    Path("log.csv").write_text(HEADER + rows("x", start, 3))
    result = invoke("import", "log", "log.csv", "--map", option)
    assert result.exit_code == 2
    assert "is one of: forms/api, other/api" in " ".join(result.output.split())


def test_existing_record_is_not_changed(start: int) -> None:
    Path("log.csv").write_text(HEADER + rows("forms/api", start, 3))
    assert invoke("import", "log", "log.csv").exit_code == 0
    content = Path("n.db").read_bytes()
    assert "exists and was not changed" in str(invoke("import", "log", "log.csv").exception)
    assert Path("n.db").read_bytes() == content


def test_server_is_not_requested_if_the_record_exists(start: int) -> None:
    Path("n.db").write_text("content")
    with HttpTarget().serving() as target:
        assert "exists and was not changed" in str(invoke("import", "prometheus", target.url("")).exception)
    assert not target.hits


def samples(name: str, instance: str, start: int, values: list[float], labels: str = "") -> str:
    """Return samples a minute apart in the format of OpenMetrics."""
    return "".join(
        f'{name}{{instance="{instance}",job="blackbox"{labels}}} {value} {(start + minute * MINUTE) / SECOND}\n'
        for minute, value in enumerate(values)
    )


@pytest.mark.slow
@pytest.mark.needs_prometheus
@needs("prometheus", "promtool")
def test_samples_of_a_real_prometheus_become_observations(tmp_path: Path, start: int) -> None:
    up = [0.0 if minute in range(20, 30) else 1.0 for minute in range(90) if minute not in range(40, 60)]
    instance = "http://127.0.0.1:1/api"
    text = samples("probe_success", instance, start, up[:40]) + samples(
        "probe_success", instance, start + HOUR, up[40:]
    )
    text += samples("probe_success", "a", start, [1.0] * 5, ',region="east"')
    text += samples("probe_success", "a", start, [1.0] * 5, ',region="west"')
    durations = samples("probe_duration_seconds", instance, start, [0.25] * 40)
    (tmp_path / "metrics.txt").write_text(
        f"# TYPE probe_success gauge\n{text}# TYPE probe_duration_seconds gauge\n{durations}# EOF\n"
    )
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", tmp_path / "metrics.txt", tmp_path / "tsdb"]
    subprocess.run(command, check=True, capture_output=True)
    with prometheus_with_config(tmp_path, {}) as server:
        ambiguous = invoke("import", "prometheus", server.address, "--map", 'other/api=instance="a"')
        assert "several series match other/api" in str(ambiguous.exception)
        mapped = ("--map", 'other/api=instance="a",region="east"')
        result = invoke("import", "prometheus", server.address, "--since", "5d", *mapped)
    assert result.exit_code == 0, result.output
    figures = measured("forms", start, start + 89 * MINUTE)
    assert (figures.counts.good, figures.counts.bad) == (59, 10)
    assert figures.downtime.low == 9 * MINUTE
    assert figures.durations.unknown == 21 * MINUTE  # Prometheus did not scrape
    assert measured("other", start, start + 4 * MINUTE).durations.up == 4 * MINUTE
    with reading(Path("n.db")) as record:
        assert {run.latency_max for run in record.load_runs(["forms/api"]) if run.latency_count} == {250_000}


def test_server_that_is_no_prometheus_is_an_error() -> None:
    with HttpTarget().serving() as target:
        message = str(invoke("import", "prometheus", target.url("")).exception)
    assert "is not the API of a Prometheus; specify the address of its API" in message
    message = str(invoke("import", "prometheus", f"http://127.0.0.1:{closed_port()}").exception)
    assert "no answer" in message


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "[" * 100_000,
        '{"data": {"result": 1}}',
        '{"data": {"result": [1]}}',
        '{"data": {"result": [{"values": [["x", "1"]]}]}}',
        '{"data": {"result": [{"values": [[1, "x"]]}]}}',
        '{"data": {"result": [{"values": [[1e999, "1"]]}]}}',
        '{"data": {"result": {"metric": {}, "values": []}}}',
    ],
)
def test_answer_of_another_form_is_an_error(body: str) -> None:
    with HttpTarget().serving() as target:
        target.body = body
        message = str(invoke("import", "prometheus", target.url("")).exception)
    assert "is not the API of a Prometheus" in message
