"""A failover with a running daemon: the change of the active site, and figures that follow from raw observations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.storage.reader import reading
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from sla.window import parse_instant
from tests.support.daemon_process import run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVER = Interval(0, 2**53)


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as served:
        served.body = "site=gold"
        yield served


def write_config(folder: Path, target: HttpTarget) -> Path:
    """Write a configuration whose sites are told apart by the response body; an observation holds for 60 s.

    A planned window expects the failover. The agreement excludes nothing, so its downtime counts.
    """
    path = folder / "ninewatch.yaml"
    timing = "interval: 200ms, timeout: 150ms, hold: 60s"
    sites = "".join(
        f"      - id: {site}\n"
        f'        active: {{id: {site}-active, http: "{target.url("/site")}", {timing},\n'
        f"          expect: {{contains: ['site={site}']}}}}\n"
        for site in ("gold", "dr")
    )
    path.write_text(
        f"listen: 127.0.0.1:0\nstore: {folder / 'n.db'}\nproducts:\n  - id: sso\n    objective: 99%\n"
        "    agreement: {excludes: []}\n    drills: {interval: 200ms, stop_at_spent: 9999%}\n    maintenance:\n"
        "      - {start: 2020-01-01T00:00, end: 2100-01-01T00:00, reason: switch, dr_expected: true}\n"
        f"    failover: {{within: 15m, settle: 1s}}\n    sites:\n{sites}    checks:\n"
        f'      - {{id: health, http: "{target.url("/health")}", {timing}}}\n'
    )
    return path


def outage(config: Path, failover: dict[str, Any]) -> dict[str, float]:
    """Return the length of the outage with its bounds, from the probes around it.

    On a busy machine, probes before and after the failover may exceed their timeout: these are other outages.
    """
    started, ended = (parse_instant(failover[name]) for name in ("started", "ended"))
    with reading(config.with_name("n.db")) as record:
        probes = [
            observation
            for observation in record.observations("sso/health", EVER)
            if observation.outcome is not Outcome.UNKNOWN
        ]
    bad = [
        observation.at
        for observation in probes
        if observation.outcome is Outcome.BAD and started <= observation.at <= ended
    ]
    before = max(observation.at for observation in probes if observation.at < bad[0])
    after = min(observation.at for observation in probes if observation.at > bad[-1])
    point = (bad[-1] + after) // 2 - (before + bad[0]) // 2
    return {name: us / SECOND for name, us in (("low", bad[-1] - bad[0]), ("point", point), ("high", after - before))}


@pytest.mark.slow
def test_failover_is_measured_from_its_first_downtime_until_the_product_is_up(
    target: HttpTarget, tmp_path: Path
) -> None:
    config = write_config(tmp_path, target)
    with running_daemon(config) as daemon:

        def sites() -> dict[str, Any]:
            body: dict[str, Any] = daemon.api("/products/sso/sites")
            return body

        wait_for("the primary site", lambda: sites()["active"] == "gold")
        # One good probe is no certain uptime, and without it the outage may have begun at any earlier time.
        wait_for("certain uptime", lambda: daemon.api("/products/sso/availability")["up_seconds"] > 0)
        target.status["/health"] = 503
        wait_for("certain downtime", lambda: daemon.api("/products/sso")["downtime_seconds"]["low"] > 0)
        target.body = "site=dr"
        wait_for("the other site", lambda: sites()["active"] == "dr")
        target.status["/health"] = 200
        wait_for("the figures", lambda: [failover["provisional"] for failover in sites()["failovers"]] == [False])
        (failover,) = sites()["failovers"]
        wait_for("the facts", lambda: "failover_end" in run_to_exit("history", "sso", "-c", str(config))[1])
        wait_for(
            "the end of the drill", lambda: [drill["ended"] is not None for drill in daemon.api("/drills")] == [True]
        )
        (drill,) = daemon.api("/drills")
    status, printed, error = run_to_exit("sites", "sso", "--json", "-c", str(config))
    assert status == 0, error
    assert json.loads(printed)["failovers"] == [failover]
    assert (drill["kind"], drill["source"], drill["rto_seconds"]) == ("failover", "site_change", 900.0)
    assert drill["started"] == failover["started"]
    assert drill["end"]["reason"] == "the failover ended"
    assert failover["duration_seconds"] == outage(config, failover)
    assert (failover["kind"], failover["from"], failover["to"], failover["met"]) == ("failover", "gold", "dr", True)
