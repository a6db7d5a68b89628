"""The demo as a stranger starts it: its outage in the incidents, to the microsecond in the nines, and at a pager."""

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
from tests.integration.test_alertmanager import SAMPLE, impatient
from tests.support.daemon_process import DaemonProcess, command, environment, stored_observations
from tests.support.monitoring import Pager, alertmanager, prometheus
from tests.support.oracle import expected_figures
from tests.support.processes import needs, running, wait_for

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTERVAL, HOLD = SECOND, 2 * SECOND + 500_000  # of drop/health in config/demo.yaml


@contextlib.contextmanager
def demonstrating(folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Run `ninewatch demo` with products that do as they are told; give the daemon, and where to tell them."""
    words = command("demo", "--directory", folder, "--listen", "127.0.0.1:0", "--script", "none")
    with running(folder / "demo.log", words, env=environment()) as program:
        address = wait_for("the demo's address", lambda: program.find_in_log(r"answers at (http://\S+)"))
        control = wait_for("the script's address", lambda: program.find_in_log(r"schedule is at (http://\S+)/_script"))
        daemon = DaemonProcess(program, address, folder / "demo.yaml")
        wait_for("a good probe", lambda: daemon.metric("probe_success", product="drop", check="health") == 1)
        yield daemon, control


def tell(control: str, product: str, mode: str) -> None:
    """Have a product behave so; it does when this returns."""
    told = urllib.request.Request(f"{control}/_control", json.dumps({"product": product, "mode": mode}).encode())  # noqa: S310
    with urllib.request.urlopen(told, timeout=30) as answer:  # noqa: S310 - our own loopback address
        assert answer.status == 200


def instant(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def test_the_demos_outage_is_an_incident_within_two_intervals_and_in_the_nines_to_the_second(tmp_path: Path) -> None:
    clock = SystemClock()
    with demonstrating(tmp_path) as (daemon, control):
        before = clock.now()
        tell(control, "drop", "outage")
        begun = clock.now()
        (found,) = wait_for("the incident", lambda: daemon.api("/incidents", product="drop", state="open"))
        assert (found["check"], found["reason"]) == ("health", "connect_refused")
        assert before - INTERVAL <= instant(found["opened"]) <= begun + 2 * INTERVAL
        tell(control, "drop", "up")
        mended = clock.now()
        ended = wait_for("its end", lambda: resolved(daemon, found["id"]))
        assert instant(ended["resolved"]) <= mended + 2 * INTERVAL
        last = wait_for("later probes on disk", lambda: beyond(tmp_path, instant(ended["resolved"])))
        at = (EPOCH + timedelta(microseconds=last)).isoformat()
        told = daemon.api("/products/drop/availability", window="1m", at=at)
    # Independently: the raw rows of the record, by the rules of measurement.md written down once more.
    live = stored_observations(tmp_path / "ninewatch.db", "drop/health")
    start = min(at for at, _ in live)
    expected = expected_figures(live, HOLD, max(start, last - 60 * SECOND), last)
    assert told["down_seconds"] == expected["down"]
    assert told["downtime_seconds"]["point"] == expected["point"] == ended["downtime_seconds"]


def resolved(daemon: DaemonProcess, incident: str) -> dict[str, str] | None:
    return next(
        (each for each in daemon.api("/incidents", product="drop", state="resolved") if each["id"] == incident), None
    )


def beyond(folder: Path, moment: int) -> int | None:
    """Return the last instant on disk if two probes were made after the moment."""
    later = [at for at, _ in stored_observations(folder / "ninewatch.db", "drop/health") if at > moment]
    return later[-1] if len(later) > 1 else None


@pytest.mark.slow
@pytest.mark.needs_prometheus
@needs("prometheus", "prometheus-alertmanager")
def test_the_demos_outage_reaches_a_pager_and_so_does_its_end(tmp_path: Path) -> None:
    pager = Pager()
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(pager.listening())
        manager = stack.enter_context(alertmanager(tmp_path, impatient(SAMPLE.read_text(), receiver)))
        daemon, control = stack.enter_context(demonstrating(tmp_path))
        stack.enter_context(prometheus(tmp_path, daemon.address, manager))
        wait_for("the watchdog", lambda: pager.received("/watchdog", "Watchdog", "firing"))
        tell(control, "drop", "outage")
        fired = wait_for("the page", lambda: pager.received("/pager", "NinewatchProductDown", "firing"))
        assert fired["labels"]["product"] == "drop"
        tell(control, "drop", "up")
        ended = wait_for("the all-clear", lambda: pager.received("/pager", "NinewatchProductDown", "resolved"))
        assert ended["fingerprint"] == fired["fingerprint"]
