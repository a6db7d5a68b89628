"""Removed, changed or added maintenance in the configuration changes no figure of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.maintenance import Maintenance
from monitor.config.model import Portfolio
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.facts.history import history
from monitor.facts.planned_maintenance import added_plans, planned_too_late
from monitor.ledger.ledger import Ledger
from sla.calendar import Window
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.maintenance import MaintenancePlan
from sla.observation import Observation, Outcome
from sla.window import format_instant
from tests.support.ledgers import NOW, FakeCheck

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "q"


def block(start: int, end: int, reason: str = "upgrade", **options: str) -> dict[str, str]:
    return {"start": format_instant(NOW + start), "end": format_instant(NOW + end), "reason": reason} | options


SUNDAYS = {"start": "2020-01-05T02:00", "end": "2020-01-05T04:00", "rrule": "FREQ=WEEKLY;BYDAY=SU", "reason": "backup"}


def portfolio(own: list[dict[str, str]] | None = None, all_: list[dict[str, str]] | None = None) -> Portfolio:
    def product(name: str, planned: list[dict[str, str]]) -> dict[str, Any]:
        check = FakeCheck(id="a", interval="1m", timeout="10s")
        return {"id": name, "objective": "99%", "checks": (check,), "maintenance": planned}

    products = [product("p", own or []), product(OTHER, [])]
    return Portfolio.model_validate({"products": products, "maintenance": all_ or [], "time_zone": "UTC"})


def define(ledger: Ledger, now: int) -> list[MaintenancePlan]:
    """Add definitions as the daemon does after each load."""

    def began(name: str) -> int | None:
        return min(
            (at for e in ledger.entries_of(name) if (at := e.timeline.first_observation_at) is not None), default=None
        )

    definitions = list(added_definitions(ledger.portfolio, ledger.definitions, began, ledger.facts.products, now))
    plans = list(added_plans(ledger.portfolio, ledger.facts, began, now))
    facts = [*(statement.fact("test") for statement in definitions), *(statement.fact("test") for statement in plans)]
    ledger.facts = Facts(ledger.facts.all, facts, former_ids=ledger.former_ids)
    return plans


def started_ledger(loaded: Portfolio, now: int = NOW) -> Ledger:
    ledger = Ledger(loaded)
    define(ledger, now)
    return ledger


def reload(ledger: Ledger, loaded: Portfolio, now: int) -> None:
    ledger.reload(loaded)
    define(ledger, now)


def excluded_spans(ledger: Ledger, start: int, end: int, name: str = "p") -> list[tuple[int, int, str]]:
    span = Interval(NOW + start, NOW + end)
    actual = ledger.exclusions(name, span)
    agreed = ledger.agreement_figures(name, Window("w", span, span), span.end)
    assert sum(piece.interval.length for piece in agreed.excluded_pieces) == agreed.excluded
    return sorted(
        (exclusion.interval.start - NOW, exclusion.interval.end - NOW, exclusion.reason) for exclusion in actual
    )


def test_maintenance_removed_after_its_time_stays_excluded() -> None:
    ledger = started_ledger(portfolio([block(HOUR, 2 * HOUR)]))
    before = excluded_spans(ledger, 0, DAY)
    assert before == [(HOUR, 2 * HOUR, "upgrade")]
    reload(ledger, portfolio(), NOW + 3 * HOUR)
    assert excluded_spans(ledger, 0, DAY) == before
    assert excluded_spans(ledger, 0, DAY, OTHER) == []


def test_cancelled_maintenance_excludes_only_the_part_before_the_cancellation() -> None:
    ledger = started_ledger(portfolio([block(HOUR, 3 * HOUR), block(5 * HOUR, 6 * HOUR, "other")]))
    reload(ledger, portfolio(), NOW + 2 * HOUR)
    assert excluded_spans(ledger, 0, DAY) == [(HOUR, 2 * HOUR, "upgrade")]


def test_maintenance_added_late_excludes_only_its_remaining_part() -> None:
    ledger = started_ledger(portfolio())
    reload(ledger, portfolio([block(HOUR, 2 * HOUR), block(2 * HOUR, 5 * HOUR, "long")]), NOW + 4 * HOUR)
    assert excluded_spans(ledger, 0, DAY) == [(4 * HOUR, 5 * HOUR, "long")]


def test_maintenance_prolonged_while_active_is_excluded_completely() -> None:
    ledger = started_ledger(portfolio([block(HOUR, 2 * HOUR)]))
    reload(ledger, portfolio([block(HOUR, 3 * HOUR)]), NOW + HOUR + MINUTE)
    assert excluded_spans(ledger, 0, DAY) == [(HOUR, 3 * HOUR, "upgrade")]


def test_unrelated_changes_do_not_split_an_exclusion() -> None:
    planned = block(HOUR, 3 * HOUR)
    ledger = started_ledger(portfolio([planned]))
    for number in range(3):
        blocks = [planned, block(9 * HOUR, 10 * HOUR, f"no. {number}")]
        reload(ledger, portfolio(blocks), NOW + HOUR + number * MINUTE)
    assert excluded_spans(ledger, 0, 8 * HOUR) == [(HOUR, 3 * HOUR, "upgrade")]
    assert excluded_spans(ledger, 2 * HOUR, 8 * HOUR) == [(2 * HOUR, 3 * HOUR, "upgrade")]


def test_overlapping_maintenance_of_two_plans_is_excluded_completely() -> None:
    both = [block(HOUR, 4 * HOUR), block(2 * HOUR, 5 * HOUR), block(2 * HOUR, 6 * HOUR)]
    ledger = started_ledger(portfolio(both))
    reload(ledger, portfolio([*both, block(9 * HOUR, 10 * HOUR)]), NOW + 3 * HOUR)
    actual = excluded_spans(ledger, 0, 8 * HOUR)
    assert (actual[0][0], actual[-1][1]) == (HOUR, 6 * HOUR)
    window = Interval(NOW, NOW + 8 * HOUR)
    assert ledger.agreement_figures("p", Window("w", window, window), window.end).excluded == 5 * HOUR


@pytest.mark.parametrize("later", [None, {**SUNDAYS, "start": "2020-01-05T10:00", "end": "2020-01-05T11:00"}])
def test_recurrence_rule_applies_while_it_is_configured(later: dict[str, str] | None) -> None:
    """NOW is a Monday; this maintenance applies to all products."""
    ledger = started_ledger(portfolio(all_=[SUNDAYS]))
    span = (-7 * DAY, 21 * DAY)
    before = excluded_spans(ledger, *span, OTHER)
    assert len(before) == 4
    reload(ledger, portfolio(all_=[] if later is None else [later]), NOW + 8 * DAY)
    after = excluded_spans(ledger, *span, OTHER)
    assert [interval for interval in after if interval[1] < 8 * DAY] == [
        interval for interval in before if interval[1] < 8 * DAY
    ]
    assert [end - start for start, end, _ in after if start > 8 * DAY] == ([] if later is None else [HOUR, HOUR])
    assert excluded_spans(ledger, *span, "p") == after


def test_changed_calendar_file_affects_future_time_only(tmp_path: Path) -> None:
    file = tmp_path / "work.ics"

    def blocks_of_day(day: str) -> list[dict[str, str]]:
        event = f"BEGIN:VEVENT\nUID:1\nDTSTART:{day}T100000Z\nDTEND:{day}T110000Z\nSUMMARY:patch\nEND:VEVENT"
        file.write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}\nEND:VCALENDAR\n".replace("\n", "\r\n"))
        return [{"ics": str(file)}]

    days = [format_instant(NOW + number * DAY)[:10].replace("-", "") for number in (1, 3, 1)]
    ledger = started_ledger(portfolio(blocks_of_day(days[0])))
    before = excluded_spans(ledger, 0, 2 * DAY)
    assert len(before) == 1
    reload(ledger, portfolio(blocks_of_day(days[1])), NOW + 2 * DAY)
    file.unlink()
    actual = excluded_spans(ledger, 0, 9 * DAY)
    assert actual[:1] == before
    assert len(actual) == 2


def test_product_has_no_maintenance_while_it_is_not_configured() -> None:
    ledger = started_ledger(portfolio([block(HOUR, 5 * HOUR)]))
    complete = ledger.portfolio
    reload(ledger, complete.model_copy(update={"products": complete.products[1:]}), NOW + 2 * HOUR)
    assert define(ledger, NOW + 2 * HOUR + 1) == []
    reload(ledger, complete, NOW + 4 * HOUR)
    assert excluded_spans(ledger, 0, DAY) == [(HOUR, 2 * HOUR, "upgrade"), (4 * HOUR, 5 * HOUR, "upgrade")]


def test_first_plan_of_an_older_record_applies_from_its_start() -> None:
    """Earlier versions used the present configuration for all time, so the upgrade changes no figure."""
    ledger = Ledger(portfolio([block(-5 * HOUR, -4 * HOUR)]))
    entry = ledger.entries["p/a"]
    for hour in range(-6, 1):
        entry.observe(Observation(entry.key, NOW + hour * HOUR, Outcome.GOOD))
    before = excluded_spans(ledger, -6 * HOUR, 0)
    assert before == [(-5 * HOUR, -4 * HOUR, "upgrade")]
    plans = define(ledger, NOW)
    assert {plan.product: plan.made for plan in plans} == {"": NOW - 6 * HOUR, "p": NOW - 6 * HOUR, OTHER: NOW}
    assert excluded_spans(ledger, -6 * HOUR, 0) == before
    reload(ledger, portfolio(), NOW + HOUR)
    assert excluded_spans(ledger, -6 * HOUR, 0) == before


def test_unchanged_load_adds_no_plan_and_a_future_plan_is_superseded() -> None:
    first, second = block(HOUR, 2 * HOUR), block(3 * HOUR, 4 * HOUR, "other")
    ledger = started_ledger(portfolio([first, second]))
    ledger.reload(portfolio([second, first, first]))
    assert define(ledger, NOW + MINUTE) == []
    ledger.reload(portfolio([first]))
    (wrong,) = define(ledger, NOW + 90 * DAY)
    (right,) = define(ledger, NOW + 2 * MINUTE)
    assert right.supersedes == (wrong.fact("test").id,)
    assert [plan.made for plan in ledger.facts.maintenance("p")] == [NOW, NOW + 2 * MINUTE]
    assert "ignored: dated by a wrong clock" in [change.changes[0] for change in history(ledger.facts, "p")]


def test_renamed_product_keeps_its_maintenance() -> None:
    ledger = started_ledger(portfolio([block(HOUR, 2 * HOUR)]))
    old = ledger.portfolio.products[0]
    renamed = old.model_copy(update={"id": "r", "was": ("p",), "maintenance": ()})
    reload(ledger, ledger.portfolio.model_copy(update={"products": (renamed,)}), NOW + 3 * HOUR)
    assert excluded_spans(ledger, 0, DAY, "r") == [(HOUR, 2 * HOUR, "upgrade")]


def test_history_lists_maintenance_of_the_product_and_of_all_products() -> None:
    ledger = started_ledger(portfolio(all_=[SUNDAYS]))
    reload(ledger, portfolio([block(HOUR, 2 * HOUR)]), NOW + MINUTE)
    history_lines = [
        line for change in history(ledger.facts, "p") if change.fact.kind == "maintenance" for line in change.changes
    ]
    assert history_lines == [
        "planned for all products: 2020-01-05T02:00:00/2020-01-05T04:00:00 FREQ=WEEKLY;BYDAY=SU UTC: backup",
        "no longer planned for all products: 2020-01-05T02:00:00/2020-01-05T04:00:00 FREQ=WEEKLY;BYDAY=SU UTC: backup",
        f"planned: {history_lines[2].partition(': ')[2]}",
    ]
    assert history_lines[2].endswith(": upgrade")
    other = [
        line for change in history(ledger.facts, OTHER) if change.fact.kind == "maintenance" for line in change.changes
    ]
    assert other == history_lines[:2]


def test_unreadable_plan_is_listed_and_ignored() -> None:
    ledger = started_ledger(portfolio([block(HOUR, 2 * HOUR)]))
    newer = MaintenancePlan("p", NOW + MINUTE).fact("x")
    broken = type(newer).of(newer.made, newer.author, newer.kind, "p", {"rules": []})
    ledger.facts = Facts(ledger.facts.all, [broken])
    assert excluded_spans(ledger, 0, DAY) == [(HOUR, 2 * HOUR, "upgrade")]
    assert history(ledger.facts, "p")[-1].changes == ('of a newer version: {"rules":[]}',)


def test_past_time_of_a_new_plan_is_reported() -> None:
    ledger = started_ledger(portfolio([block(HOUR, 2 * HOUR)]))
    plans = ledger.facts.maintenance("p")
    planned = [block(HOUR, 2 * HOUR), block(90 * MINUTE, 3 * HOUR), block(4 * HOUR, 9 * HOUR)]
    ledger.reload(portfolio(planned))
    (plan,) = define(ledger, NOW + 5 * HOUR)
    late = [Interval(NOW + 2 * HOUR, NOW + 3 * HOUR), Interval(NOW + 4 * HOUR, NOW + 5 * HOUR)]
    assert planned_too_late(plan, plans, NOW) == late
    assert planned_too_late(plan, plans, NOW + 150 * MINUTE) == [
        Interval(NOW + 150 * MINUTE, NOW + 3 * HOUR),
        late[1],
    ]
    assert planned_too_late(plan, plans, plan.made) == []
    assert planned_too_late(plan, (), NOW)[0] == Interval(NOW + HOUR, NOW + 3 * HOUR)


def test_empty_maintenance_or_maintenance_of_another_day_is_no_exclusion() -> None:
    assert not [*Maintenance.model_validate(block(HOUR, 2 * HOUR)).exclusions(Interval(NOW, NOW + HOUR), "UTC")]
