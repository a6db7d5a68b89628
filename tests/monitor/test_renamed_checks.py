"""A renamed check keeps its history: runs, observations, incidents and facts of the former id belong to the present
one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.facts.history import history
from monitor.ledger.ledger import Ledger
from monitor.ledger.renamed_checks import merge_runs, unconfigured_checks
from sla.correction import Correction
from sla.incident import Incident
from sla.interval import HOUR, MINUTE, Interval
from sla.observation import Observation, Outcome, Run
from sla.timeline import Timeline
from tests.support.ledgers import BAD, GOOD, NOW, FakeCheck, ledger_of, observe, run
from tests.support.ledgers import BAD_RESULT as FAILED
from tests.support.ledgers import GOOD_RESULT as PASSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Portfolio

SPAN = Interval(NOW - 4 * HOUR, NOW)


def forms(
    check: str = "page", product: str = "forms", former: tuple[str, ...] = (), **options: object
) -> dict[str, object]:
    """Return a product of one check with these former ids."""
    fake_check = FakeCheck(id=check, interval="1m", timeout="10s", was=former)  # type: ignore[arg-type]
    return {"id": product, "objective": "99.9%", "checks": (fake_check,), **options}


def recorded_runs(key: str) -> list[Run]:
    """Return four hours of a check with an outage of half an hour."""
    start = NOW - 4 * HOUR
    return [
        run(key, GOOD, start, start + 59 * MINUTE),
        run(key, BAD, start + HOUR, start + 89 * MINUTE, "deadline"),
        run(key, GOOD, start + 90 * MINUTE, start + 3 * HOUR),
    ]


def restored_ledger(
    portfolio: Portfolio, runs: Sequence[Run], tail: Sequence[Observation] = (), **options: Any
) -> Ledger:
    ledger = Ledger(portfolio)
    ledger.restore(runs, tail, options.get("incidents", ()))
    return ledger


def figures(ledger: Ledger, product: str = "forms") -> dict[str, Any]:
    return ledger.measured(product, SPAN, NOW).as_json(product="x")


PLAIN = ledger_of(forms("health")).portfolio
RENAMED = ledger_of(forms("page", former=("health",))).portfolio
MOVED = ledger_of(forms("page", "permits", ("health",), was="forms")).portfolio


def test_history_of_a_former_id_belongs_to_the_present_one() -> None:
    """The observations after the last run belong to it too. Either the product or the check was renamed."""
    tail = [Observation("forms/health", NOW - HOUR + MINUTE, Outcome.BAD, "deadline")]
    runs = recorded_runs("forms/health")
    expected = figures(restored_ledger(PLAIN, runs, tail))
    assert expected["observations"] == {"good": 151, "bad": 31, "unknown": 0}
    assert figures(restored_ledger(RENAMED, runs, tail)) == expected
    assert figures(restored_ledger(MOVED, runs, tail), "permits") == expected
    assert figures(restored_ledger(ledger_of(forms("page")).portfolio, runs, tail))["coverage"] == 0


def test_renaming_reload_changes_no_past_figure_and_continues_the_history() -> None:
    ledger = restored_ledger(PLAIN, recorded_runs("forms/health"))
    before = figures(ledger)
    ledger.reload(RENAMED)
    assert figures(ledger) == before
    (entry,) = ledger.entries_of("forms")
    observe(ledger, entry, NOW - HOUR + MINUTE, FAILED)
    ledger.reload(RENAMED)
    assert ledger.measured("forms", SPAN, NOW).counts.bad == 31
    assert [run.check for run in entry.open_runs()] == ["forms/page"]
    assert ledger.all_histories() == [entry]


def test_growing_run_written_under_both_ids_counts_once() -> None:
    """After the rename, the growing run is written again under the present key. Rows with the former key stay."""
    ledger = restored_ledger(PLAIN, recorded_runs("forms/health"))
    ledger.reload(RENAMED)
    (entry,) = ledger.entries_of("forms")
    for minutes in range(1, 30):
        observe(ledger, entry, NOW - HOUR + minutes * MINUTE, PASSED)
    rows = [*recorded_runs("forms/health"), *entry.open_runs()]
    second_ledger = restored_ledger(RENAMED, rows)
    assert figures(second_ledger) == figures(ledger)
    assert second_ledger.measured("forms", SPAN, NOW).counts == ledger.measured("forms", SPAN, NOW).counts


def test_open_incident_continues_under_the_present_id() -> None:
    start = NOW - 4 * HOUR
    runs = [run("forms/health", BAD, start, NOW - HOUR, "deadline")]
    ongoing = Incident.open("forms", "forms/health", start, "deadline")
    for ledger in (
        restored_ledger(MOVED, runs, incidents=[ongoing]),
        restored_ledger(PLAIN, runs, incidents=[ongoing]),
    ):
        ledger.reload(MOVED)
        assert [(i.id, i.check, i.product) for i in ledger.open_incidents()] == [
            (ongoing.id, "permits/page", "permits")
        ]
        (entry,) = ledger.entries_of("permits")
        for minutes in (1, 2):
            observe(ledger, entry, NOW - HOUR + minutes * MINUTE, PASSED)
        assert ledger.open_incidents() == []
        assert [i.id for i in ledger.incidents] == [ongoing.id]


def test_facts_of_a_former_product_id_belong_to_the_present_one() -> None:
    """A correction excludes time of the product, and the definition before the rename is its first one."""
    old = restored_ledger(PLAIN, recorded_runs("forms/health"))
    (first,) = added_definitions(PLAIN, old.definitions, lambda _: NOW - 4 * HOUR, [], NOW)
    correction = Correction("forms", Interval(NOW - 2 * HOUR, NOW - HOUR), "Ana", "account locked", NOW)
    ledger = restored_ledger(MOVED, recorded_runs("forms/health"))
    ledger.facts = Facts([correction.fact(), first.fact("ninewatch.yaml")], former_ids=ledger.former_ids)
    assert list(ledger.facts.corrections.of("permits")) == [correction.exclusion()]
    (definition,) = ledger.definitions("permits")
    assert (definition.product, definition.members[0].check, definition.made) == ("permits", "permits/page", first.made)
    assert [*added_definitions(MOVED, ledger.definitions, lambda _: None, ledger.facts.products, NOW + 1)] == []
    assert [change.fact.kind for change in history(ledger.facts, "permits")] == ["definition", "correction"]


def test_renamed_check_without_former_id_is_reported() -> None:
    last = {"forms/health": NOW - HOUR, "forms/page": NOW}
    (message,) = unconfigured_checks(last, ledger_of(forms("page")).portfolio).values()
    assert "2026-09-21T" in message
    assert "`was:`" in message
    assert unconfigured_checks(last, RENAMED) == {}


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), max_size=6)


def runs_of(key: str, gaps: list[tuple[int, int]]) -> list[Run]:
    """Return runs without overlap: each begins `gap` minutes after the previous one and has this many observations."""
    result, at = [], 0
    for gap, count in gaps:
        first = at + gap * MINUTE
        last = first + (count - 1) * MINUTE
        result.append(Run(key, GOOD, "", first, last, count, 2 * MINUTE, count, 5 * count, 5))
        at = last + MINUTE
    return result


@given(spans, spans, spans)
def test_joined_runs_do_not_overlap_and_keep_the_present_ids_runs(
    own: list[tuple[int, int]], one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    """Each minute that any source observed is counted once, from the first source that has it."""
    sources = [runs_of("p/new", own), runs_of("p/a", one), runs_of("p/b", other)]
    actual = merge_runs("p/new", sources)
    timeline = Timeline(2 * MINUTE)
    for merged in actual:
        timeline.append_run(merged)
        assert merged.latency_count <= merged.count
    minutes = {at for runs in sources for r in runs for at in range(r.first, r.last + 1, MINUTE)}
    assert sorted(at for r in actual for at in range(r.first, r.last + 1, MINUTE)) == sorted(minutes)
    assert sum(r.count for r in actual) == len(minutes)
    assert all(source in actual for source in sources[0])
    assert {r.check for r in actual} <= {"p/new"}
    assert merge_runs("p/new", [actual]) == [replace(run, check="p/new") for run in actual]
