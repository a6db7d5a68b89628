"""A real Prometheus scrapes a real daemon: every query of every dashboard returns data."""

from __future__ import annotations

import math
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme

from monitor.exporters.dashboards.expressions import nines
from tests.support import dashboards
from tests.support.daemon_process import DaemonProcess, run_to_exit, running_daemon
from tests.support.metric_names import queried_metrics
from tests.support.monitoring import Prometheus, Target, prometheus
from tests.support.processes import fetch, needs, wait_for
from tests.support.sinks import Sink

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus")]

# What the scenario cannot publish, with the reason.
WITHOUT_DATA = {"ninewatch_anchored_until_timestamp_seconds": "a head is anchored once its day is closed"}

# forms depends on login, has a checklist, a certificate and promised limits. When the queries run, its check `front`
# has failed, a page was delivered and acknowledged, and the outage continues.
CONFIG = """
listen: 127.0.0.1:0
store: {folder}/nw.db
public_url: https://status.example.org
receivers: [{{id: ops, webhook: "{hook}"}}]
products:
  - id: login
    objective: 99.95%
    checks: [{{id: realm, http: "http://127.0.0.1:{login}/", interval: 500ms, timeout: 400ms}}]
  - id: forms
    objective: 99.9%
    readiness: {{checklist: five-nines}}
    depends_on: [login]
    agreement:
      excludes: [maintenance, {{dependency: login}}]
      longest_outage: 22m
      total_outage: {{limit: 4h, per: 30d}}
    checks:
      - {{id: front, http: "http://127.0.0.1:{plain}/", interval: 200ms, timeout: 150ms, fall: 1, slow_after: 1us}}
      - {{id: secure, http: "https://127.0.0.1:{secure}/", interval: 500ms, timeout: 400ms, tls: {{ca: {ca}}}}}
"""

QUERIES = [
    pytest.param(name, target, id=f"{name}-{title}-{target['refId']}".replace(" ", "_"))
    for name in dashboards.NAMES
    for title, target in dashboards.targets(dashboards.read(name))
]
CHOSEN = {"job": ".*", "instance": ".*", "window": "30d", "__rate_interval": "10s"}
PRODUCTS = {"product": "forms"}  # the other dashboards show all products


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, DaemonProcess]]:
    """Prometheus and the daemon, while a product is down and its page is acknowledged."""
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
        server = stack.enter_context(prometheus(folder, daemon.address))
        wait_for("both products up", lambda: len(server.query('ninewatch_product_state{state="up"} == 1')) == 2)
        target.healthy = False
        (opened,) = sink.wait_for_event("opened")
        status, _, error = run_to_exit("alert", "acknowledge", opened["key"], "--author", "Ada", "-c", config)
        assert status == 0, error
        wait_for("the acknowledgement", lambda: server.query('ninewatch_open_pages{acknowledged="true"} == 1'))
        wait_for("every rule to be evaluated", lambda: all(rule["health"] == "ok" for rule in server.rules()))
        yield server, daemon


@pytest.fixture
def scraping(watched: tuple[Prometheus, DaemonProcess]) -> Prometheus:
    """Return the Prometheus that scrapes the daemon."""
    return watched[0]


def result(server: Prometheus, expr: str, *, instant: bool) -> list[Any]:
    """Return the series that have a number, queried as Grafana queries them."""
    if instant:
        found = [(each, [each["value"]]) for each in server.query(expr)]
    else:
        now = time.time()
        answer = server.api("query_range", query=expr, start=str(now - 60), end=str(now), step="1")
        found = [(each, each["values"]) for each in answer["result"]]
    return [each for each, values in found if any(not math.isnan(float(value)) for _, value in values)]


@pytest.mark.parametrize(("name", "target"), QUERIES)
def test_a_query_returns_data(scraping: Prometheus, name: str, target: dashboards.Json) -> None:
    expr = dashboards.filled(target["expr"], CHOSEN | (PRODUCTS if name == "product" else {"product": ".*"}))

    def found() -> list[Any]:
        return result(scraping, expr, instant=target["instant"])

    if queried_metrics(expr) & set(WITHOUT_DATA):
        assert found() == []  # else it is no exception any more
    else:
        wait_for(f"data of {expr}", found)


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_the_variables_offer_what_is_published(scraping: Prometheus, name: str) -> None:
    expected = {"job": ["ninewatch"], "product": ["forms", "login"]}
    for variable in dashboards.variables(dashboards.read(name)).values():
        if variable["type"] == "query":
            asks = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert asks is not None
            selector, label = asks.groups()
            offered = scraping.api(f"label/{label}/values", **{"match[]": dashboards.filled(selector, CHOSEN)})
            assert offered
            assert offered == expected.get(label, offered)


@pytest.mark.parametrize("name", ["portfolio", "product"])
def test_the_annotations_mark_the_open_incident(scraping: Prometheus, name: str) -> None:
    (annotation,) = dashboards.read(name)["annotations"]["list"]
    (found,) = scraping.query(dashboards.filled(annotation["expr"], CHOSEN | {"product": ".*"}))
    assert found["metric"]["product"] == "forms"


def values(server: Prometheus, title: str, column: str, name: str = "portfolio") -> dict[str, float]:
    """Return a column of a table by product."""
    (panel,) = [each for each in dashboards.panels(dashboards.read(name)) if each["title"] == title]
    headings = panel["transformations"][1]["options"]["renameByName"]
    letter = next(key for key, heading in headings.items() if heading == column).removeprefix("Value #")
    expr = next(target["expr"] for target in panel["targets"] if target["refId"] == letter)
    found = server.query(dashboards.filled(expr, CHOSEN | {"product": ".*"}))
    return {each["metric"]["product"]: float(each["value"][1]) for each in found}


def test_a_young_record_is_undecided_and_its_low_coverage_is_shown(scraping: Prometheus) -> None:
    """A minute of 30 days is known: the verdict is open, although forms is down."""
    assert values(scraping, "Objectives", "Verdict") == {"forms": 0, "login": 0}
    coverage = values(scraping, "Nines and availability", "Coverage")
    assert all(share < 0.01 for share in coverage.values())
    low, high = (
        values(scraping, "Nines and availability", f"Availability: {bound}") for bound in ("minimum", "maximum")
    )
    assert all(low[product] < 0.01 < 0.99 < high[product] for product in ("forms", "login"))
    assert values(scraping, "Nines and availability", "Nines: estimate")["login"] == 9  # no downtime at all


def test_only_a_product_with_a_checklist_has_a_ceiling(scraping: Prometheus) -> None:
    assert set(values(scraping, "Objectives", "Ceiling")) == {"forms"}
    assert set(values(scraping, "Ceilings and objectives", "Objective supported", "readiness")) == {"forms"}


def test_the_state_of_a_dependency_is_shown_under_its_id(scraping: Prometheus) -> None:
    board = dashboards.read("product")
    (panel,) = [each for each in dashboards.panels(board) if each["title"] == "State of dependencies"]
    own, dependencies = (dashboards.filled(each["expr"], CHOSEN | PRODUCTS) for each in panel["targets"])
    assert [each["value"][1] for each in scraping.query(own)] == ["2"]
    found = {each["metric"]["dependency"]: each["value"][1] for each in scraping.query(dependencies)}
    assert found == {"login": "1"}


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_links_lead_to_pages_that_exist(watched: tuple[Prometheus, DaemonProcess], name: str) -> None:
    text = (dashboards.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    links = set(re.findall(r"\$\{public_url:raw\}([^\s\"\\)]*)", text))
    assert links
    for link in links:
        path, _, part = re.sub(r"\$\{[^}]+\}", "forms", link).partition("#")
        status, page = fetch(watched[1].address + path)
        assert status == 200, link
        assert not part or f'id="{part}"' in page.decode(), link


@pytest.mark.parametrize(
    ("ratio", "shown"), [("0.999", 3), ("0.9995", 3.3), ("0.99999", 5), ("0.99998", 4.69), ("1", 9), ("0", 0)]
)
def test_nines_are_rounded_down_and_exact_where_the_ratio_is(scraping: Prometheus, ratio: str, shown: float) -> None:
    (found,) = scraping.query(nines(f"vector({ratio})"))
    assert float(found["value"][1]) == shown
