"""The same samples in a real Prometheus and in `ninewatch measure`: its average lies within our bounds.

`avg_over_time(probe_success)` weighs each sample by one: it takes each to hold for one step, and says nothing of the
steps that have no sample. With a hold of one step we take the same time as known, but as up or down only where the next
sample agrees, and count the steps without a sample as unknown. So the average lies between low and high, and where
nothing is in doubt or unknown it is our figure. (With a longer hold, two good samples beside a missing one make that up
time; the average, which weighs time by samples, can then leave the bounds. The error is the average's.)
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from monitor.commands.measure import measure_command
from tests.support.monitoring import Prometheus
from tests.support.processes import fetch, free_port, needs, running, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus", "promtool")]

BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z
STEP, HOURS = 15, 24
CHECKS = [f"check-{number}" for number in range(12)]
WINDOWS = [(0, 1), (0, 6), (3, 4), (11, 17), (0, HOURS)]  # hours after BEGIN


def samples() -> Iterator[tuple[str, int, int]]:
    """Check, instant and value, each 15 s: spotless, down, flapping, with outages, and from the fourth on with gaps."""
    for number, check in enumerate(CHECKS):
        random = Random(number)  # noqa: S311 - reproducible
        up = number != 1
        for at in range(BEGIN, BEGIN + HOURS * 3600 + 1, STEP):
            if number >= 2 and random.random() < (0.4 if number == 2 else 0.01):
                up = not up
            if number < 4 or random.random() > 0.02:
                yield check, at, int(up)


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Path]]:
    """Prometheus with the samples in its blocks, and the file of the same ones."""
    folder = tmp_path_factory.mktemp("backfilled")
    seen = list(samples())
    log, metrics = folder / "log.csv", folder / "metrics.txt"
    log.write_text("timestamp,job,value\n" + "".join(f"{at},{check},{value}\n" for check, at, value in seen))
    lines = [f'probe_success{{check="{check}"}} {value} {at}\n' for check, at, value in seen]
    metrics.write_text("# TYPE probe_success gauge\n" + "".join(lines) + "# EOF\n")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(metrics), str(folder / "tsdb")]
    subprocess.run(blocks, check=True, capture_output=True, timeout=60)
    (folder / "prometheus.yaml").write_text("{}")
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/tsdb",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
    ]
    with ExitStack() as stack:
        stack.enter_context(running(folder / "prometheus.log", command))
        wait_for("Prometheus to be ready", lambda: fetch(f"http://{address}/-/ready")[0] == 200)
        yield Prometheus(f"http://{address}"), log


def averages(server: Prometheus, start: int, end: int) -> dict[str, tuple[float, int]]:
    """What Prometheus makes of the samples with start <= t < end: the average, and how many there are."""
    span, at = f"{(end - start) * 1000 - 1}ms", f"{end - 0.001:.3f}"
    found: dict[str, list[float]] = {}
    for function in ("avg", "count"):
        answer = server.api("query", query=f"{function}_over_time(probe_success[{span}])", time=at)
        for each in answer["result"]:
            found.setdefault(each["metric"]["check"], []).append(float(each["value"][1]))
    return {check: (average, int(count)) for check, (average, count) in found.items()}


@pytest.mark.parametrize(("start", "end"), WINDOWS)
def test_the_average_over_time_lies_within_the_bounds(
    backfilled: tuple[Prometheus, Path], start: int, end: int
) -> None:
    """For every check; the counts are the same; and where nothing is in doubt or unknown, so is the figure."""
    server, log = backfilled
    first, last = BEGIN + start * 3600, BEGIN + end * 3600
    asked = ["--window", f"{first}/{last}", "--hold", f"{STEP}s", "--format", "json"]
    done = CliRunner().invoke(measure_command, [str(log), *asked])
    ours = {each["check"]: each for each in json.loads(done.stdout)["results"]}
    theirs = averages(server, first, last)
    assert set(ours) == set(theirs) == set(CHECKS)
    for check, (average, count) in theirs.items():
        bounds, counted = ours[check]["availability"], ours[check]["observations"]
        assert counted["good"] + counted["bad"] == count
        assert counted["good"] == round(average * count)
        assert bounds["low"] - 1e-12 <= average <= bounds["high"] + 1e-12, check
        if bounds["low"] == bounds["high"]:
            assert bounds["point"] == pytest.approx(average, abs=1e-12), check


def test_the_samples_are_of_every_kind(backfilled: tuple[Prometheus, Path]) -> None:
    """Some are never in doubt, some hardly ever sure, some have gaps: the comparison would notice a difference."""
    _, log = backfilled
    done = CliRunner().invoke(measure_command, [str(log), "--hold", f"{STEP}s", "--format", "json"])
    found = json.loads(done.stdout)["results"]
    assert sum(each["doubt_seconds"] == each["unknown_seconds"] == 0 for each in found) == 2
    assert any(each["doubt_seconds"] > 0.3 * HOURS * 3600 for each in found)
    assert {each["coverage"] < 1 for each in found} == {False, True}
