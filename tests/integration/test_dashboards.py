"""Queries of the dashboards return data from a real Prometheus (Debian's and a current one) that scrapes a daemon."""

from __future__ import annotations

import math
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import trustme

from monitor.exporters.dashboards.expressions import nines
from tests.support import dashboards
from tests.support.daemon_process import DaemonProcess, run_to_exit, running_daemon
from tests.support.metric_names import queried_metrics
from tests.support.monitoring import CURRENT_PROMETHEUS, Prometheus, Target, prometheus
from tests.support.processes import fetch, needs, wait_for
from tests.support.sinks import Sink

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus")]

# Metrics that the scenario does not publish, with the reason.
WITHOUT_DATA = {
    "ninewatch_vantage_blind": "no reference decides: the portfolio has none",
    "ninewatch_vantage_delivering": "the portfolio has no other vantages",
    "ninewatch_vantage_newest_timestamp_seconds": "likewise",
    "ninewatch_vantage_clock_ahead_seconds": "likewise",
    "ninewatch_checks_without_quorum": "likewise",
    "ninewatch_vantage_clock_offset_seconds": "likewise",
    "ninewatch_vantage_same_checks": "likewise",
    "ninewatch_frames_waiting": "the daemon has no centre",
    "ninewatch_frames_oldest_timestamp_seconds": "likewise",
    "ninewatch_frames_dropped_total": "likewise",
    "ninewatch_centre_response_timestamp_seconds": "likewise",
    "ninewatch_anchored_until_timestamp_seconds": "a head is anchored once its day is closed",
    "ninewatch_drill_detection_seconds": "the deployment of the drill causes no outage",
    "ninewatch_drill_recovery_point_seconds": "nothing measures the recovery point of the drill",
    "ninewatch_failover_duration_seconds": "the active site does not change",
    "ninewatch_failover_downtime_seconds": "the active site does not change",
    "ninewatch_failover_met": "the active site does not change",
    "ninewatch_product_down_by_design": "no product declares it",
    "ninewatch_check_paused": "no check is paused",
    "ninewatch_continuity_open": "no product has transactions in flight",
    "ninewatch_continuity_transactions_total": "no product has transactions in flight",
    "ninewatch_continuity_possibly_left_behind": "no product has transactions in flight",
    "ninewatch_continuity_recovery_point_seconds": "no product has transactions in flight",
    "ninewatch_continuity_lost": "no product has transactions in flight",
}

# forms depends on login, has a checklist, a certificate and promised limits. When the queries run, its check `front`
# has failed, a page was delivered and acknowledged, and the outage continues. A drill of login has ended.
CONFIG = """
listen: 127.0.0.1:0
store: {folder}/nw.db
public_url: https://status.example.org
receivers: [{{id: ops, webhook: "{hook}"}}]
products:
  - id: login
    objective: 99.95%
    checks: [{{id: realm, http: "http://127.0.0.1:{login}/", interval: 3s, timeout: 2900ms}}]
    sites:
      - id: gold
        active: {{id: gold-active, http: "http://127.0.0.1:{login}/", interval: 3s, timeout: 2900ms}}
        direct: {{id: gold-direct, http: "http://127.0.0.1:{login}/", interval: 3s, timeout: 2900ms}}
      - id: dr
        active:
          {{id: dr-active, http: "http://127.0.0.1:{login}/", expect: {{status: 418}}, interval: 3s, timeout: 2900ms}}
        direct: {{id: dr-direct, http: "http://127.0.0.1:{login}/", interval: 3s, timeout: 2900ms}}
  - id: forms
    objective: 99.9%
    readiness: {{checklist: five-nines}}
    depends_on: [login]
    objectives: [{{latency: 95% under 400ms}}]
    agreement:
      excludes: [maintenance, {{dependency: login}}]
      longest_outage: 22m
      total_outage: {{limit: 4h, per: 30d}}
    checks:
      - {{id: front, http: "http://127.0.0.1:{plain}/", interval: 200ms, timeout: 150ms, fall: 1, slow_after: 1us}}
      - {{id: secure, http: "https://127.0.0.1:{secure}/", interval: 3s, timeout: 2900ms, tls: {{ca: {ca}}}}}
"""

QUERIES = [
    pytest.param(name, target, id=f"{name}-{title}-{target['refId']}".replace(" ", "_"))
    for name in dashboards.NAMES
    for title, target in dashboards.targets(dashboards.read(name))
]
VARIABLES = {"job": ".*", "instance": ".*", "window": "30d", "__rate_interval": "10s"}
PRODUCTS = {"product": "forms"}  # the other dashboards show all products


SERVERS = {"debian": "prometheus", "current": str(CURRENT_PROMETHEUS)}
Servers = dict[str, Prometheus]


@pytest.fixture(scope="module")
def scraped_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Servers, DaemonProcess]]:
    """Yield the installed servers and the daemon, while a product is down and its page is acknowledged."""
    folder = tmp_path_factory.mktemp("dashboards")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    target = Target()
    with ExitStack() as stack:
        sink = stack.enter_context(Sink().serving())
        ports = {
            "login": stack.enter_context(Target().serving()),
            "plain": stack.enter_context(target.serving()),
            "secure": stack.enter_context(Target().serving(context)),
        }
        config = folder / "ninewatch.yaml"
        config.write_text(CONFIG.format(folder=folder, ca=folder / "ca.pem", hook=sink.url(), **ports))
        daemon = stack.enter_context(running_daemon(config))
        servers = {
            name: stack.enter_context(prometheus(tmp_path_factory.mktemp(name), daemon.address, program=program))
            for name, program in SERVERS.items()
            if name == "debian" or CURRENT_PROMETHEUS.exists()
        }
        for server in servers.values():
            wait_for("both products up", partial(_has_series, server, 'ninewatch_product_state{state="up"} == 1', 2))
        drill = ("drill", "start", "login", "--kind", "deploy", "--rto", "15m", "--by", "Ada", "-c", config)
        status, started, error = run_to_exit(*drill)
        assert status == 0, error
        status, _, error = run_to_exit("drill", "end", started.split()[1].rstrip(":"), "--by", "Ada", "-c", config)
        assert status == 0, error
        target.healthy = False
        (opened,) = sink.wait_for_event("opened")
        status, _, error = run_to_exit("alert", "acknowledge", opened["key"], "--by", "Ada", "-c", config)
        assert status == 0, error
        for server in servers.values():
            wait_for(
                "the acknowledgement", partial(_has_series, server, 'ninewatch_open_pages{acknowledged="true"} == 1')
            )
            wait_for("every rule to be evaluated", partial(_rules_are_evaluated, server))
        yield servers, daemon


def _has_series(server: Prometheus, expr: str, number: int = 1) -> bool:
    return len(server.query(expr)) == number


def _rules_are_evaluated(server: Prometheus) -> bool:
    return all(rule["health"] == "ok" for rule in server.rules())


@pytest.fixture(params=SERVERS)
def prometheus_server(request: pytest.FixtureRequest, scraped_daemon: tuple[Servers, DaemonProcess]) -> Prometheus:
    """Return a Prometheus that scrapes the daemon."""
    if request.param not in scraped_daemon[0]:
        pytest.skip("not built: .tools/prometheus (see .ci/run)")
    return scraped_daemon[0][request.param]


def result(server: Prometheus, expr: str, *, instant: bool) -> list[Any]:
    """Query like Grafana, and return the series with at least one number."""
    if instant:
        series_values = [(series, [series["value"]]) for series in server.query(expr)]
    else:
        now = time.time()
        answer = server.api("query_range", query=expr, start=str(now - 60), end=str(now), step="1")
        series_values = [(series, series["values"]) for series in answer["result"]]
    return [series for series, values in series_values if any(not math.isnan(float(value)) for _, value in values)]


@pytest.mark.parametrize(("name", "target"), QUERIES)
def test_query_returns_data(prometheus_server: Prometheus, name: str, target: dashboards.Json) -> None:
    expr = dashboards.with_values(target["expr"], VARIABLES | (PRODUCTS if name == "product" else {"product": ".*"}))

    def series_with_data() -> list[Any]:
        return result(prometheus_server, expr, instant=target["instant"])

    if queried_metrics(expr) & set(WITHOUT_DATA):
        assert series_with_data() == []
    else:
        wait_for(f"data of {expr}", series_with_data)


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_variables_offer_published_label_values(prometheus_server: Prometheus, name: str) -> None:
    expected = {"job": ["ninewatch"], "product": ["forms", "login"]}
    for variable in dashboards.variables(dashboards.read(name)).values():
        if variable["type"] == "query":
            query = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert query is not None
            selector, label = query.groups()
            offered = prometheus_server.api(
                f"label/{label}/values", **{"match[]": dashboards.with_values(selector, VARIABLES)}
            )
            assert offered
            assert offered == expected.get(label, offered)


@pytest.mark.parametrize("name", ["portfolio", "product"])
def test_annotations_show_the_open_incident(prometheus_server: Prometheus, name: str) -> None:
    (annotation,) = dashboards.read(name)["annotations"]["list"]
    (series,) = prometheus_server.query(dashboards.with_values(annotation["expr"], VARIABLES | {"product": ".*"}))
    assert series["metric"]["product"] == "forms"


def values(server: Prometheus, title: str, column: str, name: str = "portfolio") -> dict[str, float]:
    """Return the values of a table's column by product."""
    (panel,) = [panel for panel in dashboards.panels(dashboards.read(name)) if panel["title"] == title]
    headings = panel["transformations"][1]["options"]["renameByName"]
    letter = next(key for key, heading in headings.items() if heading == column).removeprefix("Value #")
    expr = next(target["expr"] for target in panel["targets"] if target["refId"] == letter)
    samples = server.query(dashboards.with_values(expr, VARIABLES | {"product": ".*"}))
    return {sample["metric"]["product"]: float(sample["value"][1]) for sample in samples}


def test_young_record_has_undecided_verdict_and_low_coverage(prometheus_server: Prometheus) -> None:
    """One minute of 30 days is known, so that the verdict is undecided although forms is down."""
    assert values(prometheus_server, "Objectives", "Verdict") == {"forms": 0, "login": 0}
    coverage = values(prometheus_server, "Nines and availability", "Coverage")
    assert all(share < 0.01 for share in coverage.values())
    low, high = (
        values(prometheus_server, "Nines and availability", f"Availability: {bound}")
        for bound in ("minimum", "maximum")
    )
    assert all(low[product] < 0.01 < 0.99 < high[product] for product in ("forms", "login"))
    assert values(prometheus_server, "Nines and availability", "Nines: estimate")["login"] == 9  # no downtime at all


def test_only_products_with_a_checklist_have_a_ceiling(prometheus_server: Prometheus) -> None:
    assert set(values(prometheus_server, "Objectives", "Ceiling")) == {"forms"}
    assert set(values(prometheus_server, "Ceilings and objectives", "Objective supported", "readiness")) == {"forms"}


def test_dependency_state_is_labelled_with_the_dependencys_id(prometheus_server: Prometheus) -> None:
    board = dashboards.read("product")
    (panel,) = [panel for panel in dashboards.panels(board) if panel["title"] == "State of dependencies"]
    own, dependencies = (dashboards.with_values(target["expr"], VARIABLES | PRODUCTS) for target in panel["targets"])
    assert [sample["value"][1] for sample in prometheus_server.query(own)] == ["2"]
    samples = prometheus_server.query(dependencies)
    assert {sample["metric"]["dependency"]: sample["value"][1] for sample in samples} == {"login": "1"}


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_links_lead_to_existing_pages(scraped_daemon: tuple[Servers, DaemonProcess], name: str) -> None:
    text = (dashboards.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    links = set(re.findall(r"\$\{public_url:raw\}([^\s\"\\)]*)", text))
    assert links
    for link in links:
        path, _, part = re.sub(r"\$\{[^}]+\}", "forms", link).partition("#")
        status, page = fetch(scraped_daemon[1].address + path)
        assert status == 200, link
        assert not part or f'id="{part}"' in page.decode(), link


def test_servers_are_of_two_generations(request: pytest.FixtureRequest, prometheus_server: Prometheus) -> None:
    major = {"debian": "2", "current": "3"}[request.node.callspec.params["prometheus_server"]]
    assert prometheus_server.api("status/buildinfo")["version"].split(".")[0] == major


@pytest.mark.parametrize(
    ("ratio", "shown"), [("0.999", 3), ("0.9995", 3.3), ("0.99999", 5), ("0.99998", 4.69), ("1", 9), ("0", 0)]
)
def test_nines_are_rounded_down_and_exact_for_exact_ratios(
    prometheus_server: Prometheus, ratio: str, shown: float
) -> None:
    (series,) = prometheus_server.query(nines(f"vector({ratio})"))
    assert float(series["value"][1]) == shown
