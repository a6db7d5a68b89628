"""A drill with a running daemon: more frequent probes until its end, and figures that follow from raw observations."""

from __future__ import annotations

import html
import json
import subprocess
import urllib.request
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from monitor.storage.reader import reading
from sla.interval import DAY, SECOND, Interval
from sla.observation import Outcome
from sla.window import parse_instant
from tests.integration.test_demo import running_demo
from tests.property.era_oracle import FigureOracle, Load, Member, World
from tests.support.daemon_process import command as daemon_command
from tests.support.daemon_process import environment, run_to_exit, running_daemon, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for
from tests.support.sinks import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sla.observation import Observation
    from tests.support.daemon_process import DaemonProcess

EVER = Interval(0, 2**53)
KEYCLOAK = {"discovery": 2_500_000, "standard": 5 * SECOND, "jwks": 5 * SECOND}  # checks of config/demo.yaml: hold


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as served:
        yield served


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def write_config(folder: Path, target: HttpTarget, sink: Sink) -> Path:
    """Write a configuration that probes every 2 s, and every 100 ms during a drill; an observation holds for 60 s."""
    path = folder / "ninewatch.yaml"
    path.write_text(
        f"listen: 127.0.0.1:0\nstore: {folder / 'n.db'}\nreceivers:\n  - {{id: ops, webhook: '{sink.url()}'}}\n"
        "products:\n  - id: sso\n    objective: 99%\n"
        "    drills: {interval: 100ms, stop_at_spent: 9999%}\n    checks:\n"
        f'      - {{id: health, http: "{target.url("/health")}", interval: 2s, timeout: 1s, hold: 60s}}\n'
    )
    return path


def command(*arguments: object) -> str:
    status, out, err = run_to_exit(*map(str, arguments))
    assert status == 0, err
    return out


def observations_of(config: Path) -> list[Observation]:
    with reading(config.with_name("n.db")) as record:
        return list(record.observations("sso/health", EVER))


def last(config: Path, outcome: Outcome, count: int) -> bool:
    """Return whether the newest observations of the record have the outcome."""
    newest = observations_of(config)[-count:]
    return len(newest) == count and all(observation.outcome is outcome for observation in newest)


def naive(observations: list[Observation], start: int, end: int) -> dict[str, float]:
    """Return the recovery time with its bounds, computed from the probes around the only outage."""
    bad = [observation.at for observation in observations if observation.outcome is Outcome.BAD]
    before = max(observation.at for observation in observations if observation.at < bad[0])
    after = min(observation.at for observation in observations if observation.at > bad[-1])
    assert start <= before < after <= end
    point = (bad[-1] + after) // 2 - (before + bad[0]) // 2
    bounds = {"low": bad[-1] - bad[0], "point": point, "high": after - before}
    return {name: length / SECOND for name, length in bounds.items()}


@pytest.mark.slow
def test_drill_figures_equal_those_of_the_raw_observations(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    config = write_config(tmp_path, target, sink)
    with running_daemon(config) as daemon:
        wait_for("a probe", lambda: last(config, Outcome.GOOD, 1))
        started = command("drill", "start", "sso", "--kind", "failover", "--rto", "15m", "--by", "Ana", "-c", config)
        name = started.split()[1].rstrip(":")
        assert "a running daemon probes every 100ms" in started
        wait_for("more frequent probes", lambda: _spacing(config) < SECOND)
        target.status["/health"] = 503
        wait_for("the detection", lambda: daemon.api(f"/drills/{name}")["detected_seconds"] is not None)
        sink.wait_for_event("opened")
        target.status["/health"] = 200
        sink.wait_for_event("resolved")
        wait_for("good probes after the outage", lambda: last(config, Outcome.GOOD, 3))
        command("drill", "end", name, "--by", "Ana", "-c", config)
        wait_for("the final result", lambda: not daemon.api(f"/drills/{name}")["provisional"])
        wait_for("probes at their own interval", lambda: _spacing(config) >= SECOND)
        result = json.loads(command("drill", "show", name, "--json", "-c", config))
        from_daemon = daemon.api(f"/drills/{name}")
        assert {key: from_daemon[key] for key in ("rta_seconds", "met")} == {
            key: result[key] for key in ("rta_seconds", "met")
        }
    bundle = tmp_path / "drill.bundle.zip"
    command("drill", "report", name, "-o", tmp_path / "drill.pdf", "--bundle", "-c", config)
    verified = json.loads(command("verify", bundle, "--report", tmp_path / "drill.pdf", "--json"))
    assert [figure["part"] for figure in verified["figures"]].count("drill") == 1
    report = json.loads(command("drill", "report", name, "--format", "json", "-c", config))
    alerts = [(alert["event"], alert["receiver"], alert["delivered"] is not None) for alert in report["alerts"]]
    assert alerts == [("opened", "ops", True), ("resolved", "ops", True)]
    observations = observations_of(config)
    span = parse_instant(result["started"]), parse_instant(result["ended"])
    assert result["rta_seconds"] == naive(observations, *span)
    assert result["downtime_seconds"] == result["rta_seconds"]
    assert (result["met"], result["rpa_seconds"], result["recovered"]) == (True, None, True)
    definitions = [line for line in command("history", "sso", "-c", config).splitlines() if "  definition " in line]
    assert len(definitions) == 1


@pytest.mark.slow
def test_report_of_the_demo_drill_follows_from_the_raw_observations(tmp_path: Path) -> None:
    """One command fails the demo's Keycloak over; the figures are computed again from its three checks' rows."""
    with running_demo(tmp_path) as (daemon, control):
        check_capped_claim(daemon)
        for name in KEYCLOAK:
            wait_for("good", lambda name=name: daemon.metric("probe_success", product="keycloak", check=name) == 1)
        report = tmp_path / "drill.json"
        drill = daemon_command("demo", "drill", "--directory", tmp_path, "--stage", "1s", "-o", report)
        done = subprocess.run(drill, capture_output=True, text=True, timeout=300, env=environment(), check=False)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"report: {report}"), done.stderr
        with urllib.request.urlopen(f"{control}/_control", timeout=30) as answer:  # noqa: S310 - our own address
            modes = json.load(answer)["now"]
        assert (modes["keycloak"], modes["css"]) == ("up", "up")
    result = json.loads(report.read_bytes())
    assert (result["product"], result["met"], result["recovered"]) == ("keycloak", True, True)
    seen = {name: stored_observations(tmp_path / "ninewatch.db", f"keycloak/{name}") for name in KEYCLOAK}
    expected = recompute(seen, *(parse_instant(result[name]) for name in ("started", "ended", "at")))
    assert {name: result[name] for name in expected} == expected
    assert result["rta_seconds"]["low"] > 0


def check_capped_claim(daemon: DaemonProcess) -> None:
    """Check that page, API and metrics show a claim that is capped, why, and what would raise it."""
    limit = "this design can claim 99.5% at most, because there is no disaster recovery"
    page = html.unescape(daemon.body("/products/css"))
    assert limit in page
    assert 'With evidence for "Failover to GoldDR", the ceiling would be 99.95%' in page
    readiness = daemon.api("/products/css/readiness")
    assert limit in readiness["limit"]
    assert [item["id"] for item in readiness["items"] if item["cap"] == 0.995 and item["state"] == "unmet"] == [
        "gold-dr"
    ]
    assert daemon.metric("ninewatch_readiness_ceiling_ratio", product="css") == 0.995


def recompute(seen: dict[str, list[tuple[int, Outcome]]], start: int, end: int, at: int) -> dict[str, Any]:
    """Return recovery time and downtime by a second implementation of measurement.md, one piece at a time."""
    loaded = min(observations[0][0] for observations in seen.values())
    observed = {name: [(i, o.value, KEYCLOAK[name]) for i, o in observations] for name, observations in seen.items()}
    load = Load(loaded, len(KEYCLOAK), [Member(name, hold) for name, hold in KEYCLOAK.items()], Fraction(1, 2))
    judge = FigureOracle(World(observed, {"sso": [load]}), at)
    cuts = sorted({start, end, *(edge for edge in judge.edges() if start < edge < end)})
    pieces = [(x, y, judge.state("sso", x)) for x, y in pairwise(cuts)]
    levels = {"low": ("down",), "point": ("down", "doubt_down", "guess_down")}
    levels["high"] = (*levels["point"], "doubt_up", "guess_up", "unknown")
    spans_by_level = {name: [(x, y) for x, y, state in pieces if state in states] for name, states in levels.items()}
    return {
        "rta_seconds": {name: (spans[-1][1] - spans[0][0]) / SECOND for name, spans in spans_by_level.items()},
        "downtime_seconds": {name: sum(y - x for x, y in spans) / SECOND for name, spans in spans_by_level.items()},
    }


def test_drill_without_a_demo_is_one_clear_line(tmp_path: Path) -> None:
    status, _, err = run_to_exit("demo", "drill", "--directory", tmp_path)
    assert status == 2
    assert f"no demo was started in {tmp_path}; start one with `ninewatch demo --directory {tmp_path}`" in err


def _spacing(config: Path) -> int:
    """Return the time between the two newest observations, of a day if there are fewer."""
    newest = [observation.at for observation in observations_of(config)[-2:]]
    return newest[1] - newest[0] if len(newest) > 1 else DAY
