"""Agreements with terms for maintenance: which maintenance is excluded, compared with a walk over half hours."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from monitor.config.model import Portfolio
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.facts.planned_maintenance import added_plans
from monitor.ledger.ledger import Ledger
from sla.calendar import Window
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.maintenance_window import (
    MaintenanceWindow,
    maintenance_approval,
    maintenance_window_end,
    maintenance_windows,
)
from sla.observation import Observation, Outcome
from sla.window import format_instant, parse_instant
from tests.support.ledgers import FakeCheck

STEP = 30 * MINUTE
START = parse_instant("2026-10-28T00:00:00Z")
MONTH_END = parse_instant("2026-11-01T00:00:00Z")
END = START + 8 * DAY
TERMS = {"notice": "1d", "at_most": "4h per month"}

Block = tuple[int, int]


def portfolio(blocks: list[Block], terms: dict[str, str] | None, every: list[Block] | None = None) -> Portfolio:
    def planned(spans: list[Block] | None) -> list[dict[str, str]]:
        return [
            {"start": format_instant(start), "end": format_instant(end), "reason": "upgrade"}
            for start, end in spans or ()
        ]

    agreement = {} if terms is None else {"maintenance": terms}
    check = FakeCheck(id="a", interval="1h", timeout="10s")
    product = {
        "id": "p",
        "objective": "99%",
        "checks": (check,),
        "maintenance": planned(blocks),
        "agreement": agreement,
    }
    data: dict[str, Any] = {"products": [product], "maintenance": planned(every), "time_zone": "UTC"}
    return Portfolio.model_validate(data)


def load(ledger: Ledger, loaded: Portfolio, now: int, began: int | None = None) -> None:
    """Load the portfolio as the daemon does."""
    ledger.reload(loaded)
    plans = [plan.fact("x") for plan in added_plans(loaded, ledger.facts, lambda _: began, now)]
    recorded = ledger.facts.products
    definitions = [d.fact("x") for d in added_definitions(loaded, ledger.definitions, lambda _: None, recorded, now)]
    ledger.facts = Facts(ledger.facts.all, [*plans, *definitions])


def excluded(ledger: Ledger, window: Interval) -> set[int]:
    """Return the half hours that the contractual figure excludes; the sums agree with the list."""
    spans = [exclusion.interval for exclusion in ledger.exclusions("p", window)]
    at = {step for span in spans for step in range(span.start, span.end, STEP)}
    assert ledger.contractual("p", window).excluded == len(at) * STEP
    return at


def not_excluded(ledger: Ledger, window: Interval) -> set[int]:
    spans = [kept.exclusion.interval for kept in ledger.not_excluded_maintenance("p", window)]
    return {step for span in spans for step in range(span.start, span.end, STEP)}


@dataclass
class Story:
    """Configurations by the instant of their load, each with the blocks of the product and of all products."""

    loads: list[tuple[int, list[Block], list[Block]]]
    windows: list[MaintenanceWindow]

    def is_counted(self, at: int, notice: int) -> bool:
        """Return whether the instant is in maintenance that was announced in time."""
        windows = (w for w in self.windows if w.in_force.start <= at < w.in_force.end)
        in_time = any(w.interval.start - w.made >= notice for w in windows)
        return in_time or any(self._in_time(at, notice, which) for which in (1, 2))

    def is_planned(self, at: int) -> bool:
        return any(start <= at < end for which in (1, 2) for start, end in self._known(at)[-1][which]) or any(
            w.in_force.start <= at < w.in_force.end for w in self.windows
        )

    def _known(self, at: int) -> list[Any]:
        return [load for load in self.loads if load[0] <= at] or self.loads[:1]

    def _in_time(self, at: int, notice: int, which: int) -> bool:
        known = self._known(at)
        containing = [(start, end) for start, end in known[-1][which] if start <= at < end]
        announced = known[-1][0]
        for load in reversed(known):
            if not any(start <= at < end for start, end in load[which]):
                break
            announced = load[0]
        return any(start - announced >= notice for start, _ in containing)


def random_blocks(random: Random) -> list[Block]:
    starts = [START + random.randrange(8 * 48) * STEP for _ in range(random.randint(0, 6))]
    return [(start, start + random.randint(1, 8) * STEP) for start in starts]


def random_story(random: Random) -> Story:
    own, every = random_blocks(random), random_blocks(random)
    loads = []
    for day in range(8):
        if random.random() < 0.3:
            own = [block for block in own if random.random() < 0.8] + random_blocks(random)[:1]
            every = random_blocks(random) if random.random() < 0.2 else every
        if random.random() < 0.3:
            own = [(start, end + random.choice([-STEP, STEP])) for start, end in own if end - start > STEP]
        loads.append((START + day * DAY, list(own), list(every)))
    windows = []
    for number in range(3):
        made = START + random.randrange(4 * 48) * STEP
        begin = made + random.randrange(4 * 48) * STEP
        span = Interval(begin, begin + random.randint(1, 8) * STEP)
        ended = span.start + STEP if random.random() < 0.3 else None
        windows.append(MaintenanceWindow("p", span, "Ana", f"window {number}", made, ended))
    return Story(loads, windows)


def ledger_of_story(story: Story) -> Ledger:
    ledger = Ledger(portfolio(story.loads[0][1], TERMS, story.loads[0][2]))
    for at, own, every in story.loads:
        load(ledger, portfolio(own, TERMS, every), at)
    facts = [window.fact() for window in story.windows]
    facts += [maintenance_window_end(w, w.ended, "Ana", "done") for w in story.windows if w.ended is not None]
    ledger.facts = Facts(ledger.facts.all, facts)
    return ledger


@pytest.mark.parametrize("seed", range(25))
def test_excluded_maintenance_equals_a_walk_over_half_hours(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - reproducible
    story = random_story(random)
    ledger = ledger_of_story(story)
    expected, used = set(), {START: 0, MONTH_END: 0}
    for at in range(START, END, STEP):
        month = MONTH_END if at >= MONTH_END else START
        if story.is_counted(at, DAY):
            if used[month] < 4 * HOUR:
                expected.add(at)
            used[month] += STEP
    full_window = Interval(START, END)
    assert excluded(ledger, full_window) == expected
    planned = {at for at in range(START, END, STEP) if story.is_planned(at)}
    assert planned - expected <= not_excluded(ledger, full_window) <= planned
    cut = START + random.randrange(1, 8 * 48) * STEP
    parts = Interval(START, cut), Interval(cut, END)
    assert set.union(*(excluded(ledger, part) for part in parts)) == expected


@pytest.mark.parametrize("seed", range(6))
def test_past_exclusions_do_not_change_when_more_is_recorded(seed: int) -> None:
    story = random_story(Random(seed))  # noqa: S311 - reproducible
    ledger = ledger_of_story(story)
    for days in (2, 5):
        at = START + days * DAY + 7 * STEP
        earlier = Ledger(ledger.portfolio)
        earlier.facts = Facts([fact for fact in ledger.facts.all if fact.made <= at])
        past = Interval(START, at)
        assert excluded(earlier, past) == excluded(ledger, past)
        assert not_excluded(earlier, past) == not_excluded(ledger, past)


def test_terms_apply_from_their_era_on_and_products_without_them_are_unchanged() -> None:
    """Late maintenance of each day is excluded until the terms are loaded, and after their removal."""
    blocks = [(START + day * DAY, START + day * DAY + HOUR) for day in range(8)]
    ledger = Ledger(portfolio([], None))
    load(ledger, portfolio(blocks, None), START)
    full_window = Interval(START, END)
    full = {at for start, end in blocks for at in range(start, end, STEP)}
    assert excluded(ledger, full_window) == full
    assert not_excluded(ledger, full_window) == set()
    load(ledger, portfolio(blocks, {"notice": "6d"}), START + 2 * DAY + 2 * HOUR)
    late = {at for at in full if START + 2 * DAY + 2 * HOUR <= at < START + 6 * DAY}
    assert not_excluded(ledger, full_window) == late
    assert excluded(ledger, full_window) == full - late
    load(ledger, portfolio(blocks, None), START + 4 * DAY + 2 * HOUR)
    assert not_excluded(ledger, full_window) == {at for at in late if at < START + 4 * DAY + 2 * HOUR}


def test_maintenance_of_the_first_load_of_an_older_record_was_announced_at_that_load() -> None:
    """The first plan begins with the record, but was not known before it was loaded."""
    blocks = [(START + day * DAY, START + day * DAY + HOUR) for day in range(8)]
    ledger = Ledger(portfolio(blocks, {"notice": "1d"}))
    ledger.entries["p/a"].observe(Observation("p/a", START, Outcome.GOOD))
    load(ledger, portfolio(blocks, {"notice": "1d"}), START + 4 * DAY, began=START)
    late = not_excluded(ledger, Interval(START, END))
    assert late == {at for start, end in blocks[:5] for at in range(start, end, STEP)}


def test_maintenance_without_recorded_plans_is_not_excluded() -> None:
    ledger = Ledger(portfolio([(START, START + HOUR)], {"notice": "1d"}))
    (kept,) = ledger.not_excluded_maintenance("p", Interval(START, END))
    assert kept.reasons == ("it is not recorded when it was announced; 1d of notice are required",)


def test_only_approved_windows_are_excluded() -> None:
    """Maintenance of the configuration cannot be approved."""
    ledger = Ledger(portfolio([], None))
    load(ledger, portfolio([(START + DAY, START + DAY + HOUR)], {"approval": "second_person"}), START)
    window = MaintenanceWindow("p", Interval(START + 2 * DAY, START + 2 * DAY + HOUR), "Ana", "upgrade", START)
    own = maintenance_approval(window, START + HOUR, "ana")
    ledger.facts = Facts(ledger.facts.all, [window.fact(), own])
    full_window = Interval(START, END)
    assert excluded(ledger, full_window) == set()
    assert len(ledger.not_excluded_maintenance("p", full_window)) == 2
    ledger.facts = Facts(ledger.facts.all, [maintenance_approval(window, START + 2 * HOUR, "Ben")])
    assert excluded(ledger, full_window) == {window.interval.start, window.interval.start + STEP}
    assert [kept.exclusion.label for kept in ledger.not_excluded_maintenance("p", full_window)] == ["planned"]
    assert [w.approval.author for w in maintenance_windows(ledger.facts.all) if w.approval] == ["Ben"]


def test_late_downtime_stays_in_the_contractual_figure_and_bounds_hold() -> None:
    ledger = Ledger(portfolio([], None))
    load(ledger, portfolio([(START + 2 * HOUR, START + 5 * HOUR)], {"notice": "1d"}), START)
    entry = ledger.entries["p/a"]
    for hour in range(8):
        outcome = Outcome.BAD if 2 <= hour < 5 else Outcome.GOOD
        entry.observe(Observation("p/a", START + hour * HOUR, outcome))
    span = Interval(START, START + 8 * HOUR)
    figures = ledger.agreement_figures("p", Window("w", span, span), span.end)
    assert figures.excluded == 0
    assert figures.contractual.downtime == figures.raw.downtime
    low, point, high = figures.contractual.availability
    assert low is not None
    assert point is not None
    assert high is not None
    assert low <= point <= high < 1
