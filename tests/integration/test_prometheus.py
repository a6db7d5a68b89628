"""A real Prometheus scrapes a real daemon: every rule finds its metrics."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from monitor.exporters.rules import alerts
from tests.support.metric_names import queried_metrics
from tests.support.monitoring import Prometheus, Target, prometheus
from tests.support.processes import fetch, needs, start_daemon, wait_for

if TYPE_CHECKING:
    from monitor.exporters.rule_file import Alert

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus", "promtool")]

ROOT = Path(__file__).parents[2]
ALERTS = list(alerts())
ONCE_A_DAY_IS_CLOSED = {"ninewatch_anchored_until_timestamp_seconds", "ninewatch_anchor_failures_total"}
OF_OTHER_VANTAGES = {"ninewatch_vantage_delivering", "ninewatch_checks_without_quorum"}  # likewise
OF_A_VANTAGE = {"ninewatch_frames_oldest_timestamp_seconds"}  # likewise
AFTER_A_DRILL = {"ninewatch_last_drill_age_seconds", "ninewatch_drill_findings_overdue"}  # promtool tests their rules
WITHOUT_DATA = ONCE_A_DAY_IS_CLOSED | OF_OTHER_VANTAGES | OF_A_VANTAGE | AFTER_A_DRILL

# Alpha has a checklist and two sites, and beta a certificate and a latency objective; gamma is paused. When the queries
# run, alpha has had one outage, in which the other site was active, and its recovery.
CONFIG = """
listen: 127.0.0.1:0
store: {store}
references: [{{id: first, tcp: "127.0.0.1:{plain}"}}, {{id: second, tcp: "127.0.0.1:{secure}"}}]
products:
  - id: alpha
    objective: 99.9%
    readiness: {{checklist: five-nines}}
    failover: {{within: 15m, settle: 1s}}
    sites:
      - id: gold
        active: {{id: gold, http: "http://127.0.0.1:{plain}/", interval: 500ms, timeout: 400ms}}
      - id: dr
        active: {{id: dr, http: "http://127.0.0.1:{plain}/", expect: {{status: 503}}, interval: 500ms, timeout: 400ms}}
    checks: [{{id: front, http: "http://127.0.0.1:{plain}/", interval: 200ms, timeout: 150ms, fall: 1, rise: 1}}]
  - id: beta
    objective: 99%
    objectives: [{{latency: 95% under 400ms, window: 30d}}]
    down_by_design: {{failover_of: alpha}}
    checks: [{{id: front, http: "https://127.0.0.1:{secure}/", interval: 500ms, timeout: 400ms, tls: {{ca: {ca}}}}}]
  - id: gamma
    objective: 99%
    enabled: false
    checks: [{{id: front, tcp: "127.0.0.1:{plain}"}}]
"""


@pytest.fixture(scope="module")
def prometheus_and_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, str]]:
    """Run Prometheus and a daemon, through one outage; yield Prometheus and the daemon's address."""
    folder = tmp_path_factory.mktemp("prometheus")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    target = Target()
    with ExitStack() as stack:
        plain = stack.enter_context(target.serving())
        secure = stack.enter_context(Target().serving(context))
        config = CONFIG.format(store=folder / "nw.db", plain=plain, secure=secure, ca=folder / "ca.pem")
        _, address = stack.enter_context(start_daemon(folder, config))
        server = stack.enter_context(prometheus(folder, address))
        wait_for("both products up", lambda: len(server.query('ninewatch_product_state{state="up"} == 1')) == 2)
        # Without certain uptime at the primary site, the outage has no latest beginning, and the failback no verdict.
        wait_for("the primary site", lambda: server.query('ninewatch_site_active{product="alpha",site="gold"} == 1'))
        wait_for(
            "certain uptime", lambda: server.query('ninewatch_availability_ratio{product="alpha",bound="low"} > 0')
        )
        target.healthy = False
        wait_for("the outage", lambda: server.query('ninewatch_product_state{product="alpha",state="down"} == 1'))
        wait_for("the other site", lambda: server.query('ninewatch_site_active{product="alpha",site="dr"} == 1'))
        target.healthy = True
        wait_for("the recovery", lambda: server.query('ninewatch_product_state{product="alpha",state="up"} == 1'))
        wait_for("the measured failback", lambda: server.query('ninewatch_failover_met{product="alpha"}'))
        wait_for("every rule to be evaluated", lambda: all(rule["health"] == "ok" for rule in server.rules()))
        yield server, address


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.name)
def test_rule_is_evaluated_and_its_metrics_are_scraped(
    prometheus_and_address: tuple[Prometheus, str], rule: Alert
) -> None:
    server, _ = prometheus_and_address
    server.query(rule.expr)
    for name in queried_metrics(rule.expr) - WITHOUT_DATA:
        assert server.query(f"count({name})"), f"{name} of {rule.name} is not scraped"


def test_rules_have_no_evaluation_errors(prometheus_and_address: tuple[Prometheus, str]) -> None:
    server, _ = prometheus_and_address
    assert {rule["name"]: rule.get("lastError") for rule in server.rules() if rule.get("lastError")} == {}


def test_burn_alert_thresholds_are_those_of_the_sre_workbook(prometheus_and_address: tuple[Prometheus, str]) -> None:
    """Both products have a 30-day window, so the factors are 14.4, 6 and 1."""
    server, _ = prometheus_and_address
    thresholds = server.query('ninewatch_burn_alert_threshold{product="alpha"}')
    assert {series["metric"]["window"]: round(float(series["value"][1]), 6) for series in thresholds} == {
        "1h": 14.4,
        "6h": 6.0,
        "3d": 1.0,
    }


def test_promtool_accepts_the_daemons_metrics(prometheus_and_address: tuple[Prometheus, str]) -> None:
    status, page = fetch(f"{prometheus_and_address[1]}/metrics")
    assert status == 200
    completed = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, timeout=30, check=False
    )
    assert (completed.returncode, completed.stdout + completed.stderr) == (0, b"")


def test_promtool_accepts_the_shipped_rules() -> None:
    rules = ROOT / "dashboards/ninewatch.rules.yaml"
    completed = subprocess.run(
        ["promtool", "check", "rules", rules], capture_output=True, text=True, timeout=30, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_promtool_accepts_the_example_of_the_readme() -> None:
    completed = subprocess.run(
        ["promtool", "check", "config", ROOT / "examples/prometheus.yml"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "rules found" in completed.stdout


@pytest.mark.parametrize("scenarios", ["ninewatch.rules.test.yaml", "ninewatch.rules.day.test.yaml"])
@pytest.mark.fault(61)
def test_shipped_rules_pass_their_promtool_tests(tmp_path: Path, scenarios: str) -> None:
    for name in ("ninewatch.rules.yaml", scenarios):
        shutil.copy(ROOT / "dashboards" / name, tmp_path)
    command = ["promtool", "test", "rules", scenarios]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
