"""Lines of calm products are kept for a short time; everything that needs attention is computed for each page."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.config.maintenance import Maintenance
from monitor.facts.fact_index import Facts
from monitor.views import portfolio_lines
from monitor.views.portfolio_lines import MAX_AGE, PortfolioLines
from monitor.views.time_slice import TimeSlices
from monitor.web.assets import Assets
from sla.evidence import deployment_fact
from sla.interval import DAY, MINUTE, SECOND
from sla.observation import Outcome
from sla.states import State
from sla.window import format_instant
from tests.monitor.web.test_pages import outline
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, history, ledger_of, observe, probe_all, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from monitor.ledger.ledger import Ledger
    from monitor.views.portfolio_line import PortfolioLine
    from tests.monitor.web.conftest import RunningServer

AT = NOW + 30 * SECOND


def calm_ledger(*names: str, **fields: object) -> Ledger:
    """Return a ledger of products that were up for a month, until now."""
    ledger = ledger_of(*(product(name, **fields) for name in names))
    for name in names:
        ledger.restore(history(f"{name}/health", NOW - 31 * DAY, NOW - 5 * MINUTE, []), [], [])
        probe_all(ledger, ledger.entries_of(name), NOW - 4 * MINUTE, NOW)
    return ledger


def line(lines: PortfolioLines, ledger: Ledger, now: int) -> PortfolioLine:
    return lines.line(ledger, ledger.products["p"], len(ledger.open_incidents("p")), now)


def test_line_of_a_calm_product_is_kept_while_observations_arrive() -> None:
    ledger, lines = calm_ledger("p"), PortfolioLines()
    first = line(lines, ledger, AT)
    observe(ledger, ledger.entries["p/health"], NOW + MINUTE, GOOD_RESULT)
    assert line(lines, ledger, AT + MAX_AGE - 1) is first
    later = line(lines, ledger, AT + MAX_AGE)
    assert later is not first
    assert later.newest == NOW + MINUTE


def test_clock_that_was_set_back_ends_the_validity() -> None:
    ledger, lines = calm_ledger("p"), PortfolioLines()
    first = line(lines, ledger, AT)
    assert line(lines, ledger, AT - 1) is not first


def test_failure_silence_and_recovery_are_shown_at_once() -> None:
    ledger, lines = calm_ledger("p"), PortfolioLines()
    entry = ledger.entries["p/health"]
    assert line(lines, ledger, NOW + 1).row.badge.style == "up"
    for at in (NOW + 5 * SECOND, NOW + 10 * SECOND):
        observe(ledger, entry, at, BAD_RESULT)
    failing = line(lines, ledger, NOW + 11 * SECOND)
    assert (failing.row.badge.style, failing.row.open_incidents) == ("down", 1)
    assert line(lines, ledger, NOW + 12 * SECOND) is not failing  # its budget shrinks
    for at in (NOW + 15 * SECOND, NOW + 20 * SECOND):
        observe(ledger, entry, at, GOOD_RESULT)
    assert line(lines, ledger, NOW + 21 * SECOND).row.badge.style == "up"
    silent = NOW + 20 * SECOND + entry.hold + 1
    assert ledger.state("p", silent).point is State.UNKNOWN
    assert line(lines, ledger, silent).row.badge.style == "unknown"


def test_check_that_fails_while_its_product_is_up_is_shown_at_once() -> None:
    ledger, lines = ledger_of(product("p", 2, rule="any")), PortfolioLines()
    first, second = ledger.entries_of("p")
    probe_all(ledger, [first, second], NOW - 4 * MINUTE, NOW)
    assert line(lines, ledger, NOW + 1).row.degraded == ()
    for at in (NOW + 5 * SECOND, NOW + 10 * SECOND):
        observe(ledger, first, at, BAD_RESULT)
    assert first.open_run is not None
    assert first.open_run.outcome is Outcome.BAD
    shown = line(lines, ledger, NOW + 11 * SECOND)
    assert (shown.row.badge.style, len(shown.row.degraded)) == ("up", 1)


def test_new_fact_and_new_configuration_end_the_validity() -> None:
    ledger, lines = calm_ledger("p"), PortfolioLines()
    first = line(lines, ledger, AT)
    ledger.facts = Facts([deployment_fact(NOW, "Bo", "p", NOW, "v7")])
    second = line(lines, ledger, AT)
    assert second is not first
    renamed = [replace_name(ledger, "p", "Other name")]
    ledger.reload(ledger.portfolio.model_copy(update={"products": tuple(renamed)}))
    assert line(lines, ledger, AT).row.name == "Other name"


def replace_name(ledger: Ledger, product_id: str, name: str) -> object:
    return ledger.products[product_id].model_copy(update={"name": name})


def test_start_and_end_of_maintenance_are_shown_at_once() -> None:
    start, end = NOW + 20 * SECOND, NOW + 40 * SECOND
    times = {"start": format_instant(start), "end": format_instant(end)}
    planned = Maintenance.model_validate({**times, "reason": "patch"})
    ledger, lines = calm_ledger("p", maintenance=(planned,)), PortfolioLines()
    shown = [line(lines, ledger, at).maintenance for at in (NOW + 1, start - 1, start, end - 1, end)]
    assert [None if maintenance is None else maintenance.in_progress for maintenance in shown] == [
        False,
        False,
        True,
        True,
        None,
    ]


def test_kept_row_is_rendered_once_per_form_and_others_each_time() -> None:
    ledger, lines, rendered = calm_ledger("p"), PortfolioLines(), []

    def render() -> str:
        rendered.append(1)
        return f"row {len(rendered)}"

    kept = line(lines, ledger, AT)
    assert [lines.row(kept, render, grouped=grouped) for grouped in (True, False, True)] == ["row 1", "row 2", "row 1"]
    other = replace(kept)
    assert [lines.row(other, render, grouped=True) for _ in range(2)] == ["row 3", "row 4"]


async def test_second_page_computes_only_the_product_that_fails(
    publish: Callable[..., Awaitable[RunningServer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, computed = calm_ledger("a", "b", "c"), list[str]()
    compute = portfolio_lines.portfolio_line

    def counted(ledger: Ledger, product: object, open_incidents: int, now: int) -> PortfolioLine:
        result = compute(ledger, product, open_incidents, now)  # type: ignore[arg-type]
        computed.append(result.row.id)
        return result

    monkeypatch.setattr(portfolio_lines, "portfolio_line", counted)
    for at in (NOW - 10 * SECOND, NOW - 5 * SECOND):
        observe(ledger, ledger.entries["b/health"], at + 11 * SECOND, BAD_RESULT)
    server = await publish(ledger)
    first = (await outline(server, "/")).text
    assert computed == ["a", "b", "c"]
    assert (await outline(server, "/")).text == first
    assert computed == ["a", "b", "c", "b"]


class CountingClock(ManualClock):
    """A clock on which every look takes a second."""

    def monotonic(self) -> float:
        self.jump(1)
        return super().monotonic()


async def test_other_tasks_run_while_a_page_is_rendered() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    values = {"refusal": type("Refusal", (), {"problem": "a", "remedy": "b"}), "without_query": ""}
    assets = Assets.load()
    text = await assets.render_in_slices("error.html.j2", TimeSlices(CountingClock()), **values)
    task.cancel()
    assert text == assets.render("error.html.j2", **values)
    assert turns > 3


async def test_page_is_computed_again_after_a_reload_between_two_slices(
    publish: Callable[..., Awaitable[RunningServer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = calm_ledger("a", "b", "c")
    server, products = await publish(ledger), ledger.portfolio.products

    async def reload(_slices: TimeSlices) -> None:
        if len(ledger.portfolio.products) == len(products):
            ledger.reload(ledger.portfolio.model_copy(update={"products": products[:1]}))

    monkeypatch.setattr(TimeSlices, "yield_if_spent", reload)
    page = await server.get("/", headers={"Accept": "text/html"})
    assert page.status == 200
    assert ('href="/products/a"' in page.text, 'href="/products/b"' in page.text) == (True, False)
