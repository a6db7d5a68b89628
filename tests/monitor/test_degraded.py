"""Degraded products: each cause, and only while the product is up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from monitor.ledger.degraded import DegradedCause, degradations, degraded_cause
from monitor.probe_result import DEGRADED, SLOW, ProbeResult
from monitor.views.formatting import state_badge
from monitor.views.product_summary import headline
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.states import State
from tests.support.ledgers import BAD_RESULT, GOOD, GOOD_RESULT, NOW, ledger_of, observe, probe_all, product, run

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

SLOW_RESULT = ProbeResult(GOOD, SLOW, 200, detail="took 2s, slow after 1s")
REPORTED_RESULT = ProbeResult(GOOD, DEGRADED, 200)


def causes(ledger: Ledger, now: int = NOW) -> list[tuple[str, str, str]]:
    return [
        (degradation.check, degradation.cause.value, degradation.detail)
        for degradation in degradations(ledger, "p", now)
    ]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (GOOD_RESULT, []),
        (SLOW_RESULT, [("health", "slow", "took 2s, slow after 1s")]),
        (REPORTED_RESULT, [("health", "reported", "the response reports it as degraded")]),
        (BAD_RESULT, []),
    ],
)
def test_last_result_decides(result: ProbeResult, expected: list[tuple[str, str, str]]) -> None:
    ledger = ledger_of(product("p"))
    observe(ledger, ledger.entries["p/health"], NOW - MINUTE, SLOW_RESULT)
    observe(ledger, ledger.entries["p/health"], NOW, result)
    assert causes(ledger) == expected


def test_recorded_slow_run_is_degraded_before_the_first_probe_of_the_process() -> None:
    ledger = ledger_of(product("p"))
    ledger.restore([run("p/health", GOOD, NOW - HOUR, NOW, SLOW)], [], [])
    assert causes(ledger) == [("health", "slow", "slower than slow_after")]


def test_expired_observation_does_not_show_a_degraded_product() -> None:
    ledger = ledger_of(product("p"))
    observe(ledger, ledger.entries["p/health"], NOW, SLOW_RESULT)
    assert causes(ledger, NOW + HOUR) == []


def test_check_without_observations_has_no_cause() -> None:
    assert degraded_cause(ledger_of(product("p")).entries["p/health"]) is None


@pytest.mark.parametrize(("rule", "expected"), [("any", ["check-1"]), ("all", [])])
def test_redundant_check_that_is_down(rule: str, expected: list[str]) -> None:
    ledger = ledger_of(product("p", checks=2, rule=rule))
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 5 * MINUTE, NOW)
    probe_all(ledger, [ledger.entries["p/check-1"]], NOW - 5 * MINUTE, NOW, BAD_RESULT)
    actual = degradations(ledger, "p", NOW)
    assert [degradation.check for degradation in actual] == expected
    assert all(degradation.cause is DegradedCause.REDUNDANCY for degradation in actual)
    assert [degradation.text for degradation in actual] == [
        f"{name}: down, and the product needs only the other checks" for name in expected
    ]


@pytest.mark.parametrize(
    ("remaining", "detail"),
    [
        (15 * DAY, None),
        (14 * DAY - SECOND, "the certificate expires in 13 days"),
        (90 * MINUTE, "the certificate expires in 1h 30m"),
        (0, "the certificate has expired"),
    ],
)
def test_certificate_that_expires_soon(remaining: int, detail: str | None) -> None:
    ledger = ledger_of(product("p"))
    result = replace(GOOD_RESULT, certificate_expiry=float((NOW + remaining) // SECOND))
    observe(ledger, ledger.entries["p/health"], NOW, result)
    assert causes(ledger) == ([] if detail is None else [("health", "certificate", detail)])


def test_degradation_costs_no_availability() -> None:
    ledger = ledger_of(product("p", checks=2, rule="any"))
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 5 * MINUTE, NOW, SLOW_RESULT)
    probe_all(ledger, [ledger.entries["p/check-1"]], NOW - 5 * MINUTE, NOW, BAD_RESULT)
    measured = ledger.measured("p", "1h", NOW)
    assert len(causes(ledger)) == 2
    assert measured.durations.down == 0
    assert measured.availability.point == 1


@pytest.mark.parametrize(
    ("products", "expected"),
    [(0, "All 3 products are up"), (2, "All 3 products are up, 2 of them degraded")],
)
def test_headline_counts_degraded_products(products: int, expected: str) -> None:
    assert headline([state_badge(State.UP)] * 3, products) == expected


def test_headline_of_one_degraded_product() -> None:
    assert headline([state_badge(State.UP)], 1) == "The product is up, and degraded"
