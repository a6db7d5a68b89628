"""Histories of other monitors in a new record: certain where the source is, unknown where it has only counts."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from monitor.as_of import ledger_at
from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.errors import NinewatchError
from monitor.migration.gatus_history import gatus_histories
from monitor.migration.kuma_history import kuma_histories
from monitor.storage.reader import reading
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from tests.monitor.migration.kuma_databases import kuma_database
from tests.support.daemon_process import running_daemon
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from sla.measured import Measured

START = datetime(2026, 10, 1, tzinfo=UTC)
AT = round(START.timestamp()) * SECOND
MONITOR = {"name": "Forms", "type": "http", "url": "http://127.0.0.1:1/", "interval": 60, "timeout": 10}
GATUS = """\
endpoints:
- {name: api, group: core, url: "http://127.0.0.1:1/", interval: 60s, conditions: ["[STATUS] == 200"]}
"""


def beat(minutes: float, status: int, **more: Any) -> dict[str, Any]:
    """Return a heartbeat this long after START."""
    time = (START + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return {"monitor_id": 1, "status": status, "time": time, "ping": 80 if status == 1 else None, **more}


def beats(start: int, minutes: int, status: int = 1) -> list[dict[str, Any]]:
    return [beat(minute, status) for minute in range(start, start + minutes)]


def count(hours: int, up: int, down: int) -> dict[str, Any]:
    """Return the counts of an hour or a day that starts this many hours after START."""
    return {"monitor_id": 1, "timestamp": AT // SECOND + hours * 3600, "up": up, "down": down}


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def import_kuma(folder: Path, version: int, **tables: list[dict[str, Any]]) -> Path:
    """Import a database with one monitor, and return the written configuration."""
    database = kuma_database(folder / "kuma.db", version, {"monitor": [MONITOR], **tables})
    result = invoke("import", "uptime-kuma", database, "-o", folder / "kuma.yaml", "--history", folder / "n.db")
    assert result.exit_code == 0, result.output
    return folder / "kuma.yaml"


def measured(config: Path, start: int, end: int) -> Measured:
    """Return the figures between two instants after START."""
    portfolio = load_config(config)[1]
    (product,) = portfolio.products
    ledger = ledger_at(portfolio, portfolio.store, SystemClock().now())
    return ledger.measured(product.id, Interval(AT + start, AT + end), AT + end)


@pytest.mark.parametrize("version", [1, 2])
def test_heartbeats_become_observations(tmp_path: Path, version: int) -> None:
    heartbeat = [*beats(0, 30), *beats(30, 5, 0), *beats(35, 25), beat(10, 3)]
    config = import_kuma(tmp_path, version, heartbeat=heartbeat)
    figures = measured(config, 0, 59 * MINUTE)
    assert (figures.counts.good, figures.counts.bad) == (54, 5)
    # Down from the first to the last bad heartbeat; the two changes are within the minutes around them.
    assert (figures.downtime.low, figures.downtime.high) == (4 * MINUTE, 6 * MINUTE)


def test_pending_heartbeats_are_failures_and_maintenance_is_unknown(tmp_path: Path) -> None:
    heartbeat = [*beats(0, 10), beat(10, 2), beat(11, 1), *beats(12, 8, 3), *beats(20, 10)]
    figures = measured(import_kuma(tmp_path, 1, heartbeat=heartbeat), 0, 29 * MINUTE)
    assert figures.counts.bad == 1
    assert figures.durations.unknown == 9 * MINUTE  # from the last heartbeat before the maintenance to the next


def test_counts_are_certain_only_if_complete_and_equal(tmp_path: Path) -> None:
    hours = [count(0, 60, 0), count(1, 58, 0), count(2, 50, 0), count(3, 59, 1), count(4, 0, 60)]
    config = import_kuma(tmp_path, 2, stat_hourly=hours)
    assert measured(config, MINUTE, HOUR).durations.up == 59 * MINUTE
    assert measured(config, HOUR + MINUTE, 2 * HOUR - MINUTE).durations.unknown == 0
    for hour in (2, 3):  # incomplete, and with a failure
        unknown = measured(config, hour * HOUR + 3 * MINUTE, (hour + 1) * HOUR)
        assert unknown.durations.unknown == 57 * MINUTE
        assert (unknown.availability.low, unknown.availability.high) == (0, 1)
    assert measured(config, 4 * HOUR + MINUTE, 5 * HOUR - MINUTE).downtime.low == 58 * MINUTE


def test_days_are_used_where_there_are_no_hours(tmp_path: Path) -> None:
    config = import_kuma(
        tmp_path, 2, stat_daily=[count(0, 1440, 0), count(24, 1440, 0)], stat_hourly=[count(24, 60, 0)]
    )
    assert measured(config, MINUTE, DAY).durations.up == DAY - MINUTE
    # The second day has hours, so only these are used.
    assert measured(config, DAY + HOUR + 3 * MINUTE, 2 * DAY).durations.unknown == 23 * HOUR - 3 * MINUTE


def test_single_results_are_preferred_to_counts_if_they_are_complete(tmp_path: Path) -> None:
    heartbeat = [*beats(0, 30), beat(30, 0), *beats(31, 29), beat(90, 0)]  # complete in the first hour only
    config = import_kuma(tmp_path, 2, heartbeat=heartbeat, stat_hourly=[count(0, 59, 1), count(1, 59, 1)])
    assert measured(config, 0, 59 * MINUTE).counts.bad == 1
    assert measured(config, HOUR + 3 * MINUTE, 2 * HOUR).counts.bad == 0


def test_source_and_extent_are_a_fact_of_the_product(tmp_path: Path) -> None:
    config = import_kuma(tmp_path, 2, heartbeat=beats(120, 60), stat_hourly=[count(0, 60, 0), count(1, 59, 1)])
    (line,) = (line for line in invoke("history", "forms", "-c", config).output.splitlines() if " import " in line)
    assert "history imported from uptime-kuma (kuma.db): forms/forms from 2026-10-01T00:00:30" in line
    assert "60 results, 2 hours or days, 1 of them unknown" in line


def test_daemon_continues_the_imported_history(tmp_path: Path) -> None:
    config = import_kuma(tmp_path, 1, heartbeat=beats(0, 60))
    config.write_text("listen: 127.0.0.1:0\n" + config.read_text().replace("interval: 1m", "interval: 1s"))
    config.write_text(
        config.read_text().replace("timeout: 10s", "timeout: 1s").replace("checks:", "window: 365d\n    checks:")
    )
    window = "2026-10-01T00:00:00Z/2026-10-01T00:59:00Z"
    with running_daemon(config) as daemon:
        wait_for("a probe", lambda: daemon.metric("ninewatch_probes_total", check="forms", outcome="bad"))
        figures = daemon.api("/products/forms/availability", window=window)
        page = daemon.body("/products/forms")
    assert figures["observations"]["good"] == 59
    assert figures["up_seconds"] == 59 * 60
    note = "The history up to 2026-09-30 17:59:00 PDT was imported from uptime-kuma"
    assert note in " ".join(page.split())
    assert note in invoke("report", "--product", "forms", "--window", window, "-c", config).output


def test_existing_files_and_empty_histories_are_errors_before_anything_is_written(tmp_path: Path) -> None:
    database = kuma_database(tmp_path / "kuma.db", 2, {"monitor": [MONITOR]})
    arguments = ("import", "uptime-kuma", database, "-o", tmp_path / "kuma.yaml", "--history", tmp_path / "n.db")
    error = invoke(*arguments).exception
    assert isinstance(error, NinewatchError)
    assert "has no results of the checks" in str(error)
    (tmp_path / "n.db").write_text("something")
    assert "n.db exists and was not changed" in str(invoke(*arguments).exception)
    assert not (tmp_path / "kuma.yaml").exists()


def test_results_of_the_future_are_not_imported(tmp_path: Path) -> None:
    future = {**beat(0, 1), "time": "2099-01-01 00:00:00.000"}
    config = import_kuma(tmp_path, 1, heartbeat=[*beats(0, 3), future])
    with reading(load_config(config)[1].store) as record:
        assert max(run.last for run in record.load_runs()) == AT + 2 * MINUTE


def gatus_database(path: Path, results: list[tuple[str, int]], uptimes: list[tuple[int, int, int]]) -> Path:
    """Create a database with the tables of Gatus 5 (storage/store/sql/specific_sqlite.go) for one endpoint."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
        CREATE TABLE endpoints (endpoint_id INTEGER PRIMARY KEY, endpoint_key TEXT UNIQUE, endpoint_name TEXT NOT NULL,
          endpoint_group TEXT NOT NULL, UNIQUE(endpoint_name, endpoint_group));
        CREATE TABLE endpoint_results (endpoint_result_id INTEGER PRIMARY KEY, endpoint_id INTEGER NOT NULL,
          success INTEGER NOT NULL, errors TEXT NOT NULL, connected INTEGER NOT NULL, status INTEGER NOT NULL,
          dns_rcode TEXT NOT NULL, certificate_expiration INTEGER NOT NULL, domain_expiration INTEGER NOT NULL,
          hostname TEXT NOT NULL, ip TEXT NOT NULL, duration INTEGER NOT NULL, timestamp TIMESTAMP NOT NULL);
        CREATE TABLE endpoint_uptimes (endpoint_uptime_id INTEGER PRIMARY KEY, endpoint_id INTEGER NOT NULL,
          hour_unix_timestamp INTEGER NOT NULL, total_executions INTEGER NOT NULL,
          successful_executions INTEGER NOT NULL, total_response_time INTEGER NOT NULL,
          UNIQUE(endpoint_id, hour_unix_timestamp));
        INSERT INTO endpoints VALUES (7, 'core_api', 'api', 'core');
        """)
        connection.executemany(
            "INSERT INTO endpoint_results VALUES (NULL, 7, ?, '', 1, 200, '', 0, 0, '', '', 25000000, ?)",
            [(success, time) for time, success in results],
        )
        connection.executemany("INSERT INTO endpoint_uptimes VALUES (NULL, 7, ?, ?, ?, 0)", uptimes)
    return path


@pytest.mark.parametrize(
    "form", ["2026-10-01 03:{:02}:00.5 +0000 UTC", "2026-10-01 03:{:02}:00.5+00:00", "2026-10-01T03:{:02}:00.500Z"]
)
def test_results_and_uptimes_of_gatus_become_observations(tmp_path: Path, form: str) -> None:
    (tmp_path / "gatus.yaml").write_text(GATUS)
    results = [(form.format(minute), int(minute != 30)) for minute in range(60)]
    start = AT // SECOND
    uptimes = [(start - 86_400, 1440, 1440), *((start + hour * 3600, 60, 60 - (hour == 1)) for hour in range(4))]
    database = gatus_database(tmp_path / "data.db", results, uptimes)
    files = ("-o", tmp_path / "ninewatch.yaml", "--history", tmp_path / "n.db", "--database", database)
    result = invoke("import", "gatus", tmp_path / "gatus.yaml", *files)
    assert result.exit_code == 0, result.output
    config = tmp_path / "ninewatch.yaml"
    assert measured(config, MINUTE - DAY, HOUR - MINUTE).durations.unknown == 0  # a merged day, then an hour
    assert measured(config, HOUR + 3 * MINUTE, 2 * HOUR).durations.unknown == 57 * MINUTE  # with a failure
    assert measured(config, 3 * HOUR, 4 * HOUR).counts.bad == 1  # single results
    with reading(load_config(config)[1].store) as record:
        assert max(run.latency_max for run in record.load_runs()) == 25_000


def test_unreadable_times_of_gatus_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(NinewatchError, match="'yesterday' is not a time of Gatus"):
        gatus_histories(gatus_database(tmp_path / "data.db", [("yesterday", 1)], []))


def test_rows_of_another_form_are_an_error_with_their_number(tmp_path: Path) -> None:
    database = gatus_database(tmp_path / "data.db", [("2026-13-01 00:00:00", 1)], [])
    with pytest.raises(NinewatchError, match=r"data\.db: table endpoint_results: row 1 has another form: month"):
        gatus_histories(database)
    database = kuma_database(tmp_path / "kuma.db", 1, {"monitor": [MONITOR], "heartbeat": [beat(0, 1, time="?")]})
    with pytest.raises(NinewatchError, match="table heartbeat: row 1 has another form: Invalid isoformat"):
        kuma_histories(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("ALTER TABLE heartbeat RENAME COLUMN status TO state")
    with pytest.raises(NinewatchError, match="row 1 has no column 'status'; specify a database of a supported"):
        kuma_histories(database)


def test_results_before_1970_are_not_imported(tmp_path: Path) -> None:
    """Go writes the year 1 for a missing time."""
    (tmp_path / "gatus.yaml").write_text(GATUS)
    times = ["0001-01-01 00:00:00+00:00", *(f"2026-10-01 03:{minute:02}:00+00:00" for minute in range(3))]
    database = gatus_database(tmp_path / "data.db", [(time, 1) for time in times], [(-3600, 60, 60)])
    files = ("-o", tmp_path / "ninewatch.yaml", "--history", tmp_path / "n.db", "--database", database)
    assert invoke("import", "gatus", tmp_path / "gatus.yaml", *files).exit_code == 0
    with reading(tmp_path / "n.db") as record:
        assert [run.count for run in record.load_runs()] == [3]


def test_messages_of_heartbeats_are_not_kept_in_memory(tmp_path: Path) -> None:
    heartbeats = [{**heartbeat, "msg": "x" * 4000} for heartbeat in beats(0, 2000)]
    database = kuma_database(tmp_path / "kuma.db", 1, {"monitor": [MONITOR], "heartbeat": heartbeats})
    del heartbeats
    tracemalloc.start()
    histories = kuma_histories(database)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(histories["1"].results) == 2000
    assert peak < 2_000_000


def test_history_of_gatus_needs_its_database(tmp_path: Path) -> None:
    (tmp_path / "gatus.yaml").write_text(GATUS)
    result = invoke("import", "gatus", tmp_path / "gatus.yaml", "--history", tmp_path / "n.db")
    assert result.exit_code == 2
    assert "--history and --database belong together" in result.output


def test_json_of_the_fact_has_the_digest_of_the_source(tmp_path: Path) -> None:
    config = import_kuma(tmp_path, 1, heartbeat=beats(0, 3))
    lines = invoke("history", "forms", "-c", config, "--json").output.splitlines()
    (fact,) = (fact for fact in map(json.loads, lines) if fact["kind"] == "import")
    assert len(fact["body"]["sha256"]) == 64
    assert fact["body"]["checks"]["forms/forms"]["results"] == 3
