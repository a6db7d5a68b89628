"""Records of earlier versions load with the figures that those versions computed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.config.loader import load
from monitor.engine.fact_recorder import FactRecorder
from monitor.engine.recorder import restore
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probes.registry import check_types
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.interval import Interval
from sla.window import format_instant
from tests.support.clocks import ManualClock
from tests.support.records import NAMES, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from sla.state_history import History


# The contract has changed since: an observation has the hold with which it was made (measurement.md, section 2).
# (record, check) -> (durations of that version) -> present durations.
AMENDED = {
    ("931821b", "forms/status"): {
        (26_999_334, 0, 4_500_000, 0, 76_500_666): [26_999_334, 0, 2_500_000, 0, 78_500_666],
        (0, 0, 2_800_634, 0, 3_199_366): [0, 0, 800_634, 0, 5_199_366],
    }
}


@pytest.fixture(params=NAMES)
def expected(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Unpack a record into the working directory, and return its known figures."""
    monkeypatch.chdir(tmp_path)
    unpack(request.param, tmp_path)
    data = json.loads((tmp_path / "expected.json").read_text())
    for (name, key), changes in AMENDED.items():
        if name == request.param:
            data["durations"][key] = [changes.get(tuple(change), change) for change in data["durations"][key]]
    return data


def figures(ledger: Ledger, expected: Any) -> dict[str, Any]:
    """Return the values of `expected.json` for this ledger."""
    windows = [Interval(*window) for window in expected["windows"]]
    histories: dict[str, History] = {key: entry.timeline for key, entry in ledger.entries.items()}
    histories |= ledger.compositions
    return {
        "windows": expected["windows"],
        "durations": {
            key: [list(history.durations(window))[:5] for window in windows]  # without the parts of unknown time
            for key, history in histories.items()
        },
        "observations": {key: list(entry.timeline.counts(windows[0])) for key, entry in ledger.entries.items()},
        "incidents": [[i.id, i.check, i.opened, i.resolved, i.reason, i.downtime] for i in ledger.incidents],
        "corrections": sorted(fact.id for fact in ledger.facts.corrections.facts),
        "excluded": {
            key: sorted([e.interval.start, e.interval.end, e.cause.value] for e in ledger.exclusions(key, windows[0]))
            for key in ledger.products
        },
    }


@pytest.mark.fault(59)
def test_daemon_loads_the_record(expected: Any, tmp_path: Path) -> None:
    """It starts twice: the first start may migrate the schema, the second reads the result."""
    portfolio = load(tmp_path / "ninewatch.yaml", check_types(allow_exec=False))
    for _ in range(2):
        ledger, store = Ledger(portfolio), SqliteStore(portfolio.store, 0)
        restore(ledger, store)
        ledger.facts = Facts(store.load_facts(), Journal.of(portfolio.store).read())
        store.close()
        assert figures(ledger, expected) == expected


def test_first_definition_begins_with_the_record_and_changes_no_figure(expected: Any, tmp_path: Path) -> None:
    portfolio = load(tmp_path / "ninewatch.yaml", check_types(allow_exec=False))
    ledger, store = Ledger(portfolio), SqliteStore(portfolio.store, 0)
    restore(ledger, store)
    health, clock = Health(), ManualClock(expected["windows"][0][1])
    recorder = FactRecorder(ledger, Journal.of(portfolio.store), writer := Writer(store, health, clock), clock, health)
    recorder.restore(store)
    recorded = {product.id: ledger.definitions(product.id) for product in portfolio.products}
    recorder.define()
    first = {run.check: run.first for run in reversed(list(store.load_runs()))}
    writer.start()
    assert writer.close(30)
    for product in portfolio.products:
        if recorded[product.id]:  # written by a version with definitions
            assert ledger.definitions(product.id) == recorded[product.id]
            continue
        (definition,) = ledger.definitions(product.id)
        assert definition.made == min(first[f"{product.id}/{check.id}"] for check in product.checks)
    stored = {fact.id for fact in store.load_facts()}
    store.close()
    assert stored == {fact.id for fact in ledger.facts.all}
    ledger.facts = Facts(ledger.facts.all, Journal.of(portfolio.store).read())
    assert figures(ledger, expected) == expected


def test_unmigrated_record_is_readable(expected: Any, tmp_path: Path) -> None:
    portfolio = load(tmp_path / "ninewatch.yaml", check_types(allow_exec=False))
    ledger = Ledger(portfolio)
    with reading(portfolio.store) as record:
        ledger.restore(record.load_runs(), record.load_tail(), record.load_incidents())
        ledger.facts = Facts(record.load_facts(), Journal.of(portfolio.store).read())
    assert figures(ledger, expected) == expected


def test_report_of_the_record_has_the_figures(expected: Any) -> None:
    start, end = (format_instant(at) for at in expected["windows"][0])
    arguments = ["report", "-c", "ninewatch.yaml", "--product", "all", "--window", f"{start}/{end}", "--at", end]
    result = CliRunner().invoke(cli, [*arguments, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    names = ("up_seconds", "down_seconds", "doubt_seconds", "unknown_seconds")
    reported = {
        product["id"]: [product["raw"][name] for name in names] for product in json.loads(result.stdout)["products"]
    }
    for product, actual in reported.items():
        up, down, doubt_up, doubt_down, unknown = (
            duration / 1_000_000 for duration in expected["durations"][product][0]
        )
        assert actual == pytest.approx([up, down, doubt_up + doubt_down, unknown], abs=1e-9)
