"""The same samples in a real Prometheus and in `ninewatch measure`: Prometheus' average lies within the bounds.

`avg_over_time(probe_success)` gives each sample the same weight: each sample is valid for one step, and a step without
a sample is ignored. With a hold of one step, ninewatch counts the same time as known, but as up or down only if the
next sample agrees, and a step without a sample as unknown. So the average lies between low and high, and equals the
point value where no time is in doubt or unknown. With a longer hold, two good samples around a missing one make that
time up. The average, which weighs time by samples, can then lie outside the bounds; that is an error of the average.
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
from tests.support.processes import fetch, free_port, needs, run_program, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus", "promtool")]

BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z
STEP, HOURS = 15, 24
CHECKS = [f"check-{number}" for number in range(12)]
WINDOWS = [(0, 1), (0, 6), (3, 4), (11, 17), (0, HOURS)]  # hours after BEGIN


def samples() -> Iterator[tuple[str, int, int]]:
    """Yield check, instant and value every 15 s: checks without outages, down, flapping and with outages; from the
    fourth on with gaps.
    """
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
    """Run Prometheus with the samples in its blocks, and write the same samples to a log file."""
    folder = tmp_path_factory.mktemp("backfilled")
    all_samples = list(samples())
    log, metrics = folder / "log.csv", folder / "metrics.txt"
    log.write_text("timestamp,job,value\n" + "".join(f"{at},{check},{value}\n" for check, at, value in all_samples))
    lines = [f'probe_success{{check="{check}"}} {value} {at}\n' for check, at, value in all_samples]
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
        stack.enter_context(run_program(folder / "prometheus.log", command))
        wait_for("Prometheus to be ready", lambda: fetch(f"http://{address}/-/ready")[0] == 200)
        yield Prometheus(f"http://{address}"), log


def averages(server: Prometheus, start: int, end: int) -> dict[str, tuple[float, int]]:
    """Return the average and the number of the samples with start <= t < end, from Prometheus."""
    range_selector, at = f"{(end - start) * 1000 - 1}ms", f"{end - 0.001:.3f}"
    values: dict[str, list[float]] = {}
    for function in ("avg", "count"):
        answer = server.api("query", query=f"{function}_over_time(probe_success[{range_selector}])", time=at)
        for series in answer["result"]:
            values.setdefault(series["metric"]["check"], []).append(float(series["value"][1]))
    return {check: (average, int(count)) for check, (average, count) in values.items()}


@pytest.mark.parametrize(("start", "end"), WINDOWS)
def test_average_over_time_lies_within_the_bounds(backfilled: tuple[Prometheus, Path], start: int, end: int) -> None:
    """The counts of all checks are equal too. Without doubt and unknown time, the point value equals the average."""
    server, log = backfilled
    first, last = BEGIN + start * 3600, BEGIN + end * 3600
    arguments = ["--window", f"{first}/{last}", "--hold", f"{STEP}s", "--format", "json"]
    completed = CliRunner().invoke(measure_command, [str(log), *arguments])
    measured = {result["check"]: result for result in json.loads(completed.stdout)["results"]}
    averaged = averages(server, first, last)
    assert set(measured) == set(averaged) == set(CHECKS)
    for check, (average, count) in averaged.items():
        bounds, counted = measured[check]["availability"], measured[check]["observations"]
        assert counted["good"] + counted["bad"] == count
        assert counted["good"] == round(average * count)
        assert bounds["low"] - 1e-12 <= average <= bounds["high"] + 1e-12, check
        if bounds["low"] == bounds["high"]:
            assert bounds["point"] == pytest.approx(average, abs=1e-12), check


def test_samples_cover_all_states(backfilled: tuple[Prometheus, Path]) -> None:
    """Some checks are never in doubt, some are in doubt most of the time, and some have gaps.

    Otherwise the comparison would prove little.
    """
    _, log = backfilled
    completed = CliRunner().invoke(measure_command, [str(log), "--hold", f"{STEP}s", "--format", "json"])
    results = json.loads(completed.stdout)["results"]
    assert sum(result["doubt_seconds"] == result["unknown_seconds"] == 0 for result in results) == 2
    assert any(result["doubt_seconds"] > 0.3 * HOURS * 3600 for result in results)
    assert {result["coverage"] < 1 for result in results} == {False, True}
