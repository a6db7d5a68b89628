"""Counters that are computed from the record never decrease: a real Prometheus scrapes a daemon during reloads,
restarts and renames.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from monitor.exporters.families import CHECK_FAMILIES, PRODUCT_FAMILIES
from tests.support.daemon_process import DaemonProcess, run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.monitoring import Prometheus, prometheus_with_config
from tests.support.processes import free_port, needs, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus")]

RECORDED = [family.name for family in (*CHECK_FAMILIES, *PRODUCT_FAMILIES) if family.recorded]
DOWNTIME = 'ninewatch_certain_downtime_seconds_total{product="demo"}'
INCIDENTS = 'ninewatch_incidents_total{product="demo"}'
OTHER = "  - {id: other, objective: 99%%, checks: [{id: only, http: '%s', interval: 200ms, timeout: 150ms}]}\n"


class World:
    """A target, a daemon with a fixed address, and a Prometheus that scrapes the daemon every 300 ms."""

    def __init__(self, folder: Path, target: HttpTarget, server: Prometheus, port: int) -> None:
        self.target, self.server, self.port = target, server, port
        self.config, self.store = folder / "ninewatch.yaml", folder / "record.db"
        self._daemon = ExitStack()
        self.daemon: DaemonProcess

    def configure(self, *checks: str, interval: str = "200ms") -> None:
        """Write the configuration with these checks of `demo`.

        `c<b` is the check c, formerly b. Without checks, `demo` is removed.
        """
        check_lines = ""
        for check in checks:
            name, _, former_id = check.partition("<")
            was_field = f", was: {former_id}" if former_id else ""
            url = self.target.url("/" + (former_id or name))
            check_lines += f"      - {{id: {name}, http: '{url}', interval: {interval}, timeout: 150ms{was_field}}}\n"
        head = f"listen: 127.0.0.1:{self.port}\nstore: {self.store}\nproducts:\n" + OTHER % self.target.url("/only")
        demo = f"  - id: demo\n    objective: 99.9%\n    checks:\n{check_lines}" if check_lines else ""
        self.config.write_text(head + demo)

    def start(self) -> None:
        self.daemon = self._daemon.enter_context(running_daemon(self.config))

    def stop(self, number: signal.Signals) -> None:
        self.daemon.signal(number)
        self.daemon.wait_for_exit()
        self._daemon.close()

    def value(self, series: str) -> float | None:
        """Return Prometheus' present value of the series, None if there is none."""
        result = self.server.query(series)
        return float(result[0]["value"][1]) if result else None

    def last_value(self, series: str) -> float:
        """Return the last scraped value, 0 if there is none. On a busy machine, the present scrape may have failed."""
        return self.value(f"last_over_time({series}[5m])") or 0.0

    def wait_for_increase(self, series: str, above: float | None = None) -> float:
        """Wait until the series exceeds `above` (default: its last value), and return the new value."""
        minimum = above if above is not None else self.last_value(series)
        values: list[float] = []

        def has_increased() -> bool:
            value = self.value(series)
            values.extend([] if value is None else [value])
            return value is not None and value > minimum

        wait_for(f"{series} above {minimum}", has_increased)
        return values[-1]

    def run_outage(self) -> None:
        """Make the target of check b fail until downtime and an incident are counted, then let it recover."""
        downtime, incidents = self.last_value(DOWNTIME), self.last_value(INCIDENTS)
        self.target.status["/b"] = 503
        self.wait_for_increase(DOWNTIME, downtime)
        self.wait_for_increase(INCIDENTS, incidents)
        self.end_outage()

    def end_outage(self) -> None:
        """Let check b recover. A later outage would belong to the same incident until this one is resolved."""
        del self.target.status["/b"]
        wait_for("the resolved incident", lambda: not self.daemon.incidents("open"))


def observations_series(check: str, outcome: str = "good") -> str:
    return f'ninewatch_observations_total{{product="demo",check="{check}",outcome="{outcome}"}}'


def test_recorded_counters_are_not_reset_by_reloads_restarts_corrections_and_renames(tmp_path: Path) -> None:
    port = free_port()
    global_config = {"scrape_interval": "300ms", "scrape_timeout": "300ms", "evaluation_interval": "1m"}
    job = {"job_name": "ninewatch", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    with (
        HttpTarget().serving() as target,
        prometheus_with_config(tmp_path, {"global": global_config, "scrape_configs": [job]}) as server,
    ):
        world = World(tmp_path, target, server, port)
        world.configure("a", "b")
        world.start()
        try:
            _run_events(world)
        finally:
            world.stop(signal.SIGTERM)
        reset_counts = [series for name in RECORDED for series in server.query(f"resets({name}[1h])")]
        assert [series for series in reset_counts if series["value"][1] != "0"] == []
        assert len(reset_counts) >= 2 * 2 + 4 * 3, "downtime and incidents of two products, observations of four checks"
        assert float(server.query('resets(ninewatch_probes_total{check="a",outcome="good"}[1h])')[0]["value"][1]) >= 3
        for series in (
            DOWNTIME,
            INCIDENTS,
            observations_series("a"),
            'ninewatch_observations_total{check="only",outcome="good"}',
        ):
            (samples,) = server.query(f"count_over_time({series}[1h])")
            assert float(samples["value"][1]) > 20, series


def _run_events(world: World) -> None:
    """Run every event that may affect counters, and wait for each counter to increase afterwards."""
    world.wait_for_increase(observations_series("a"), 3)
    world.run_outage()
    _reload(world)
    _restart(world)
    _correct(world)
    _rename(world)


def _reload(world: World) -> None:
    """Change the interval; remove and restore the failed check; remove and restore the product."""
    world.configure("a", "b", interval="250ms")
    wait_for("the reload", lambda: world.value("changes(ninewatch_config_reload_timestamp_seconds[1m])"))
    failure_count = world.wait_for_increase(observations_series("b", "bad"), 0)
    world.configure("a")
    wait_for("the end of the removed check's series", lambda: world.value(observations_series("b")) is None)
    world.wait_for_increase(observations_series("a"))
    world.configure("a", "b")
    assert world.wait_for_increase(observations_series("b", "bad"), failure_count - 1) >= failure_count
    downtime = world.last_value(DOWNTIME)
    world.configure()
    wait_for("the end of the product's series", lambda: world.value(DOWNTIME) is None)
    world.configure("a", "b")
    wait_for("the restored product's downtime", lambda: world.value(DOWNTIME) == downtime)


def _restart(world: World) -> None:
    """Stop the daemon in order, then kill it while the target is up, then while the target is down."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        value_before = world.wait_for_increase(observations_series("a"))
        world.stop(number)
        world.start()
        world.wait_for_increase(observations_series("a"), value_before)
    world.target.status["/b"] = 503
    world.wait_for_increase(DOWNTIME)
    value_before = world.wait_for_increase(INCIDENTS, 1)
    world.stop(signal.SIGKILL)
    world.start()
    world.wait_for_increase(DOWNTIME)
    assert world.last_value(INCIDENTS) == value_before
    world.end_outage()


def _correct(world: World) -> None:
    """Exclude all downtime from the contractual figures."""
    now = datetime.now(UTC)
    window = f"{now.replace(hour=0, minute=0, second=0).isoformat()}/{now.isoformat()}"
    result = run_to_exit("correct", "demo", window, "--by", "Ann", "--reason", "not ours", "-c", world.config)
    assert result[0] == 0, result
    wait_for("the correction", lambda: "not ours" in world.daemon.body("/api/v1/products/demo/history"))
    world.run_outage()


def _rename(world: World) -> None:
    failure_count = world.last_value(observations_series("b", "bad"))
    world.configure("a", "c<b")
    assert world.wait_for_increase(observations_series("c", "bad"), failure_count - 1) >= failure_count
    world.wait_for_increase(observations_series("a"))
