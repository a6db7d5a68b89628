"""Checks that several vantages probe: figures, incidents and eras of the ledger, live and after a restart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.model import Portfolio
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.ledger.ledger import Ledger
from monitor.probe_result import VANTAGE
from monitor.reporting.report import portfolio_report
from monitor.views.formatting import moment
from monitor.views.product_summary import provisional_text
from sla.calendar import Window
from sla.incident import Incident
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Outcome
from sla.pause import Pause
from sla.states import State
from tests.property import oracle
from tests.support.ledgers import BAD, GOOD, NOW, FakeCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sla.incident import Opened, Resolved
    from sla.observation import Run

KEY = "p/a"
HOLD = 2 * MINUTE + 10 * SECOND
OTHERS = ("east", "west")
LETTERS = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}


def portfolio(*vantages: str, rule: str = "all", checks: tuple[str, ...] = ("a",), **fields: object) -> Portfolio:
    probed = tuple(FakeCheck(id=name, interval="1m", timeout="10s") for name in checks)
    listed = [{"id": vantage, "observations": f"{vantage}.jsonl"} for vantage in vantages]
    products = [{"id": "p", "objective": "99%", "rule": rule, "checks": probed}]
    return Portfolio.model_validate({"products": products, "vantages": listed, **fields})


def define(ledger: Ledger, now: int) -> None:
    """Add definitions as the daemon does after each load."""
    began = ledger.history(KEY).timeline.first_observation_at
    added = added_definitions(ledger.portfolio, ledger.definitions, lambda _: began, ledger.facts.products, now)
    ledger.facts = Facts(ledger.facts.all, [one.fact("test") for one in added], former_ids=ledger.former_ids)


def start(loaded: Portfolio, now: int = NOW) -> Ledger:
    ledger = Ledger(loaded)
    define(ledger, now)
    return ledger


def series(letters: str, vantage: str, start_at: int = NOW) -> list[Observation]:
    """Return one observation per minute: g good, b bad, u unknown, space none."""
    return [
        Observation(KEY, start_at + n * MINUTE, LETTERS[letter], "" if letter == "g" else "deadline", vantage=vantage)
        for n, letter in enumerate(letters)
        if letter != " "
    ]


def observe(ledger: Ledger, observations: Iterable[Observation]) -> dict[tuple[str, str, int], Run]:
    """Add the observations as the recorder does. Return the runs to write."""
    written: dict[tuple[str, str, int], Run] = {}
    for one in observations:
        entry = ledger.entries[one.check]
        if one.vantage == VANTAGE:
            runs = entry.observe(one)
            entry.step(one)
        else:
            runs = entry.observe_elsewhere(one)
        open_runs = entry.view(one.vantage).open_runs()
        written |= {(run.check, run.vantage, run.first): run for run in (*runs, *open_runs)}
    return written


def states(ledger: Ledger, minutes: int) -> list[str]:
    return [ledger.state("p", NOW + n * MINUTE + SECOND).name.lower() for n in range(minutes)]


@settings(max_examples=60)
@given(st.lists(st.text("ggb u", max_size=12), min_size=3, max_size=3), st.integers(1, 3))
def test_product_equals_the_rule_applied_to_each_instant(letters: Sequence[str], votes: int) -> None:
    """Also of the check, and also in a ledger that is restored from the written runs."""
    loaded = portfolio(*OTHERS, quorum=f"{votes} of 3")
    ledger = Ledger(loaded)
    seen = [series(text, name) for text, name in zip(letters, (VANTAGE, *OTHERS), strict=True)]
    runs = observe(ledger, [one for observations in seen for one in observations])
    restored = Ledger(loaded)
    restored.restore(sorted(runs.values(), key=lambda run: (run.check, run.vantage, run.first)), [], [])
    for n in range(14 * 4):
        at = NOW + n * MINUTE // 4 + 1
        cells = [oracle.cell([(one.at, one.outcome.value) for one in view], HOLD, at) for view in seen]
        expected = oracle.compose(cells, 3 - votes + 1)
        for one in (ledger, restored):
            assert one.state("p", at).name.lower() == expected
            assert one.states_of(KEY).state(at).name.lower() == expected


@pytest.mark.fault(18)
def test_interleaving_and_batches_do_not_change_figures() -> None:
    """The record of each vantage arrives in order; the vantages arrive in any order."""
    views = [series("ggggbbbbgggg", VANTAGE), series("gggbbbb  ggg", "east"), series("gggggggggggg", "west")]
    merged = sorted((one for view in views for one in view), key=lambda one: one.at)
    window = Interval(NOW, NOW + 12 * MINUTE)
    figures = set()
    for order in (merged, [one for view in views for one in view], [one for view in views[::-1] for one in view]):
        ledger = Ledger(portfolio(*OTHERS))
        observe(ledger, order)
        figures.add(ledger.compositions["p"].durations(window))
    assert len(figures) == 1


@pytest.mark.fault(29)
def test_one_vantage_of_three_makes_no_outage() -> None:
    ledger = start(portfolio(*OTHERS))
    observe(ledger, series("gggbbb", VANTAGE) + series("gggggg", "east") + series("gggggg", "west"))
    assert states(ledger, 5) == ["up"] * 5
    assert ledger.entries[KEY].incident_tracker.open is None


def test_silent_vantages_leave_the_product_unknown() -> None:
    ledger = start(portfolio(*OTHERS))
    observe(ledger, series("g" * 8, VANTAGE) + series("ggg", "east") + series("gg", "west"))
    assert states(ledger, 7) == ["up", "up", "doubt_up", "doubt_up", "guess_up", "guess_up", "guess_up"]


def test_added_vantage_does_not_change_the_past() -> None:
    """The definition with it applies when it is observed first, at the latest one hold after it was loaded."""
    ledger = start(portfolio())
    observe(ledger, series("ggggbbbbgggg", VANTAGE))
    past = Interval(NOW, NOW + 11 * MINUTE)
    before = ledger.compositions["p"].durations(past)
    loaded = NOW + 12 * MINUTE
    ledger.reload(portfolio("east", quorum="1 of 2"))
    define(ledger, loaded)
    observe(ledger, series("g" * 10, "east"))  # of the time before it was a member
    observe(ledger, series("g" * 8, VANTAGE, loaded) + series("b" * 7, "east", loaded + MINUTE))
    assert ledger.compositions["p"].durations(past) == before
    assert ledger.state("p", loaded + MINUTE + SECOND) is State.DOWN
    assert [one.quorum for one in ledger.definitions("p")] == [1, 1]
    assert [len(one.members) for one in ledger.definitions("p")] == [1, 2]


def test_removed_vantage_stays_in_the_past_also_after_a_restart() -> None:
    ledger = start(portfolio("east", quorum="1 of 2"))
    runs = observe(ledger, series("g" * 12, VANTAGE) + series("ggggbbbbgggg", "east"))
    past = Interval(NOW, NOW + 10 * MINUTE)
    before = ledger.compositions["p"].durations(past)
    assert before.down == 3 * MINUTE
    ledger.reload(portfolio())
    define(ledger, NOW + 12 * MINUTE)
    restored = Ledger(portfolio())
    restored.facts = Facts(ledger.facts.all)
    restored.restore(sorted(runs.values(), key=lambda run: (run.vantage, run.first)), [], [])
    for one in (ledger, restored):
        assert one.compositions["p"].durations(past) == before
    assert ledger.entries[KEY].votes is None


def test_quorum_is_part_of_the_definition() -> None:
    ledger = start(portfolio(*OTHERS))
    ledger.reload(portfolio(*OTHERS, quorum="1 of 3"))
    define(ledger, NOW + HOUR)
    assert [one.quorum for one in ledger.definitions("p")] == [2, 1]
    define(ledger, NOW + 2 * HOUR)
    assert len(ledger.definitions("p")) == 2


def test_paused_check_is_unknown_at_all_vantages() -> None:
    ledger = start(portfolio(*OTHERS))
    pause = Pause("p", KEY, NOW + MINUTE, None, "ann", "move")
    observe(ledger, series("g" * 9, VANTAGE) + series("g" * 9, "east") + series("g" * 9, "west"))
    ledger.facts = Facts(ledger.facts.all, [pause.fact()])
    assert states(ledger, 4) == ["up", "unknown", "unknown", "unknown"]
    assert ledger.states_of(KEY).state(NOW + 2 * MINUTE) is State.UNKNOWN


def test_incident_continues_when_vantages_are_added_and_removed() -> None:
    ledger = start(portfolio())
    entry = ledger.entries[KEY]
    for one in series("gbb", VANTAGE):
        entry.observe(one)
        if (change := entry.step(one)) is not None:
            ledger.apply(change)
    opened = entry.incident_tracker.open
    assert opened is not None
    ledger.reload(portfolio(*OTHERS))
    assert entry.votes is not None
    assert entry.incident_tracker.open == opened
    ledger.reload(portfolio())
    assert (entry.votes, entry.incident_tracker.open) == (None, opened)
    for one in series("gg", VANTAGE, NOW + 3 * MINUTE):
        entry.observe(one)
        entry.step(one)
    assert entry.incident_tracker.open is None


def test_lower_quorum_opens_an_incident_of_its_own_also_after_a_restart() -> None:
    """East stays down after the first incident is resolved by the others."""
    ledger, decided = Ledger(portfolio(*OTHERS)), list[Incident]()
    entry = ledger.entries[KEY]

    def apply(one: Ledger, change: Opened | Resolved | None) -> None:
        if change is not None:
            decided.append(one.apply(change))

    observe(ledger, series("gbbbbbb", "east") + series("ggggggg", "west"))
    for one in series("gbbbggg", VANTAGE):
        entry.observe(one)
        apply(ledger, entry.step(one))
    first, resolved = decided
    assert (first.id, first.opened, resolved.resolved) == (resolved.id, NOW + MINUTE, NOW + 4 * MINUTE)
    lowered = portfolio(*OTHERS, quorum="1 of 3")
    restored = Ledger(lowered)
    restored.restore([run for view in ledger.all_views() for run in view.runs()], [], [resolved])
    ledger.reload(lowered)
    for reloaded in (ledger, restored):
        apply(reloaded, reloaded.entries[KEY].decide(NOW + 6 * MINUTE))
    opened = decided[2:]
    assert [incident.opened for incident in opened] == [NOW + 4 * MINUTE] * 2
    assert first.id not in {incident.id for incident in opened}


def test_figure_is_provisional_until_every_vantage_has_delivered_it() -> None:
    ledger = start(portfolio(*OTHERS))
    window, now = Interval(NOW, NOW + 5 * MINUTE), NOW + HOUR
    observe(ledger, series("g" * 9, VANTAGE) + series("g" * 9, "east") + series("g" * 4, "west"))
    assert ledger.measured("p", window, window.end, now).provisional
    observe(ledger, series("g" * 3, "west", NOW + 5 * MINUTE))
    assert not ledger.measured("p", window, window.end, now).provisional


def test_provisional_report_lists_how_far_each_vantage_has_delivered() -> None:
    """East has delivered after the window: it is not listed."""
    ledger = start(portfolio(*OTHERS, checks=("a", "b")))
    span, now = Interval(NOW, NOW + 5 * MINUTE), NOW + HOUR
    observe(ledger, series("g" * 9, VANTAGE) + series("g" * 9, "east") + series("g" * 4, "west"))
    for one in (*series("g" * 9, VANTAGE), *series("g" * 9, "east"), *series("gg", "west")):
        observe(ledger, [replace(one, check="p/b")])
    assert ledger.late_vantages(["p"], span.end) == {"west": NOW + MINUTE}
    assert ledger.late_vantages(["p"], NOW + MINUTE) == {}
    report = portfolio_report(ledger, [ledger.products["p"]], Window("", span, span), now)
    notices = [text for text in report.document().notices if text.startswith("Provisional")]
    west = moment(NOW + MINUTE, ledger.portfolio.zone).local
    assert notices == [provisional_text(ledger, ["p"], span.end)]
    assert notices[0].endswith(f"observations of the window are missing: west has delivered up to {west}.")


def test_vantage_without_observations_of_a_check_has_no_watermark() -> None:
    ledger = start(portfolio(*OTHERS, checks=("a", "b")))
    observe(ledger, series("g" * 9, VANTAGE) + series("g" * 9, "east"))
    assert ledger.late_vantages(["p"], NOW + MINUTE) == {"east": None, "west": None}
    text = provisional_text(ledger, ["p"], NOW + MINUTE)
    assert "east has not delivered observations of all checks, west has" in text


def test_added_vantage_does_not_make_past_figures_provisional() -> None:
    ledger = start(portfolio())
    observe(ledger, series("g" * 20, VANTAGE))
    loaded, now = NOW + 12 * MINUTE, NOW + HOUR
    ledger.reload(portfolio("east"))
    define(ledger, loaded)
    past, later = Interval(NOW, NOW + 5 * MINUTE), Interval(NOW, loaded + 5 * MINUTE)
    assert not ledger.measured("p", past, past.end, now).provisional
    assert ledger.measured("p", later, later.end, now).provisional


@pytest.mark.parametrize("outcome", [GOOD, BAD])
def test_vantage_in_no_definition_is_not_loaded(outcome: Outcome) -> None:
    ledger = start(portfolio())
    elsewhere = [Observation(KEY, NOW + n * MINUTE, outcome, vantage="east") for n in range(3)]
    assert ledger.restore([], elsewhere, []) == []
    assert not ledger.history(KEY).views
