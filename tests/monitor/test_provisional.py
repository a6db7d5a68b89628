"""A figure is provisional until the outcome of every probe that was due or sent before its instant is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.references import reference_types
from monitor.probes.heartbeat import HeartbeatCheck
from monitor.probes.tcp import TcpCheck
from monitor.reporting.report import portfolio_report
from monitor.views.product_summary import PROVISIONAL
from sla.calendar import Window
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation
from tests.support.ledgers import GOOD, NOW, UNKNOWN, ledger_of, product

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.ledger.ledger import Ledger

(TcpReference,) = reference_types((TcpCheck,))
TOKEN = "a-token-that-cannot-be-guessed"


def observe(ledger: Ledger, name: str, *at: int, outcome: Any = GOOD) -> None:
    entry = ledger.entries[name]
    for instant in at:
        entry.observe(Observation(entry.key, instant, outcome, "" if outcome is GOOD else "x"))


def window(start: int, end: int) -> Window:
    span = Interval(start, end)
    return Window("w", span, span)


def provisional(ledger: Ledger, end: int, at: int, now: int, name: str = "p") -> tuple[bool, bool]:
    """Return whether each figure is provisional, for every function that computes it."""
    raw = ledger.measured(name, Interval(NOW - HOUR, end), at, now).provisional
    agreed = ledger.agreement_figures(name, window(NOW - HOUR, end), at, now)
    (report,) = portfolio_report(ledger, [ledger.products[name]], window(NOW - HOUR, end), at, now).reports
    assert (agreed.raw.provisional, agreed.contractual.provisional) == (raw, report.figures.contractual.provisional)
    assert raw == report.figures.raw.provisional == agreed.raw.as_json()["provisional"]
    return raw, agreed.contractual.provisional


@pytest.mark.parametrize(("timeout", "name"), [(10 * SECOND, "check-1"), (10 * SECOND, "health")])
def test_current_figure_is_provisional_until_the_longest_timeout_is_over(timeout: int, name: str) -> None:
    ledger = ledger_of(product("p", 2))
    for key in ("p/health", "p/check-1"):
        observe(ledger, key, NOW - 2 * MINUTE, NOW - MINUTE)
    assert provisional(ledger, NOW, NOW, NOW) == (True, True)
    assert provisional(ledger, NOW, NOW, NOW + timeout - 1) == (True, True)
    assert provisional(ledger, NOW, NOW, NOW + timeout) == (False, False)


REFERENCE = TcpReference(id="outside", tcp="192.0.2.1:443")


def test_outcome_may_wait_for_references_after_the_timeout() -> None:
    ledger = ledger_of(product("p"), references=(REFERENCE,))
    observe(ledger, "p/health", NOW - MINUTE)
    assert provisional(ledger, NOW, NOW, NOW + 12 * SECOND - 1) == (True, True)
    assert provisional(ledger, NOW, NOW, NOW + 12 * SECOND) == (False, False)


def test_past_window_is_final_when_each_check_was_observed_after_it() -> None:
    """For a silent check, the time after its last known observation before the window's end may still change."""
    ledger = ledger_of(product("p", 2))
    observe(ledger, "p/health", NOW - 2 * MINUTE, NOW - MINUTE)
    observe(ledger, "p/check-1", NOW - 2 * MINUTE)
    observe(ledger, "p/check-1", NOW - MINUTE, outcome=UNKNOWN)
    assert provisional(ledger, NOW - MINUTE - 1, NOW, NOW) == (True, True)
    assert provisional(ledger, NOW - 2 * MINUTE, NOW, NOW) == (False, False)
    observe(ledger, "p/check-1", NOW - 1)
    assert provisional(ledger, NOW - MINUTE, NOW, NOW) == (False, False)
    assert provisional(ledger, NOW - MINUTE + 1, NOW, NOW) == (True, True)


def test_heartbeat_figure_is_provisional_until_grace_and_run_time_are_over(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    token = {"file": str(tmp_path / "token")}
    check = HeartbeatCheck(id="job", heartbeat="every 1h", grace="5m", run_time="2h", token=token)
    for references, wait in ((), 0), ((REFERENCE,), 2 * SECOND):
        ledger = ledger_of({"id": "p", "objective": "99%", "checks": (check,)}, references=references)
        observe(ledger, "p/job", NOW - HOUR)
        assert provisional(ledger, NOW, NOW, NOW + 2 * HOUR + 5 * MINUTE + wait - 1) == (True, True)
        assert provisional(ledger, NOW, NOW, NOW + 2 * HOUR + 5 * MINUTE + wait) == (False, False)


def test_contractual_figure_is_provisional_until_its_dependency_is_known() -> None:
    own = product("p", agreement={"excludes": [{"dependency": "login"}]})
    login = product("login")
    ledger = ledger_of(own, login)
    observe(ledger, "p/health", NOW)
    assert provisional(ledger, NOW - 1, NOW, NOW) == (False, True)
    observe(ledger, "login/health", NOW)
    assert provisional(ledger, NOW - 1, NOW, NOW) == (False, False)


def test_report_marks_provisional_figures() -> None:
    ledger = ledger_of(product("p"))
    observe(ledger, "p/health", NOW - MINUTE)
    report = portfolio_report(ledger, [ledger.products["p"]], window(NOW - HOUR, NOW), NOW)
    assert any(notice == PROVISIONAL for notice in report.document().notices)
    later = portfolio_report(ledger, [ledger.products["p"]], window(NOW - HOUR, NOW), NOW, NOW + MINUTE)
    assert not any(notice == PROVISIONAL for notice in later.document().notices)
    marked = replace(report, reports=later.reports)
    assert marked.document().notices == later.document().notices
