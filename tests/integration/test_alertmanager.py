"""From a product that fails to a pager that rings and falls silent: real Prometheus and Alertmanager, shipped rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from monitor.exporters.rules import alerts
from tests.support.monitoring import Pager, Prometheus, Target, alertmanager, prometheus
from tests.support.processes import Program, needs, start_daemon, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_prometheus,
    needs("prometheus", "prometheus-alertmanager", "amtool"),
]

SAMPLE = Path(__file__).parents[2] / "dashboards/alertmanager.sample.yaml"
CONFIG = """
listen: 127.0.0.1:0
store: {store}
products:
  - id: poc
    name: Secondment PoC
    objective: 99.999%
    checks: [{{id: front, http: "http://127.0.0.1:{port}/", interval: 200ms, timeout: 150ms, fall: 1, rise: 1}}]
"""


@dataclass
class Scene:
    target: Target
    pager: Pager
    daemon: Program
    prometheus: Prometheus
    address: str


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A product that is up, watched all the way to a pager. The route is the shipped sample's, made impatient."""
    target, pager = Target(), Pager()
    with ExitStack() as stack:
        port = stack.enter_context(target.serving())
        receiver = stack.enter_context(pager.listening())
        manager = stack.enter_context(alertmanager(tmp_path, impatient(SAMPLE.read_text(), receiver)))
        program, address = stack.enter_context(
            start_daemon(tmp_path, CONFIG.format(store=tmp_path / "nw.db", port=port))
        )
        server = stack.enter_context(prometheus(tmp_path, address, manager))
        wait_for("the product to be up", lambda: server.query('ninewatch_product_state{state="up"} == 1'))
        wait_for("the watchdog", lambda: pager.received("/watchdog", "Watchdog", "firing"))
        yield Scene(target, pager, program, server, address.removeprefix("http://"))


def impatient(sample: str, receiver: str) -> str:
    """The sample with the test's receiver and without its waits."""
    for slow, fast in (("group_wait: 30s", "group_wait: 0s"), ("group_interval: 5m", "group_interval: 1s")):
        assert slow in sample
        sample = sample.replace(slow, fast)
    return sample.replace("http://127.0.0.1:9095", receiver)


def test_an_outage_pages_once_it_is_seen_and_its_end_is_told(scene: Scene) -> None:
    assert scene.pager.received("/pager", "NinewatchProductDown", "firing") is None
    scene.target.healthy = False
    fired = wait_for("the page", lambda: scene.pager.received("/pager", "NinewatchProductDown", "firing"))
    assert fired["labels"]["product"] == "poc"
    assert fired["labels"]["severity"] == "critical"
    assert fired["annotations"]["summary"] == "poc is down"
    assert fired["annotations"]["runbook_url"].endswith("/runbook#NinewatchProductDown")
    assert fired["annotations"]["page_url"].endswith("/products/poc")

    scene.target.healthy = True
    resolved = wait_for("the all-clear", lambda: scene.pager.received("/pager", "NinewatchProductDown", "resolved"))
    assert resolved["fingerprint"] == fired["fingerprint"], "the all-clear must close the page that was opened"
    assert resolved["endsAt"] > resolved["startsAt"] == fired["startsAt"]


def test_an_outage_that_eats_the_budget_pages_for_the_burn_as_well(scene: Scene) -> None:
    """Two per cent of what five nines allow in 30 days are half a second."""
    scene.target.healthy = False
    fired = wait_for("the page", lambda: scene.pager.received("/pager", "NinewatchBudgetBurnsFast", "firing"))
    assert fired["labels"]["product"] == "poc"


def test_a_restart_of_the_daemon_during_an_outage_resolves_nothing(scene: Scene, tmp_path: Path) -> None:
    """While nothing answers and while the new daemon has seen nothing yet, the page stays; it ends when it is up."""
    scene.target.healthy = False
    names = ("NinewatchProductDown", "NinewatchBudgetBurnsFast")
    for name in names:
        wait_for(f"the page of {name}", lambda name=name: scene.pager.received("/pager", name, "firing"))
    scene.daemon.process.kill()
    scene.daemon.process.wait()
    wait_for("the page of the daemon", lambda: scene.pager.received("/pager", "NinewatchAbsent", "firing"))
    text = (tmp_path / "ninewatch.yaml").read_text()
    again = tmp_path / "again"
    again.mkdir()
    with start_daemon(again, text.replace("listen: 127.0.0.1:0", f"listen: {scene.address}")):
        wait_for("the new daemon", lambda: scene.pager.received("/pager", "NinewatchAbsent", "resolved"))
        wait_for("its first probes", lambda: scene.prometheus.query('ninewatch_product_state{state="down"} == 1'))
        for name in names:
            assert scene.pager.received("/pager", name, "resolved") is None
            assert not [
                each
                for each in scene.prometheus.query(f'changes(ALERTS_FOR_STATE{{alertname="{name}"}}[5m])')
                if float(each["value"][1])
            ], "its `for` was not started anew"
        scene.target.healthy = True
        wait_for("the all-clear", lambda: scene.pager.received("/pager", "NinewatchProductDown", "resolved"))


def test_the_end_of_the_daemon_itself_pages(scene: Scene) -> None:
    assert scene.daemon.stop() == 0
    fired = wait_for("the page", lambda: scene.pager.received("/pager", "NinewatchAbsent", "firing"))
    assert fired["labels"]["severity"] == "critical"


def test_the_sample_routes_only_alerts_that_exist() -> None:
    known = {alert.name for alert in alerts()}
    matchers = [
        matcher
        for rule in yaml.safe_load(SAMPLE.read_text())["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
    ]
    named = {word.strip('"') for matcher in matchers for word in matcher.split()[-1].strip('"').split("|")}
    assert named - {"Ninewatch.+"} <= known


def test_amtool_accepts_the_sample() -> None:
    done = subprocess.run(["amtool", "check-config", SAMPLE], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
