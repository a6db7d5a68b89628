"""A Prometheus that is configured for blackbox_exporter scrapes ninewatch under a changed address, and gets the same
results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.blackbox_comparison import both_exporters
from tests.support.blackbox_targets import serving_targets
from tests.support.monitoring import Prometheus, prometheus_with_config
from tests.support.processes import needs, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus", "prometheus-blackbox-exporter")]

MODULES = """
modules:
  http_2xx: {{prober: http, timeout: 5s, http: {{tls_config: {{ca_file: {folder}/ca.pem}}}}}}
"""
TARGETS = ("http://{good}", "http://{error}", "http://{closed-port}", "https://{tls}", "http://{mute}")
# Expressions of published rules and dashboards for blackbox_exporter.
EXPRESSIONS = (
    'probe_success{job="JOB"} == 0',
    'probe_http_status_code{job="JOB"} <= 199 or probe_http_status_code{job="JOB"} >= 400',
    'probe_ssl_earliest_cert_expiry{job="JOB"} - time() > 86400 * 30',
    'avg by (instance) (probe_success{job="JOB"}) * 100',
    'sum by (instance, phase) (probe_http_duration_seconds{job="JOB"}) >= 0',
    'probe_http_ssl{job="JOB"} == 1',
    'probe_ip_protocol{job="JOB"} == 4',
    'count by (version) (probe_tls_version_info{job="JOB"})',
    'count by (issuer, subject) (probe_ssl_last_chain_info{job="JOB"})',
    'max_over_time(probe_duration_seconds{job="JOB"}[1m]) >= 0',
    'up{job="JOB"} == 1',
)


def job(name: str, address: str, targets: list[str]) -> dict[str, Any]:
    """Return the scrape configuration from blackbox_exporter's documentation."""
    return {
        "job_name": name,
        "metrics_path": "/probe",
        "params": {"module": ["http_2xx"]},
        "static_configs": [{"targets": targets}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": address.removeprefix("http://")},
        ],
    }


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run Prometheus with the same targets in two jobs, one for blackbox_exporter and one for ninewatch."""
    folder: Path = tmp_path_factory.mktemp("scraped")
    with ExitStack() as stack:
        ports = stack.enter_context(serving_targets(folder))
        exporters = stack.enter_context(both_exporters(folder, MODULES.format(folder=folder)))
        addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        targets = [target.format(**addresses) for target in TARGETS]
        config = {
            "global": {"scrape_interval": "2s", "scrape_timeout": "1500ms", "evaluation_interval": "2s"},
            "scrape_configs": [
                job("exporter", exporters.exporter_url, targets),
                job("ninewatch", exporters.ninewatch_url, targets),
            ],
        }
        server = stack.enter_context(prometheus_with_config(folder, config))
        wait_for("every target of both", lambda: len(server.query("probe_success")) == 2 * len(targets))
        yield server


def query_job(server: Prometheus, expr: str, name: str) -> dict[frozenset[tuple[str, str]], str]:
    """Return the result of a query over one job by labels. `JOB` in the query stands for the job's name."""
    return {
        frozenset((key, value) for key, value in series["metric"].items() if key != "job"): series["value"][1]
        for series in server.query(expr.replace("JOB", name))
    }


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_published_expression_returns_the_same_result(scraped: Prometheus, expr: str) -> None:
    blackbox, ninewatch = query_job(scraped, expr, "exporter"), query_job(scraped, expr, "ninewatch")
    assert blackbox
    assert ninewatch.keys() == blackbox.keys()
    if not re.search("duration|time", expr):  # durations and remaining times always differ a little
        assert ninewatch == blackbox


@pytest.mark.parametrize("name", ["probe_success", "probe_http_status_code", "probe_http_redirects", "up"])
def test_metric_has_the_same_value_for_every_instance(scraped: Prometheus, name: str) -> None:
    blackbox = query_job(scraped, f'{name}{{job="JOB"}}', "exporter")
    assert blackbox == query_job(scraped, f'{name}{{job="JOB"}}', "ninewatch")
    assert len(blackbox) == len(TARGETS)


def test_both_jobs_have_the_same_series(scraped: Prometheus) -> None:
    selector = '{job="JOB", __name__=~"probe_.*"}'
    assert query_job(scraped, selector, "exporter").keys() == query_job(scraped, selector, "ninewatch").keys()


def test_ninewatch_job_has_reason_codes(scraped: Prometheus) -> None:
    outcomes = scraped.query("ninewatch_probe_outcome_info")
    assert {"http_status", "connect_refused"} < {series["metric"].get("reason", "") for series in outcomes}


def test_hanging_probe_ends_before_the_scrape_timeout(scraped: Prometheus) -> None:
    """The scrape timeout is 1.5 s and the module's timeout is 5 s.

    The probe ends early enough to report the failure.
    """
    assert set(query_job(scraped, 'up{job="JOB"}', "ninewatch").values()) == {"1"}
