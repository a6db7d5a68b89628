"""Counters that are derived from the record never fall, whatever happens to the daemon and its configuration."""

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
from monitor.exporters.checks import FAMILIES as CHECK_FAMILIES
from monitor.exporters.confirmed import Confirmed
from monitor.exporters.exposition import Dialect
from monitor.exporters.products import FAMILIES as PRODUCT_FAMILIES
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
    more = {"was": was} if was else {}
    other = {"id": "other", "objective": "99%", "checks": (check("only"),)}
    found = {"id": product, "objective": "99%", "rule": rule, "checks": checks, **more}
    return Portfolio.model_validate({"products": [other, found] if checks else [other]})


class Life:
    """A daemon without network and threads: what is queued is on disk after `flush`, and only then survives a kill."""

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
        self.writer._round()

    def reload(self, loaded: Portfolio) -> None:
        self.ledger.reload(loaded)
        self.facts.define()

    def correct(self) -> None:
        """Exclude all of the last day from the contractual figures."""
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


def down(page: Counts, product: str = "p") -> float:
    return page[f'ninewatch_certain_downtime_seconds_total{{product="{product}"}}']


def incidents(page: Counts, product: str = "p") -> float:
    return page[f'ninewatch_incidents_total{{product="{product}"}}']


def observations(page: Counts, name: str, outcome: str) -> float:
    return page[f'ninewatch_observations_total{{product="p",check="{name}",outcome="{outcome}"}}']


ONE, TWO = portfolio(check("a")), portfolio(check("a"), check("b"))


@pytest.fixture
def life() -> Life:
    """A product of two checks, of which one had an outage of four probes: three minutes for sure, one incident."""
    life = Life(TWO)
    for outcome in (GOOD, BAD, BAD, BAD, BAD, GOOD, GOOD):
        life.observe((GOOD, GOOD, outcome))
    life.flush()
    return life


def test_what_is_counted_is_what_the_record_holds(life: Life) -> None:
    page = life.counters()
    assert (down(page), incidents(page)) == (180, 1)
    assert [observations(page, "b", each) for each in ("good", "bad", "unknown")] == [3, 4, 0]
    assert [observations(page, "a", each) for each in ("good", "bad", "unknown")] == [7, 0, 0]
    life.observe((GOOD, GOOD, UNKNOWN))
    life.flush()
    assert observations(life.counters(), "b", "unknown") == 1


def test_nothing_is_published_before_it_is_on_disk(life: Life) -> None:
    before = life.counters()
    life.observe((GOOD, GOOD, BAD))
    life.observe((GOOD, GOOD, BAD))
    assert life.counters() == before
    life.kill()
    assert life.counters() == before or life.counters() == {}
    life.flush()
    assert life.counters() == before


def test_under_a_steady_load_each_scrape_publishes_what_the_one_before_saw(life: Life) -> None:
    """The queue is never empty when a scrape comes."""
    seen = [observations(life.counters(), "a", "good")]
    for _ in range(5):
        life.observe((GOOD, GOOD, GOOD))
        life.flush()
        life.observe((GOOD, GOOD, GOOD))
        seen.append(observations(life.counters(), "a", "good"))
    assert seen == [7, 7, 9, 11, 13, 15]


def test_a_store_that_fails_holds_the_counters_and_they_catch_up_when_it_writes_again(life: Life) -> None:
    before = life.counters()
    life.store.error = "no space left on device"
    life.observe((GOOD, GOOD, BAD))
    life.flush()
    assert life.counters() == before
    life.store.error = ""
    life.flush()
    assert observations(life.counters(), "b", "bad") == observations(before, "b", "bad") + 1


def test_a_removed_check_ends_its_series_and_goes_on_from_there_when_it_returns(life: Life) -> None:
    before = life.counters()
    life.reload(ONE)
    life.flush()
    page = life.counters()
    assert 'ninewatch_observations_total{product="p",check="b",outcome="bad"}' not in page
    assert (down(page), incidents(page)) == (180, 1)
    life.restart()
    life.observe((GOOD, GOOD))
    life.reload(TWO)
    life.observe((GOOD, GOOD, BAD))
    life.flush()
    page = life.counters()
    assert observations(page, "b", "bad") == observations(before, "b", "bad") + 1
    assert (down(page), incidents(page)) == (180, 2)


def test_a_removed_product_goes_on_from_there_when_it_returns(life: Life) -> None:
    for after in (lambda: None, life.restart):
        life.reload(portfolio())
        life.flush()
        assert not [name for name in life.counters() if 'product="p"' in name]
        after()
        life.reload(TWO)
        life.flush()
        page = life.counters()
        assert (down(page), incidents(page), observations(page, "b", "bad")) == (180, 1, 4)


def test_a_correction_takes_no_downtime_from_a_counter(life: Life) -> None:
    life.correct()
    life.flush()
    assert down(life.counters()) == 180
    life.restart()
    life.flush()
    assert down(life.counters()) == 180


def test_a_renamed_check_and_a_renamed_product_go_on_from_where_they_were(life: Life) -> None:
    renamed = portfolio(check("a"), check("z", ("b",)))
    for step in (lambda: life.reload(renamed), life.restart):
        step()
        life.flush()
        page = life.counters()
        assert (down(page), incidents(page), observations(page, "z", "bad")) == (180, 1, 4)
    life.reload(portfolio(check("a"), check("z", ("b",)), product="q", was="p"))
    life.flush()
    page = life.counters()
    assert (down(page, "q"), incidents(page, "q")) == (180, 1)


def test_a_check_that_takes_over_a_former_one_keeps_its_counts_of_this_process(life: Life) -> None:
    life.reload(portfolio(check("a"), check("z")))
    life.observe((GOOD, GOOD, BAD))
    life.reload(portfolio(check("a"), check("z", ("b",))))
    page = b"".join(life.exporter.render(Dialect.TEXT)).decode()
    assert 'ninewatch_probes_total{product="p",check="z",outcome="bad"} 1\n' in page


def test_pruning_and_folding_change_no_counter(life: Life) -> None:
    before = life.counters()
    life.clock.jump(40 * 86_400)
    for _ in range(30):
        life.observe((GOOD, GOOD, GOOD))
        life.flush()
    assert min(at for at, _, _ in life.store.seen) > life.clock.now() - 31 * DAY, "the first observations are pruned"
    page = life.counters()
    assert (down(page), incidents(page)) == (down(before), incidents(before))
    assert observations(page, "a", "good") == observations(before, "a", "good") + 30
    life.kill()
    life.flush()
    assert life.counters() == page


def test_downtime_that_is_only_estimated_is_not_counted(life: Life) -> None:
    """The last outcome may hold or not: estimated downtime shrinks when the next observation is good."""
    life.observe((GOOD, GOOD, BAD))
    life.flush()
    life.clock.jump(30)
    assert down(life.counters()) == 180


def test_a_definition_that_waits_for_its_new_member_takes_nothing_back() -> None:
    """`any` of two takes effect with the first probe of the second, which was sent before the last one of the first."""
    life = Life(ONE)
    for outcome in (BAD, BAD):
        life.observe((GOOD, outcome))
    life.reload(portfolio(check("a"), check("b"), rule="any"))
    loaded = life.clock.now()
    life.observe((GOOD, BAD))
    life.flush()
    seen = [down(life.counters())]
    entry = life.ledger.entries["p/b"]
    life.recorder.record(entry, RESULTS[GOOD], loaded, 59.0)
    life.flush()
    seen.append(down(life.counters()))
    life.restart()
    life.flush()
    seen.append(down(life.counters()))
    assert seen == [60, 60, 60]


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
def test_no_sequence_of_events_lets_a_counter_fall(steps: list[tuple[str, object]]) -> None:
    life, configurations, highest = Life(TWO), CONFIGURATIONS, Counts()
    for name, given_ in steps:
        if name == "observe":
            life.observe(given_)  # type: ignore[arg-type]
        elif name == "jump":
            life.clock.jump(given_)  # type: ignore[arg-type]
        elif name == "reload":
            life.reload(configurations[given_ % len(configurations)])  # type: ignore[operator]
        elif name == "rename":
            configurations = RENAMED
            life.reload(RENAMED[0])
        else:
            getattr(life, name)()
        for series, value in life.counters().items():
            assert value >= highest.get(series, 0), (name, series)
            highest[series] = value


def test_a_value_that_waits_is_published_as_it_was_and_the_next_one_after_it() -> None:
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
