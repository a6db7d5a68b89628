"""Latency objectives in bundles: they are recomputed from the histograms by day, and a changed histogram is found."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.bundle.archive import UnusableBundleError, unpack
from monitor.bundle.verification import verify_bundle
from monitor.config.model import Portfolio
from monitor.facts.definitions import added_definitions
from monitor.ledger.ledger import Ledger
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MILLISECOND, MINUTE
from sla.latency_histogram import LatencyHistogram
from sla.observation import Observation, Outcome
from tests.monitor.bundle.worlds import START, World, forge, write_bundle
from tests.support.ledgers import FakeCheck

OBJECTIVES = [{"latency": "90% under 400ms", "window": "7d"}]


def slow_world(folder: Path, objectives: Any = OBJECTIVES) -> World:
    """Write a record of two days: every eighth answer takes 2 s, and there is an outage of an hour."""
    path, end = folder / "record.db", START + 2 * DAY
    check = FakeCheck(id="a", interval="10m", timeout="10s", objectives=objectives)
    product = {"id": "web", "objective": "99%", "checks": (check,), "objectives": objectives}
    portfolio = Portfolio.model_validate({"products": [product], "store": str(path), "time_zone": "America/Vancouver"})
    store, ledger = SqliteStore(path, end), Ledger(portfolio)
    facts = added_definitions(portfolio, ledger.definitions, lambda _name: None, ledger.facts.products, START)
    store.write(Batch(facts=[statement.fact("test") for statement in facts]))
    entry = ledger.entries["web/a"]
    for number, at in enumerate(range(START, end, 10 * MINUTE)):
        outcome = Outcome.BAD if DAY <= at - START < DAY + HOUR else Outcome.GOOD
        latency = (2000 if number % 8 == 0 else 100) * MILLISECOND
        observation = Observation("web/a", at, outcome, "" if outcome is Outcome.GOOD else "http_status", latency)
        store.write(Batch(observations=[observation], runs=[*entry.observe(observation), *entry.open_runs()]))
    store.close()
    return World(path, portfolio, end, [])


def verified(folder: Path, content: bytes) -> Any:
    path = folder / "bundle.zip"
    path.write_bytes(content)
    return verify_bundle(path)


def test_latency_objectives_are_recomputed_without_the_record(tmp_path: Path) -> None:
    content = write_bundle(slow_world(tmp_path), "web", "2d")
    (tmp_path / "record.db").unlink()
    result = verified(tmp_path, content)
    assert result.is_valid
    of_objectives = [figure for figure in result.figures if figure.part == "latency_objective"]
    assert [figure.equal_values > 10 for figure in of_objectives] == [True, True]
    lines = [json.loads(line) for line in unpack(content, "bundle")["figures.jsonl"].splitlines()]
    values = [line["value"] for line in lines if line["part"] == "latency_objective"]
    assert [(value["check"], value["answers"]) for value in values] == [(None, 282), ("a", 282)]
    assert all(0.87 < value["share"]["point"] < 0.88 for value in values)


def test_faster_histogram_with_right_digests_is_found(tmp_path: Path) -> None:
    def faster(lines: list[Any]) -> list[Any]:
        packed = LatencyHistogram.of([100 * MILLISECOND] * 140).pack()
        return [line | {"histogram": base64.b64encode(packed).decode()} for line in lines]

    content = forge(write_bundle(slow_world(tmp_path), "web", "2d"), "latencies.jsonl", faster)
    result = verified(tmp_path, content)
    assert not result.is_valid
    differing = {figure.part for figure in result.figures if figure.differences}
    assert differing == {"latency_objective"}


@pytest.mark.parametrize("histogram", ["gA==", "!", 5])
def test_damaged_histogram_is_reported_with_its_line(tmp_path: Path, histogram: object) -> None:
    content = write_bundle(slow_world(tmp_path), "web", "2d")
    forged = forge(content, "latencies.jsonl", lambda lines: [lines[0] | {"histogram": histogram}, *lines[1:]])
    with pytest.raises(UnusableBundleError, match=r"latencies\.jsonl, line 1: cannot be read"):
        verified(tmp_path, forged)


def test_bundle_without_latency_objectives_keeps_version_1(tmp_path: Path) -> None:
    """So that earlier versions of ninewatch can verify it."""
    content = unpack(write_bundle(slow_world(tmp_path, []), "web", "2d"), "bundle")
    assert "latencies.jsonl" not in content
    assert json.loads(content["manifest.json"])["version"] == 1
    (tmp_path / "b").mkdir()
    with_objectives = unpack(write_bundle(slow_world(tmp_path / "b", OBJECTIVES), "web", "2d"), "bundle")
    assert json.loads(with_objectives["manifest.json"])["version"] == 2
