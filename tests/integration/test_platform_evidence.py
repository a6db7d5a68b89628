"""Replicas and disruption budgets as evidence: the documented queries, evaluated by a real Prometheus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from tests.support.http_target import HttpTarget
from tests.support.monitoring import prometheus_with_config
from tests.support.probed_portfolio import ProbedPortfolio, probed_portfolio
from tests.support.processes import needs, wait_for

if TYPE_CHECKING:
    from tests.support.monitoring import Prometheus

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus")]
DOCUMENT = Path(__file__).parents[2] / "docs" / "readiness.md"
REPLICAS = "kube_deployment_status_replicas_available"
DISRUPTIONS = "kube_poddisruptionbudget_status_pod_disruptions_allowed"


def cluster_metrics(app: int, worker: int, disruptions: int) -> str:
    """Return the metrics of kube-state-metrics: the replicas of two deployments, and what their budget permits."""
    return (
        f'{REPLICAS}{{namespace="forms",deployment="app"}} {app}\n'
        f'{REPLICAS}{{namespace="forms",deployment="worker"}} {worker}\n'
        f'{REPLICAS}{{namespace="other",deployment="app"}} 0\n'
        f'{DISRUPTIONS}{{namespace="forms",poddisruptionbudget="app"}} {disruptions}\n'
    )


def wait_for_scrape(server: Prometheus, worker: int | None) -> None:
    """Wait until the server has this number of replicas of the worker, None for no series."""
    expected = [] if worker is None else [str(worker)]
    query = f'{REPLICAS}{{deployment="worker"}}'
    wait_for("the scrape", lambda: [sample["value"][1] for sample in server.query(query)] == expected)


def write_config(folder: Path, server: str, target: str) -> Path:
    """Write the configuration of the document, with these addresses."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block.count("https://prometheus.example.org") == 2
    text = block.replace("https://prometheus.example.org", server).replace("https://forms.example.org/", target)
    config = folder / "ninewatch.yaml"
    config.write_text(f"listen: 127.0.0.1:0\n{text}")
    return config


def replicas_and_budget(portfolio: ProbedPortfolio[SystemClock]) -> list[str]:
    """Return the states of the two items: they follow the seven of `five-nines`."""
    return portfolio.item_states("forms")[7:9]


async def test_documented_queries_meet_the_items_while_the_cluster_does(tmp_path: Path) -> None:
    with HttpTarget().serving() as target:
        target.body = cluster_metrics(3, 2, 1)
        scraped = {"job_name": "cluster", "static_configs": [{"targets": [f"127.0.0.1:{target.port}"]}]}
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]}
        with prometheus_with_config(tmp_path, config) as server:
            path = write_config(tmp_path, server.address, target.url("/"))
            async with probed_portfolio(path, SystemClock()) as portfolio:
                wait_for_scrape(server, 2)
                assert await portfolio.probe() == {}
                assert replicas_and_budget(portfolio) == ["met", "met"]
                target.body = cluster_metrics(3, 1, 0)
                wait_for_scrape(server, 1)
                assert await portfolio.probe() == dict.fromkeys(
                    ("platform/replicas", "platform/disruptions"), "sli_below"
                )
                assert replicas_and_budget(portfolio) == ["unmet", "unmet"]
                target.body = "up_only 1\n"
                wait_for_scrape(server, None)
                assert set((await portfolio.probe()).values()) == {"sli_no_traffic"}, "unknown, not contrary"
