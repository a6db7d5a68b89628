"""The demo as a user starts it: its outage appears in the incidents, in the availability, and at a pager."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from sla.interval import SECOND
from tests.integration.test_alertmanager import SAMPLE, without_delays
from tests.support.daemon_process import DaemonProcess, command, environment, stored_observations
from tests.support.monitoring import Pager, alertmanager, prometheus
from tests.support.oracle import expected_figures
from tests.support.processes import needs, run_program, wait_for

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTERVAL, HOLD = SECOND, 2 * SECOND + 500_000  # of drop/health in config/demo.yaml


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Run `ninewatch demo` without a schedule; yield the daemon and the address that controls the products."""
    command_line = command("demo", "--directory", folder, "--listen", "127.0.0.1:0", "--script", "none")
    with run_program(folder / "demo.log", command_line, env=environment()) as program:
        address = wait_for("the demo's address", lambda: program.find_in_log(r"answers at (http://\S+)"))
        control = wait_for("the script's address", lambda: program.find_in_log(r"schedule is at (http://\S+)/_script"))
        daemon = DaemonProcess(program, address, folder / "demo.yaml")
        wait_for("a good probe", lambda: daemon.metric("probe_success", product="drop", check="health") == 1)
        yield daemon, control


def set_mode(control: str, product: str, mode: str) -> None:
    """Set the mode of a product; the mode is active when this function returns."""
    request = urllib.request.Request(f"{control}/_control", json.dumps({"product": product, "mode": mode}).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own loopback address
        assert answer.status == 200


def parse_instant(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def test_demo_outage_opens_incident_within_two_intervals_and_counts_in_availability(tmp_path: Path) -> None:
    clock = SystemClock()
    with running_demo(tmp_path) as (daemon, control):
        before = clock.now()
        set_mode(control, "drop", "outage")
        outage_start = clock.now()
        (incident,) = wait_for("the incident", lambda: daemon.api("/incidents", product="drop", state="open"))
        assert (incident["check"], incident["reason"]) == ("health", "connect_refused")
        assert before - INTERVAL <= parse_instant(incident["opened"]) <= outage_start + 2 * INTERVAL
        set_mode(control, "drop", "up")
        recovery = clock.now()
        resolved_incident = wait_for("the resolved incident", lambda: find_resolved(daemon, incident["id"]))
        assert parse_instant(resolved_incident["resolved"]) <= recovery + 2 * INTERVAL
        last = wait_for(
            "later probes on disk",
            lambda: last_observation_after(tmp_path, parse_instant(resolved_incident["resolved"])),
        )
        at = (EPOCH + timedelta(microseconds=last)).isoformat()
        measured = daemon.api("/products/drop/availability", window="1m", at=at)
    # An independent computation: the raw rows of the record, by a second implementation of measurement.md.
    observations = stored_observations(tmp_path / "ninewatch.db", "drop/health")
    start = min(at for at, _ in observations)
    expected = expected_figures(observations, HOLD, max(start, last - 60 * SECOND), last)
    assert measured["down_seconds"] == expected["down"]
    assert measured["downtime_seconds"]["point"] == expected["point"] == resolved_incident["downtime_seconds"]


def test_cut_connection_in_the_demo_costs_nothing(tmp_path: Path) -> None:
    """The references decide: no product is down, no budget is spent, and the gap is shown."""
    with running_demo(tmp_path) as (daemon, control):
        wait_for("a good journey", lambda: daemon.metric("probe_success", product="chefs", check="submit-a-form") == 1)
        (seeded_vantage,) = daemon.api("/vantages")
        assert (seeded_vantage["id"], seeded_vantage["blind"]) == ("local", False)
        before = incident_ids(daemon)
        set_mode(control, "uplink", "outage")
        wait_for("blindness", lambda: daemon.api("/vantages")[0]["blind"])
        wait_for(
            "unknown probes", lambda: {last and last["reason"] for last in last_probes(daemon)} == {"vantage_blind"}
        )
        last = last_probes(daemon)[0]
        assert last is not None
        assert "no answer from the references" in last["detail"]
        assert "failed probes are recorded as unknown and cost no budget" in daemon.body("/")
        set_mode(control, "uplink", "returning")
        wait_for("good probes", lambda: {last and last["outcome"] for last in last_probes(daemon)} == {"good"})
        set_mode(control, "uplink", "up")
        wait_for("the end of blindness", lambda: not daemon.api("/vantages")[0]["blind"])
        assert incident_ids(daemon) == before
        for product in daemon.api("/products"):
            measured = daemon.api(f"/products/{product['id']}/availability", window="1m")
            assert (measured["down_seconds"], measured["downtime_seconds"]["low"]) == (0, 0), product["id"]


def incident_ids(daemon: DaemonProcess) -> set[str]:
    return {incident["id"] for incident in daemon.api("/incidents")}


def last_probes(daemon: DaemonProcess) -> list[dict[str, str] | None]:
    """Return the last probe of each check, None for a check that was not probed yet."""
    products = [daemon.api(f"/products/{product['id']}") for product in daemon.api("/products")]
    return [check["last"] for product in products for check in product["checks"]]


def find_resolved(daemon: DaemonProcess, incident_id: str) -> dict[str, str] | None:
    return next(
        (
            incident
            for incident in daemon.api("/incidents", product="drop", state="resolved")
            if incident["id"] == incident_id
        ),
        None,
    )


def last_observation_after(folder: Path, instant: int) -> int | None:
    """Return the instant of the last observation on disk if at least two were made after this instant."""
    later_instants = [at for at, _ in stored_observations(folder / "ninewatch.db", "drop/health") if at > instant]
    return later_instants[-1] if len(later_instants) > 1 else None


@pytest.mark.slow
@pytest.mark.needs_prometheus
@needs("prometheus", "prometheus-alertmanager")
def test_demo_outage_and_its_end_reach_a_pager(tmp_path: Path) -> None:
    pager = Pager()
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(pager.listening())
        manager = stack.enter_context(alertmanager(tmp_path, without_delays(SAMPLE.read_text(), receiver)))
        daemon, control = stack.enter_context(running_demo(tmp_path))
        stack.enter_context(prometheus(tmp_path, daemon.address, manager))
        wait_for("the watchdog", lambda: pager.received("/watchdog", "Watchdog", "firing"))
        set_mode(control, "drop", "outage")
        fired = wait_for("the page", lambda: pager.received("/pager", "NinewatchProductDown", "firing"))
        assert fired["labels"]["product"] == "drop"
        set_mode(control, "drop", "up")
        resolved_alert = wait_for(
            "the resolved alert", lambda: pager.received("/pager", "NinewatchProductDown", "resolved")
        )
        assert resolved_alert["fingerprint"] == fired["fingerprint"]
