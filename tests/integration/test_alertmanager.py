"""An outage from the daemon through real Prometheus and Alertmanager to a pager, with the shipped rules."""

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
    """Run a product that is up, and everything up to a pager. The route is the shipped sample's, without its delays."""
    target, pager = Target(), Pager()
    with ExitStack() as stack:
        port = stack.enter_context(target.serving())
        receiver = stack.enter_context(pager.listening())
        manager = stack.enter_context(alertmanager(tmp_path, without_delays(SAMPLE.read_text(), receiver)))
        program, address = stack.enter_context(
            start_daemon(tmp_path, CONFIG.format(store=tmp_path / "nw.db", port=port))
        )
        server = stack.enter_context(prometheus(tmp_path, address, manager))
        wait_for("the product to be up", lambda: server.query('ninewatch_product_state{state="up"} == 1'))
        wait_for("the watchdog", lambda: pager.received("/watchdog", "Watchdog", "firing"))
        yield Scene(target, pager, program, server, address.removeprefix("http://"))


def without_delays(sample: str, receiver: str) -> str:
    """Return the sample configuration with the test's receiver and without its delays."""
    for slow, fast in (("group_wait: 30s", "group_wait: 0s"), ("group_interval: 5m", "group_interval: 1s")):
        assert slow in sample
        sample = sample.replace(slow, fast)
    return sample.replace("http://127.0.0.1:9095", receiver)


def test_outage_sends_a_page_and_recovery_resolves_it(scene: Scene) -> None:
    assert scene.pager.received("/pager", "NinewatchProductDown", "firing") is None
    scene.target.healthy = False
    fired = wait_for("the page", lambda: scene.pager.received("/pager", "NinewatchProductDown", "firing"))
    assert fired["labels"]["product"] == "poc"
    assert fired["labels"]["severity"] == "critical"
    assert fired["annotations"]["summary"] == "poc is down"
    assert fired["annotations"]["runbook_url"].endswith("/runbook#NinewatchProductDown")
    assert fired["annotations"]["page_url"].endswith("/products/poc")

    scene.target.healthy = True
    resolved = wait_for(
        "the resolved alert", lambda: scene.pager.received("/pager", "NinewatchProductDown", "resolved")
    )
    assert resolved["fingerprint"] == fired["fingerprint"], "the resolved alert must have the fingerprint of the page"
    assert resolved["endsAt"] > resolved["startsAt"] == fired["startsAt"]


def test_outage_that_spends_the_budget_also_sends_a_burn_rate_page(scene: Scene) -> None:
    """Two percent of the 30-day budget of five nines is half a second."""
    scene.target.healthy = False
    fired = wait_for("the page", lambda: scene.pager.received("/pager", "NinewatchBudgetBurnsFast", "firing"))
    assert fired["labels"]["product"] == "poc"


@pytest.mark.fault(53)
def test_daemon_restart_during_an_outage_does_not_resolve_the_page(scene: Scene, tmp_path: Path) -> None:
    """The page stays open while no daemon answers and until the new daemon's first probes.

    It resolves when the product is up.
    """
    scene.target.healthy = False
    names = ("NinewatchProductDown", "NinewatchBudgetBurnsFast")
    for name in names:
        wait_for(f"the page of {name}", lambda name=name: scene.pager.received("/pager", name, "firing"))
    scene.daemon.process.kill()
    scene.daemon.process.wait()
    wait_for("the page of the daemon", lambda: scene.pager.received("/pager", "NinewatchAbsent", "firing"))
    text = (tmp_path / "ninewatch.yaml").read_text()
    second_folder = tmp_path / "again"
    second_folder.mkdir()
    with start_daemon(second_folder, text.replace("listen: 127.0.0.1:0", f"listen: {scene.address}")):
        wait_for("the new daemon", lambda: scene.pager.received("/pager", "NinewatchAbsent", "resolved"))
        wait_for("its first probes", lambda: scene.prometheus.query('ninewatch_product_state{state="down"} == 1'))
        for name in names:
            assert scene.pager.received("/pager", name, "resolved") is None
            assert not [
                series
                for series in scene.prometheus.query(f'changes(ALERTS_FOR_STATE{{alertname="{name}"}}[5m])')
                if float(series["value"][1])
            ], "the alert's `for` period did not restart"
        scene.target.healthy = True
        wait_for("the resolved alert", lambda: scene.pager.received("/pager", "NinewatchProductDown", "resolved"))


@pytest.mark.fault(54)
def test_stopped_daemon_sends_a_page(scene: Scene) -> None:
    assert scene.daemon.stop() == 0
    fired = wait_for("the page", lambda: scene.pager.received("/pager", "NinewatchAbsent", "firing"))
    assert fired["labels"]["severity"] == "critical"


def test_sample_configuration_refers_to_existing_alerts_only() -> None:
    rule_names = {alert.name for alert in alerts()}
    matchers = [
        matcher
        for rule in yaml.safe_load(SAMPLE.read_text())["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
    ]
    matched_names = {word.strip('"') for matcher in matchers for word in matcher.split()[-1].strip('"').split("|")}
    assert matched_names - {"Ninewatch.+"} <= rule_names


def test_amtool_accepts_the_sample_configuration() -> None:
    completed = subprocess.run(
        ["amtool", "check-config", SAMPLE], capture_output=True, text=True, timeout=30, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
