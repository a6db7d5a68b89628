"""Pauses of a ledger: the time is unknown, the check stays a member, and `enabled: false` becomes a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.facts.fact_index import Facts
from monitor.facts.history import history
from monitor.facts.pauses import added_pauses
from sla.interval import HOUR, MINUTE, Interval
from sla.pause import Pause, pause_end
from sla.states import State
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, FakeCheck, ledger_of, probe_all, product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact

PAUSED = Pause("forms", "forms/health", NOW, NOW + HOUR, "Ana", "moved")


def add(ledger: Ledger, *facts: Fact) -> None:
    ledger.facts = Facts(ledger.facts.all, facts, former_ids=ledger.former_ids)


def failing_ledger() -> Ledger:
    """Return a ledger whose only check fails before NOW and from 30 s after the end of the pause on."""
    ledger = ledger_of(product("forms"))
    entries = list(ledger.entries_of("forms"))
    probe_all(ledger, entries, NOW - 60 * MINUTE, NOW - MINUTE, GOOD_RESULT)
    probe_all(ledger, entries, NOW, NOW, BAD_RESULT)
    return ledger


def test_paused_time_is_unknown_and_no_downtime() -> None:
    """Without the pause, the time after the failed probe would be downtime by the point estimate."""
    ledger = failing_ledger()
    window = Interval(NOW + 1, NOW + HOUR)
    assert ledger.compositions["forms"].durations(window).doubt_down > 0
    add(ledger, PAUSED.fact())
    durations = ledger.compositions["forms"].durations(window)
    assert durations == (0, 0, 0, 0, window.length, 0, 0)
    assert ledger.measured("forms", window, NOW + HOUR).availability.point is None
    assert ledger.state("forms", NOW + MINUTE) is State.UNKNOWN


def test_early_end_applies_and_figures_before_the_pause_do_not_change() -> None:
    ledger = failing_ledger()
    before = ledger.compositions["forms"].durations(Interval(NOW - HOUR, NOW))
    add(ledger, PAUSED.fact())
    add(ledger, pause_end(PAUSED, NOW + 10 * MINUTE, "Ben", "done"))
    probe_all(ledger, ledger.entries_of("forms"), NOW + 10 * MINUTE, NOW + 20 * MINUTE)
    history = ledger.compositions["forms"]
    assert history.durations(Interval(NOW - HOUR, NOW)) == before
    assert history.durations(Interval(NOW, NOW + 20 * MINUTE)).unknown == 10 * MINUTE
    assert history.durations(Interval(NOW, NOW + 20 * MINUTE)).up == 10 * MINUTE


def test_pause_of_a_renamed_check_applies_to_its_present_key() -> None:
    check = FakeCheck(id="api", was="health", interval="1m", timeout="10s")
    ledger = ledger_of({**product("common-forms", was="forms"), "checks": (check,)})
    add(ledger, PAUSED.fact())
    pause = ledger.facts.pause("common-forms/api", NOW)
    assert pause is not None
    assert (pause.product, pause.check) == ("common-forms", "common-forms/api")
    assert ledger.facts.pause("common-forms/api", NOW + HOUR) is None
    assert ledger.facts.pause("nope/api", NOW) is None


def disabled(*, product_pause: bool = False, check: bool = False) -> Ledger:
    checks = (FakeCheck(id="health", enabled=not check), FakeCheck(id="api"))
    return ledger_of({**product("forms", enabled=not product_pause), "checks": checks})


@pytest.mark.parametrize(
    ("fields", "subjects"),
    [
        ({}, []),
        ({"check": True}, ["forms/health"]),
        ({"product_pause": True}, [""]),
        ({"product_pause": True, "check": True}, ["", "forms/health"]),
    ],
)
def test_disabled_checks_are_paused_once_until_they_are_enabled(fields: dict[str, Any], subjects: list[str]) -> None:
    ledger = disabled(**fields)
    add(ledger, *added_pauses(ledger.portfolio, ledger.facts, NOW))
    stated = {(pause.check, pause.until, pause.configured) for pause in ledger.facts.pauses("forms")}
    assert stated == {(key, None, True) for key in subjects}
    assert list(added_pauses(ledger.portfolio, ledger.facts, NOW + 1)) == []
    add(ledger, *added_pauses(disabled().portfolio, ledger.facts, NOW + HOUR))
    assert all(pause.interval == Interval(NOW, NOW + HOUR) for pause in ledger.facts.pauses("forms"))
    assert ledger.facts.pause("forms/health", NOW + HOUR) is None


def test_product_that_is_removed_while_it_is_disabled_is_not_paused_when_it_returns() -> None:
    ledger = disabled(product_pause=True)
    add(ledger, *added_pauses(ledger.portfolio, ledger.facts, NOW))
    add(ledger, *added_pauses(ledger_of(product("other")).portfolio, ledger.facts, NOW + HOUR))
    assert ledger.facts.pause("forms/health", NOW + HOUR) is None
    add(ledger, *added_pauses(ledger.portfolio, ledger.facts, NOW + 2 * HOUR))
    assert ledger.facts.pause("forms/health", NOW + 2 * HOUR) is not None


def test_pause_of_a_person_is_not_ended_by_the_configuration() -> None:
    ledger = disabled()
    add(ledger, PAUSED.fact())
    assert list(added_pauses(ledger.portfolio, ledger.facts, NOW)) == []


def test_history_has_the_pause_and_its_end() -> None:
    ledger = disabled()
    end = pause_end(PAUSED, NOW + MINUTE, "Ben", "done")
    add(ledger, PAUSED.fact(), end, *added_pauses(disabled(product_pause=True).portfolio, ledger.facts, NOW + HOUR))
    texts = [entry.changes[0] for entry in history(ledger.facts, "forms")]
    assert texts == [
        "forms/health paused until 2026-09-21T15:13:20Z: moved",
        f"pause {PAUSED.fact().id} ended: done",
        "forms paused: enabled: false",
    ]
