"""Counters that are derived from the record never decrease after restarts, reloads, corrections and renames."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.model import Portfolio
from monitor.engine.fact_recorder import FactRecorder
from monitor.engine.recorder import Recorder, restore
from monitor.exporters.confirmed import Confirmed
from monitor.exporters.exposition import Dialect
from monitor.exporters.families import CHECK_FAMILIES, PRODUCT_FAMILIES
from monitor.exporters.prometheus import Exporter
from monitor.facts.journal import Journal
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probe_result import ProbeResult
from monitor.storage.writer import Writer
from sla.correction import Correction
from sla.interval import DAY, Interval
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD, GOOD, UNKNOWN, FakeCheck
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.observation import Outcome

RECORDED = {family.name for family in (*CHECK_FAMILIES, *PRODUCT_FAMILIES) if family.recorded}
RESULTS = {GOOD: ProbeResult(GOOD), BAD: ProbeResult(BAD, "deadline"), UNKNOWN: ProbeResult(UNKNOWN, "no_route")}
Counts = dict[str, float]


def check(name: str, was: tuple[str, ...] = (), interval: str = "1m") -> FakeCheck:
    return FakeCheck(id=name, interval=interval, timeout="10s", fall=1, rise=1, was=was)  # type: ignore[arg-type]


def portfolio(*checks: FakeCheck, rule: str = "all", product: str = "p", was: str | None = None) -> Portfolio:
    options = {"was": was} if was else {}
    other = {"id": "other", "objective": "99%", "checks": (check("only"),)}
    configured = {"id": product, "objective": "99%", "rule": rule, "checks": checks, **options}
    return Portfolio.model_validate({"products": [other, configured] if checks else [other]})


class DaemonHarness:
    """A daemon without network and threads.

    Queued writes are stored by `flush`, and only stored data survives a kill.
    """

    def __init__(self, loaded: Portfolio) -> None:
        self.store, self.clock = MemoryStore(), ManualClock()
        self.start(loaded)

    def start(self, loaded: Portfolio) -> None:
        self.health, self.ledger = Health(), Ledger(loaded)
        folded = restore(self.ledger, self.store)  # type: ignore[arg-type]
        self.writer = Writer(self.store, self.health, self.clock)  # type: ignore[arg-type]
        self.writer.put_folded(folded, None)
        self.facts = FactRecorder(self.ledger, Journal.of(Path("none")), self.writer, self.clock, self.health)
        self.facts.restore(self.store)  # type: ignore[arg-type]
        self.facts.define()
        self.recorder = Recorder(self.ledger, self.writer, self.health)
        self.exporter = Exporter(self.ledger, self.health, self.clock)

    def kill(self) -> None:
        self.start(self.ledger.portfolio)

    def restart(self) -> None:
        self.recorder._save_all_open_runs()
        self.flush()
        self.kill()

    def flush(self) -> None:
        self.writer._run_once()

    def reload(self, loaded: Portfolio) -> None:
        self.ledger.reload(loaded)
        self.facts.define()

    def correct(self) -> None:
        """Exclude the last day from the contractual figures."""
        now = self.clock.now()
        self.facts.add([Correction("p", Interval(now - DAY, now), "test", "not ours", now).fact()])

    def observe(self, outcomes: Sequence[Outcome]) -> None:
        self.clock.jump(60)
        for entry, outcome in zip(list(self.ledger.entries.values()), outcomes, strict=False):
            self.recorder.record(entry, RESULTS[outcome], self.clock.now(), 0.25)

    def counters(self) -> Counts:
        page = b"".join(self.exporter.render(Dialect.TEXT)).decode()
        samples = re.findall(r"^(\w+)(\{.*\}) (\S+)$", page, flags=re.MULTILINE)
        return {name + labels: float(value) for name, labels, value in samples if name in RECORDED}


def down_seconds(page: Counts, product: str = "p") -> float:
    return page[f'ninewatch_certain_downtime_seconds_total{{product="{product}"}}']


def incidents(page: Counts, product: str = "p") -> float:
    return page[f'ninewatch_incidents_total{{product="{product}"}}']


def observations(page: Counts, name: str, outcome: str) -> float:
    return page[f'ninewatch_observations_total{{product="p",check="{name}",outcome="{outcome}"}}']


ONE, TWO = portfolio(check("a")), portfolio(check("a"), check("b"))


@pytest.fixture
def harness() -> DaemonHarness:
    """Return a harness with a product of 2 checks, one of which had an outage of 4 bad probes.

    The outage has 3 minutes of certain downtime and one incident.
    """
    harness = DaemonHarness(TWO)
    for outcome in (GOOD, BAD, BAD, BAD, BAD, GOOD, GOOD):
        harness.observe((GOOD, GOOD, outcome))
    harness.flush()
    return harness


def test_counters_equal_the_record(harness: DaemonHarness) -> None:
    page = harness.counters()
    assert (down_seconds(page), incidents(page)) == (180, 1)
    assert [observations(page, "b", outcome) for outcome in ("good", "bad", "unknown")] == [3, 4, 0]
    assert [observations(page, "a", outcome) for outcome in ("good", "bad", "unknown")] == [7, 0, 0]
    harness.observe((GOOD, GOOD, UNKNOWN))
    harness.flush()
    assert observations(harness.counters(), "b", "unknown") == 1


def test_counters_include_stored_data_only(harness: DaemonHarness) -> None:
    before = harness.counters()
    harness.observe((GOOD, GOOD, BAD))
    harness.observe((GOOD, GOOD, BAD))
    assert harness.counters() == before
    harness.kill()
    assert harness.counters() == before or harness.counters() == {}
    harness.flush()
    assert harness.counters() == before


def test_scrape_under_load_exports_the_data_of_the_previous_scrape(harness: DaemonHarness) -> None:
    """The queue is never empty at a scrape."""
    exported = [observations(harness.counters(), "a", "good")]
    for _ in range(5):
        harness.observe((GOOD, GOOD, GOOD))
        harness.flush()
        harness.observe((GOOD, GOOD, GOOD))
        exported.append(observations(harness.counters(), "a", "good"))
    assert exported == [7, 7, 9, 11, 13, 15]


def test_counters_stop_while_the_store_fails_and_catch_up_later(harness: DaemonHarness) -> None:
    before = harness.counters()
    harness.store.error = "no space left on device"
    harness.observe((GOOD, GOOD, BAD))
    harness.flush()
    assert harness.counters() == before
    harness.store.error = ""
    harness.flush()
    assert observations(harness.counters(), "b", "bad") == observations(before, "b", "bad") + 1


def test_series_of_removed_check_continues_when_the_check_is_added_again(harness: DaemonHarness) -> None:
    before = harness.counters()
    harness.reload(ONE)
    harness.flush()
    page = harness.counters()
    assert 'ninewatch_observations_total{product="p",check="b",outcome="bad"}' not in page
    assert (down_seconds(page), incidents(page)) == (180, 1)
    harness.restart()
    harness.observe((GOOD, GOOD))
    harness.reload(TWO)
    harness.observe((GOOD, GOOD, BAD))
    harness.flush()
    page = harness.counters()
    assert observations(page, "b", "bad") == observations(before, "b", "bad") + 1
    assert (down_seconds(page), incidents(page)) == (180, 2)


def test_counters_of_removed_product_continue_when_the_product_is_added_again(harness: DaemonHarness) -> None:
    for after in (lambda: None, harness.restart):
        harness.reload(portfolio())
        harness.flush()
        assert not [name for name in harness.counters() if 'product="p"' in name]
        after()
        harness.reload(TWO)
        harness.flush()
        page = harness.counters()
        assert (down_seconds(page), incidents(page), observations(page, "b", "bad")) == (180, 1, 4)


def test_correction_does_not_decrease_a_counter(harness: DaemonHarness) -> None:
    harness.correct()
    harness.flush()
    assert down_seconds(harness.counters()) == 180
    harness.restart()
    harness.flush()
    assert down_seconds(harness.counters()) == 180


def test_renamed_check_and_product_continue_their_counters(harness: DaemonHarness) -> None:
    renamed = portfolio(check("a"), check("z", ("b",)))
    for step in (lambda: harness.reload(renamed), harness.restart):
        step()
        harness.flush()
        page = harness.counters()
        assert (down_seconds(page), incidents(page), observations(page, "z", "bad")) == (180, 1, 4)
    harness.reload(portfolio(check("a"), check("z", ("b",)), product="q", was="p"))
    harness.flush()
    page = harness.counters()
    assert (down_seconds(page, "q"), incidents(page, "q")) == (180, 1)


def test_check_renamed_to_an_existing_id_keeps_its_process_counters(harness: DaemonHarness) -> None:
    harness.reload(portfolio(check("a"), check("z")))
    harness.observe((GOOD, GOOD, BAD))
    harness.reload(portfolio(check("a"), check("z", ("b",))))
    page = b"".join(harness.exporter.render(Dialect.TEXT)).decode()
    assert 'ninewatch_probes_total{product="p",check="z",outcome="bad"} 1\n' in page


def test_pruning_and_folding_do_not_change_counters(harness: DaemonHarness) -> None:
    before = harness.counters()
    harness.clock.jump(40 * 86_400)
    for _ in range(30):
        harness.observe((GOOD, GOOD, GOOD))
        harness.flush()
    assert min(at for at, _, _ in harness.store.seen) > harness.clock.now() - 31 * DAY, (
        "the first observations are pruned"
    )
    page = harness.counters()
    assert (down_seconds(page), incidents(page)) == (down_seconds(before), incidents(before))
    assert observations(page, "a", "good") == observations(before, "a", "good") + 30
    harness.kill()
    harness.flush()
    assert harness.counters() == page


def test_estimated_downtime_is_not_counted(harness: DaemonHarness) -> None:
    """Estimated downtime may decrease when the next observation is good."""
    harness.observe((GOOD, GOOD, BAD))
    harness.flush()
    harness.clock.jump(30)
    assert down_seconds(harness.counters()) == 180


def test_definition_with_a_new_check_does_not_decrease_a_counter() -> None:
    """The rule `any` of two checks takes effect at the first probe of the second check, which started before the last
    probe of the first check.
    """
    harness = DaemonHarness(ONE)
    for outcome in (BAD, BAD):
        harness.observe((GOOD, outcome))
    harness.reload(portfolio(check("a"), check("b"), rule="any"))
    loaded = harness.clock.now()
    harness.observe((GOOD, BAD))
    harness.flush()
    exported = [down_seconds(harness.counters())]
    entry = harness.ledger.entries["p/b"]
    harness.recorder.record(entry, RESULTS[GOOD], loaded, 59.0)
    harness.flush()
    exported.append(down_seconds(harness.counters()))
    harness.restart()
    harness.flush()
    exported.append(down_seconds(harness.counters()))
    assert exported == [60, 60, 60]


CONFIGURATIONS = (
    ONE,
    TWO,
    portfolio(check("b")),
    portfolio(check("a"), check("b"), check("c"), rule="at_least 2"),
    portfolio(check("a"), check("b"), rule="any"),
    portfolio(check("a", interval="5m"), check("c")),
    portfolio(),
)
RENAMED = (
    portfolio(check("z", ("a",))),
    portfolio(check("z", ("a",)), check("b"), rule="any"),
    portfolio(check("z", ("a",), interval="5m"), check("b"), check("c")),
)
OUTCOMES = st.tuples(*[st.sampled_from((GOOD, BAD, BAD, UNKNOWN))] * 4)
STEPS = st.one_of(
    st.tuples(st.just("observe"), OUTCOMES),
    st.tuples(st.just("observe"), OUTCOMES),
    st.tuples(st.just("jump"), st.sampled_from((30, 100, 700, 86_400, 31 * 86_400))),
    st.tuples(st.just("reload"), st.integers(0, 6)),
    st.tuples(st.sampled_from(("flush", "flush", "kill", "restart", "rename", "correct")), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
def test_no_sequence_of_events_decreases_a_counter(steps: list[tuple[str, object]]) -> None:
    harness, configurations, highest = DaemonHarness(TWO), CONFIGURATIONS, Counts()
    for name, argument in steps:
        if name == "observe":
            harness.observe(argument)  # type: ignore[arg-type]
        elif name == "jump":
            harness.clock.jump(argument)  # type: ignore[arg-type]
        elif name == "reload":
            harness.reload(configurations[argument % len(configurations)])  # type: ignore[operator]
        elif name == "rename":
            configurations = RENAMED
            harness.reload(RENAMED[0])
        else:
            getattr(harness, name)()
        for series, value in harness.counters().items():
            assert value >= highest.get(series, 0), (name, series)
            highest[series] = value


def test_pending_value_is_exported_before_the_next_one() -> None:
    health, counter = Health(), Confirmed[int]()
    assert counter.offer(1, health) == 1
    health.records_queued = 3
    assert counter.offer(2, health) == 1
    health.records_queued = 5
    assert counter.offer(3, health) == 1
    health.records_written = 3
    assert counter.offer(4, health) == 2
    health.records_written = 5
    assert counter.offer(5, health) == 5
