"""A figure of the past never changes because the configuration changed: the ledger after reloads and restarts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.agreement import Agreement
from monitor.config.maintenance import Maintenance
from monitor.config.model import Portfolio
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.ledger.ledger import Ledger
from sla.calendar import Period, Window, calendar_window
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.objective import Objective
from sla.observation import Observation, Outcome
from sla.states import State
from tests.support.ledgers import NOW, FakeCheck

if TYPE_CHECKING:
    from sla.observation import Run

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
NAMES = ("a", "b", "c")


def portfolio(checks: tuple[str, ...], rule: str = "all", objective: str = "99%", interval: str = "1m") -> Portfolio:
    checks_of_product = tuple(FakeCheck(id=name, interval=interval, timeout="10s") for name in checks)
    return Portfolio.model_validate(
        {"products": [{"id": "p", "objective": objective, "rule": rule, "checks": checks_of_product}]}
    )


def first_observed(ledger: Ledger) -> int | None:
    actual = (entry.timeline.first_observation_at for entry in ledger.entries_of("p"))
    return min((at for at in actual if at is not None), default=None)


def define(ledger: Ledger, now: int) -> None:
    """Add definitions as the daemon does after each load."""
    definitions = added_definitions(
        ledger.portfolio, ledger.definitions, lambda _: first_observed(ledger), ledger.facts.products, now
    )
    ledger.facts = Facts(
        ledger.facts.all, [definition.fact("test") for definition in definitions], former_ids=ledger.former_ids
    )


def start_ledger(loaded: Portfolio, now: int) -> Ledger:
    ledger = Ledger(loaded)
    define(ledger, now)
    return ledger


def reload(ledger: Ledger, loaded: Portfolio, now: int) -> None:
    ledger.reload(loaded)
    define(ledger, now)


def observe(ledger: Ledger, at: int, outcome: Outcome = GOOD, *names: str) -> None:
    for name in names or [entry.check.id for entry in ledger.entries_of("p")]:
        entry = ledger.entries[f"p/{name}"]
        reason = "" if outcome is GOOD else "deadline"
        entry.observe(Observation(entry.key, at, outcome, reason))


def restart(ledger: Ledger) -> Ledger:
    """Return the ledger that another process reads from the record."""
    runs: list[Run] = sorted(
        (run for history in ledger.all_histories() for run in history.runs()), key=lambda run: (run.check, run.first)
    )
    second_ledger = Ledger(ledger.portfolio)
    second_ledger.restore(runs, [], [])
    second_ledger.facts = Facts(ledger.facts.all, former_ids=second_ledger.former_ids)
    return second_ledger


def test_added_or_removed_check_changes_no_past_figure() -> None:
    ledger = start_ledger(portfolio(("a",)), NOW - MINUTE)
    for minute in range(10):
        observe(ledger, NOW + minute * MINUTE, BAD if minute in (3, 4) else GOOD)
    past = Interval(NOW, NOW + 9 * MINUTE)
    before = ledger.measured("p", past, past.end)
    assert before.downtime.low == MINUTE
    reload(ledger, portfolio(("a", "b")), NOW + 10 * MINUTE)
    assert ledger.measured("p", past, past.end) == before
    for minute in range(10, 20):
        observe(ledger, NOW + minute * MINUTE)
    reload(ledger, portfolio(("b",)), NOW + 20 * MINUTE)
    observe(ledger, NOW + 20 * MINUTE)
    assert ledger.measured("p", past, past.end) == before
    assert restart(ledger).measured("p", past, past.end) == before


def test_added_check_makes_no_time_unknown_before_its_first_probe() -> None:
    ledger = start_ledger(portfolio(("a",)), NOW - MINUTE)
    for minute in range(5):
        observe(ledger, NOW + minute * MINUTE)
    reload(ledger, portfolio(("a", "b")), NOW + 4 * MINUTE + 1)
    observe(ledger, NOW + 5 * MINUTE, GOOD, "a")
    assert ledger.state("p", NOW + 5 * MINUTE).point is State.UP
    observe(ledger, NOW + 5 * MINUTE + 30, BAD, "b")
    assert ledger.state("p", NOW + 5 * MINUTE + 31).point is State.DOWN
    assert ledger.state("p", NOW + 5 * MINUTE).point is State.UP


def test_changed_rule_or_order_affects_future_time_only() -> None:
    ledger = start_ledger(portfolio(("a", "b")), NOW - MINUTE)
    for minute in range(10):
        observe(ledger, NOW + minute * MINUTE, GOOD, "a")
        observe(ledger, NOW + minute * MINUTE, BAD, "b")
    past = Interval(NOW, NOW + 9 * MINUTE)
    before = ledger.measured("p", past, past.end)
    reload(ledger, portfolio(("b", "a"), "any"), NOW + 9 * MINUTE)
    observe(ledger, NOW + 10 * MINUTE, GOOD, "a")
    observe(ledger, NOW + 10 * MINUTE, BAD, "b")
    assert ledger.measured("p", past, past.end) == before
    assert before.availability.high == 0
    assert ledger.measured("p", Interval(NOW + 9 * MINUTE, NOW + 10 * MINUTE), NOW + 10 * MINUTE).availability.low == 1


steps = st.lists(
    st.one_of(
        st.tuples(st.just("observe"), st.sampled_from(NAMES), st.sampled_from([GOOD, GOOD, BAD, UNKNOWN])),
        st.tuples(
            st.just("load"),
            st.sets(st.sampled_from(NAMES), min_size=1).map(lambda names: tuple(sorted(names))),
            st.sampled_from(["all", "any"]),
        ),
        st.tuples(st.just("restart"), st.none(), st.none()),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(steps, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=3))
def test_closed_window_keeps_its_figures_after_reloads_and_restarts(
    steps: list[tuple[str, object, object]], spans: list[tuple[int, int]]
) -> None:
    """Each step is a minute. A window is closed when each new member was observed, or its hold is over."""
    ledger = start_ledger(portfolio(NAMES[:2]), NOW - 5 * MINUTE)
    windows = [Interval(NOW + min(span) * MINUTE, NOW + max(span) * MINUTE) for span in spans]
    observations: dict[Interval, object] = {}
    for number, (event, first, second) in enumerate(steps):
        at = NOW + number * MINUTE
        if event == "load":
            reload(ledger, portfolio(first, second), at)  # type: ignore[arg-type]
        elif event == "restart":
            ledger = restart(ledger)
        elif f"p/{first}" in ledger.entries:
            observe(ledger, at, second, str(first))  # type: ignore[arg-type]
        for window in windows:
            if at < window.end + 4 * MINUTE:
                continue  # a probe may still change doubt, and the start of a new member
            # Certain time stays certain. Doubt after a last observation becomes unknown if the next one comes too late.
            actual = ledger.compositions["p"].durations(window)[:2]
            assert observations.setdefault(window, actual) == actual, (number, event)


def test_record_without_definitions_uses_the_configuration() -> None:
    ledger = Ledger(portfolio(("a", "b")))
    observe(ledger, NOW)
    observe(ledger, NOW + MINUTE)
    assert ledger.compositions["p"].durations(Interval(NOW - DAY, NOW + MINUTE)).up == MINUTE


def test_changed_objective_or_agreement_changes_no_past_figure() -> None:
    """A budget is the sum over its eras. A correction that was not excluded in its era is not excluded later."""
    ledger = start_ledger(portfolio(("a",), objective="90%"), NOW - MINUTE)
    for minute in range(11):
        observe(ledger, NOW + minute * MINUTE, BAD if minute in (3, 4) else GOOD)
    past, both = (
        Window("w", span, span) for span in (Interval(NOW, NOW + 10 * MINUTE), Interval(NOW, NOW + 20 * MINUTE))
    )
    before = ledger.agreement_figures("p", past, past.full.end)
    assert (before.raw.objective, before.excluded) == (Objective.parse("90%"), 0)
    changed = portfolio(("a",), objective="99%").products[0]
    block = {"start": "2026-09-21T13:00:00Z", "end": "2026-09-21T16:00:00Z", "reason": "closed"}
    product = changed.model_copy(update={"maintenance": (Maintenance.model_validate(block),)})
    reload(ledger, ledger.portfolio.model_copy(update={"products": (product,)}), NOW + 10 * MINUTE)
    observe(ledger, NOW + 20 * MINUTE)
    figures = ledger.agreement_figures("p", both, both.full.end)
    assert figures.raw.objective == Objective.parse("99%")
    assert figures.raw.allowed == MINUTE + 6 * SECOND
    assert restart(ledger).agreement_figures("p", past, past.full.end).raw == before.raw


def test_agreement_applies_to_its_own_era() -> None:
    """Service hours that are agreed now exclude no past time."""
    ledger = start_ledger(portfolio(("a",)), NOW - MINUTE)
    for minute in range(11):
        observe(ledger, NOW + minute * MINUTE)
    never = Agreement.model_validate({"service_hours": "Sat 00:00-00:01", "zone": "UTC"})  # NOW is a Monday
    product = ledger.products["p"].model_copy(update={"agreement": never})
    reload(ledger, ledger.portfolio.model_copy(update={"products": (product,)}), NOW + 5 * MINUTE)
    span = Interval(NOW, NOW + 10 * MINUTE)
    (only,) = ledger.exclusions("p", span)
    assert only.interval == Interval(NOW + 5 * MINUTE, NOW + 10 * MINUTE)
    assert ledger.agreement_figures("p", Window("w", span, span), span.end).excluded == 5 * MINUTE


@pytest.mark.parametrize("facts_first", [False, True], ids=["defined after the restore", "defined before it"])
def test_first_definition_of_an_older_record_applies_from_its_start(facts_first: bool) -> None:
    """`b` was never probed. Otherwise the first hold of the record would be before any definition, without a guess."""
    earlier = Ledger(portfolio(("a", "b")))
    for minute in range(10):
        observe(earlier, NOW + minute * MINUTE, GOOD, "a")
    runs = list(earlier.entries["p/a"].runs())
    define(earlier, NOW + 10 * MINUTE)
    ledger = Ledger(portfolio(("a", "b")))
    if facts_first:
        ledger.facts = earlier.facts
    ledger.restore(runs, [], [])
    if not facts_first:
        ledger.facts = earlier.facts
    actual = ledger.measured("p", Interval(NOW, NOW + MINUTE), NOW + 10 * MINUTE)
    assert actual.durations.guessed_up == MINUTE


def test_verdict_of_a_current_window_is_possible_later_and_of_a_past_one_is_not() -> None:
    ledger = start_ledger(portfolio(("a",)), NOW - MINUTE)
    for minute in range(10):
        observe(ledger, NOW + minute * MINUTE)
    now = NOW + 9 * MINUTE
    moving = ledger.measured("p", Interval(now - DAY, now), now).observed_part
    past = ledger.measured("p", Interval(now - DAY - MINUTE, now - MINUTE), now).observed_part
    assert moving is not None
    assert moving.decidable_at is not None
    assert past is not None
    assert past.decidable_at is None


def test_current_calendar_window_has_the_budget_of_the_full_window() -> None:
    ledger = start_ledger(portfolio(("a",)), NOW - MINUTE)
    observe(ledger, NOW)
    day = calendar_window(Period.DAY, NOW + HOUR, ledger.portfolio.zone)
    assert day.in_progress
    actual = ledger.measured("p", day, NOW + HOUR)
    assert actual.budget is not None
    assert actual.budget.allowed == Fraction(day.full.length, 100)


def test_definition_without_local_members_is_unknown() -> None:
    """Its checks were probed by another vantage: the local observations do not count."""
    ledger = start_ledger(portfolio(("a",)), NOW)
    (definition,) = ledger.definitions("p")
    members = tuple(replace(member, vantage="elsewhere") for member in definition.members)
    defined_elsewhere = replace(definition, members=members)
    ledger.facts = Facts([defined_elsewhere.fact("test")])
    observe(ledger, NOW + MINUTE)
    assert ledger.state("p", NOW + MINUTE) is State.UNKNOWN
