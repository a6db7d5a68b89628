"""Counters that are derived from the record never fall: a real Prometheus scrapes a daemon through all that happens."""

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
    """A target, a daemon at one address through all its lives, and the Prometheus that scrapes it every 300 ms."""

    def __init__(self, folder: Path, target: HttpTarget, server: Prometheus, port: int) -> None:
        self.target, self.server, self.port = target, server, port
        self.config, self.store = folder / "ninewatch.yaml", folder / "record.db"
        self._daemon = ExitStack()
        self.daemon: DaemonProcess

    def configure(self, *checks: str, interval: str = "200ms") -> None:
        """Write the configuration: checks of `demo`, where `c<b` is the check c that was b; none at all removes it."""
        made = ""
        for each in checks:
            name, _, was = each.partition("<")
            former = f", was: {was}" if was else ""
            url = self.target.url("/" + (was or name))
            made += f"      - {{id: {name}, http: '{url}', interval: {interval}, timeout: 150ms{former}}}\n"
        head = f"listen: 127.0.0.1:{self.port}\nstore: {self.store}\nproducts:\n" + OTHER % self.target.url("/only")
        demo = f"  - id: demo\n    objective: 99.9%\n    checks:\n{made}" if made else ""
        self.config.write_text(head + demo)

    def start(self) -> None:
        self.daemon = self._daemon.enter_context(running_daemon(self.config))

    def end(self, number: signal.Signals) -> None:
        self.daemon.signal(number)
        self.daemon.wait_for_exit()
        self._daemon.close()

    def value(self, series: str) -> float | None:
        """Return what Prometheus has of the one series now, None if it has nothing."""
        found = self.server.query(series)
        return float(found[0]["value"][1]) if found else None

    def rises(self, series: str, above: float | None = None) -> float:
        """Wait until the series is above a value, its present one by default, and return the value that it has then."""
        least = above if above is not None else self.value(series) or 0.0
        wait_for(f"{series} above {least}", lambda: (self.value(series) or 0.0) > least)
        found = self.value(series)
        assert found is not None
        return found

    def outage(self) -> None:
        """Let the target of the check b fail until downtime and an incident are counted, and recover."""
        downtime, incidents = self.value(DOWNTIME) or 0.0, self.value(INCIDENTS) or 0.0
        self.target.status["/b"] = 503
        self.rises(DOWNTIME, downtime)
        self.rises(INCIDENTS, incidents)
        del self.target.status["/b"]


def observed(check: str, outcome: str = "good") -> str:
    return f'ninewatch_observations_total{{product="demo",check="{check}",outcome="{outcome}"}}'


def test_no_counter_of_the_record_is_reset_by_anything_that_happens_to_the_daemon(tmp_path: Path) -> None:
    port = free_port()
    every = {"scrape_interval": "300ms", "scrape_timeout": "300ms", "evaluation_interval": "1m"}
    job = {"job_name": "ninewatch", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    with (
        HttpTarget().serving() as target,
        prometheus_with_config(tmp_path, {"global": every, "scrape_configs": [job]}) as server,
    ):
        world = World(tmp_path, target, server, port)
        world.configure("a", "b")
        world.start()
        try:
            _live(world)
        finally:
            world.end(signal.SIGTERM)
        found = [each for name in RECORDED for each in server.query(f"resets({name}[1h])")]
        assert [each for each in found if each["value"][1] != "0"] == []
        assert len(found) >= 2 * 2 + 4 * 3, "downtime and incidents of two products, observations of four checks"
        assert float(server.query('resets(ninewatch_probes_total{check="a",outcome="good"}[1h])')[0]["value"][1]) >= 3
        for series in (DOWNTIME, INCIDENTS, observed("a"), 'ninewatch_observations_total{check="only",outcome="good"}'):
            (samples,) = server.query(f"count_over_time({series}[1h])")
            assert float(samples["value"][1]) > 20, series


def _live(world: World) -> None:
    """Go through everything that may happen, and see each counter go on afterwards."""
    world.rises(observed("a"), 3)
    world.outage()
    _reload(world)
    _restart(world)
    _correct(world)
    _rename(world)


def _reload(world: World) -> None:
    """Another interval; without the check that failed; with it again; without the product; with it again."""
    world.configure("a", "b", interval="250ms")
    wait_for("the reload", lambda: world.value("changes(ninewatch_config_reload_timestamp_seconds[1m])"))
    failed = world.rises(observed("b", "bad"), 0)
    world.configure("a")
    wait_for("the end of its series", lambda: world.value(observed("b")) is None)
    world.rises(observed("a"))
    world.configure("a", "b")
    assert world.rises(observed("b", "bad"), failed - 1) >= failed
    downtime = world.value(DOWNTIME)
    world.configure()
    wait_for("the end of the product", lambda: world.value(DOWNTIME) is None)
    world.configure("a", "b")
    wait_for("its return", lambda: world.value(DOWNTIME) == downtime)


def _restart(world: World) -> None:
    """In order; killed while all is well; killed while the target is down."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        seen = world.rises(observed("a"))
        world.end(number)
        world.start()
        world.rises(observed("a"), seen)
    world.target.status["/b"] = 503
    world.rises(DOWNTIME)
    seen = world.rises(INCIDENTS, 1)
    world.end(signal.SIGKILL)
    world.start()
    world.rises(DOWNTIME)
    assert world.value(INCIDENTS) == seen
    del world.target.status["/b"]


def _correct(world: World) -> None:
    """Exclude all that was down from the contractual figures."""
    now = datetime.now(UTC)
    window = f"{now.replace(hour=0, minute=0, second=0).isoformat()}/{now.isoformat()}"
    done = run_to_exit("correct", "demo", window, "--author", "Ann", "--reason", "not ours", "-c", world.config)
    assert done[0] == 0, done
    wait_for("the correction", lambda: "not ours" in world.daemon.body("/api/v1/products/demo/history"))
    world.outage()


def _rename(world: World) -> None:
    failed = world.value(observed("b", "bad")) or 0
    world.configure("a", "c<b")
    assert world.rises(observed("c", "bad"), failed - 1) >= failed
    world.rises(observed("a"))
