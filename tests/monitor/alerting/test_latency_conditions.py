"""Alerts of latency objectives: one ticket through the outbox, resolved by fast responses or a removed objective."""

from __future__ import annotations

from typing import Any

from monitor.alerting.conditions import UPDATES_PER_ROUND
from monitor.notification import Kind
from monitor.rehearsal.differences import subject
from tests.support.alerting import GOOD, RESULTS, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.ledgers import FakeCheck, product
from tests.support.stores import MemoryStore

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}
OBJECTIVES = [{"latency": "95% under 400ms", "window": "1d"}]  # 1,440 answers, of which 72 may be slow


def forms(**fields: Any) -> dict[str, Any]:
    return product("forms", objectives=OBJECTIVES, **fields)


async def answer(harness: AlertingHarness, seconds: float, minutes: int) -> None:
    """Record an answer per minute, then check all conditions once."""
    for _ in range(minutes):
        harness.clock.jump(60)
        harness.recorder.record(harness.ledger.entries["forms/health"], RESULTS[GOOD], harness.clock.now(), seconds)
    for _ in range(UPDATES_PER_ROUND):
        await harness.update()


async def test_slow_answers_open_one_ticket_that_fast_answers_resolve() -> None:
    """8 slow answers are a tenth of the budget. 152 fast ones make a burn rate of 1, 153 less than 1."""
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        await answer(harness, 2.0, 7)
        assert harness.rows() == []
        await answer(harness, 2.0, 1)
        await answer(harness, 0.1, 152)
        (opened,) = harness.rows()
        assert (opened.event, opened.severity) == (Kind.OPENED, "ticket")
        assert subject(opened.key).startswith("latency:forms:")
        assert "too slowly: the budget of 95% under 400ms is spent 20 times too fast" in opened.body
        await answer(harness, 0.1, 1)
        assert [row.event for row in harness.rows()] == [Kind.OPENED, Kind.RESOLVED]


async def test_restart_continues_the_alert() -> None:
    store = MemoryStore()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, deliver=False) as harness:
        await answer(harness, 2.0, 10)
        clock = harness.clock
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, clock, deliver=False) as harness:
        await answer(harness, 2.0, 1)
        assert harness.events() == ["opened"]
        await answer(harness, 0.1, 1000)
        assert harness.events() == ["opened", "resolved"]


async def test_objective_that_is_removed_resolves_its_alert() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        await answer(harness, 2.0, 10)
        harness.reload(ledger_with_receivers(product("forms"), receivers=[OPS]).portfolio)
        await answer(harness, 2.0, 1)
        assert harness.events() == ["opened", "resolved"]


async def test_alert_of_an_objective_of_a_check_names_the_check() -> None:
    check = FakeCheck(id="health", interval="1m", timeout="10s", objectives=OBJECTIVES)
    forms_with_check = {"id": "forms", "objective": "99.9%", "checks": (check,)}
    async with run_alerting(ledger_with_receivers(forms_with_check, receivers=[OPS]), deliver=False) as harness:
        await answer(harness, 2.0, 8)
        (opened,) = harness.rows()
        assert "forms (health) responds too slowly" in opened.body
