"""A failover measured from the histories of a product and of its sites, and the facts about it."""

from __future__ import annotations

import pytest

from sla.availability import Bounds
from sla.fact import Fact
from sla.failover import CHANGED_AGAIN, IN_PROGRESS, FailoverResult, FailoverTerms, failover_result
from sla.failover_facts import failover_end_fact, failover_text, failovers, site_change_fact
from sla.interval import SECOND
from sla.sites import SiteChange, site_changes
from tests.sla.test_sites import line, seconds

SETTLE = 30 * SECOND
SITES = {"gold": line("+" * 10 + "-" * 20), "dr": line("-" * 10 + "+" * 20)}  # changes between 90 s and 100 s
(CHANGE,) = site_changes(SITES, seconds(0, 290))


def measure(
    product: str, within: int | None = 100, at: int = 290, until: int | None = None, change: SiteChange = CHANGE
) -> FailoverResult:
    terms = FailoverTerms(None if within is None else within * SECOND, SETTLE)
    end = None if until is None else until * SECOND
    return failover_result(change, line(product), SITES, at * SECOND, terms, end)


def bounds(low: int | None, point: int | None, high: int | None) -> Bounds[int | None]:
    return Bounds(*(None if value is None else value * SECOND for value in (low, point, high)))


def test_failover_lasts_from_the_first_downtime_until_the_product_stays_up() -> None:
    """The product is down before the DNS changes, and longer: the maintenance page of the other site answers."""
    result = measure("+" * 8 + "-" * 8 + "+" * 14)
    assert (result.started, result.ended) == (75 * SECOND, 155 * SECOND)
    assert (result.duration, result.downtime) == (bounds(70, 80, 90), bounds(70, 80, 90))
    assert (result.met, result.final) == (True, True)
    assert result.reason == "lasted at most 1m 30s; the promised time is 1m 40s"


def test_change_without_downtime_lasts_at_most_from_site_to_site() -> None:
    result = measure("+" * 30, 9)
    assert (result.duration, result.downtime) == (bounds(0, 0, 10), bounds(0, 0, 0))
    assert (result.started, result.ended, result.met) == (95 * SECOND, 95 * SECOND, None)
    assert result.reason == "the bounds of the duration do not decide"


def test_downtime_within_the_settle_time_belongs_to_the_failover() -> None:
    apart = measure("+" * 5 + "---" + "+" * 5 + "---" + "+" * 14)
    assert (apart.started, apart.ended) == (45 * SECOND, 155 * SECOND)
    assert (apart.duration, apart.downtime) == (bounds(100, 110, 120), bounds(40, 60, 80))
    far = measure("--" + "+" * 12 + "--" + "+" * 14)
    assert (far.started, far.ended, far.duration) == (95 * SECOND, 95 * SECOND, bounds(0, 0, 10))


def test_downtime_before_unknown_time_counts_in_the_upper_bound_only() -> None:
    """Down for 60 s, then unknown for 10 minutes: only the second downtime certainly belongs to the failover."""
    product = line("+" * 100 + "-" * 6 + " " * 54 + "-" * 6 + "+" * 60)
    sites = {"gold": line("+" * 163 + "-" * 63), "dr": line("-" * 163 + "+" * 63)}
    (change,) = site_changes(sites, seconds(0, 2250))
    result = failover_result(change, product, sites, 2250 * SECOND, FailoverTerms(None, 300 * SECOND))
    assert result.duration == bounds(50, 55, 670)
    assert result.downtime == bounds(50, 55, 670)


def test_promise_is_missed_by_certain_time_only_also_while_the_failover_continues() -> None:
    down = "+" * 8 + "-" * 22
    assert measure(down, 100, at=170).met is None
    late = measure(down, 100, at=230)
    assert (late.met, late.final, late.ended, late.duration.point) == (False, False, None, None)
    assert late.reason == "lasted at least 2m 30s; the promised time is 1m 40s"


def test_failover_is_final_once_the_settle_time_is_observed() -> None:
    product = "+" * 8 + "-" * 8 + "++++"
    early = measure(product[:-1], at=185)
    assert (early.final, early.met, early.reason) == (False, None, IN_PROGRESS)
    assert measure(product, at=190).final


def test_unknown_time_does_not_end_a_failover_and_widens_its_upper_bound() -> None:
    gap = measure("+" * 8 + "-" * 4 + " " * 8 + "+" * 10)
    assert (gap.started, gap.duration) == (75 * SECOND, bounds(30, 35, 130))
    assert gap.met is None
    blind = measure("+" * 8 + "-" * 4 + " " * 18)
    assert (blind.ended, blind.final, blind.reason) == (None, False, IN_PROGRESS)


def test_change_back_before_the_product_is_up_closes_the_failover() -> None:
    result = measure("+" * 8 + "-" * 22, 900, until=200)
    assert (result.ended, result.final, result.met, result.reason) == (None, True, None, CHANGED_AGAIN)


def test_without_a_promise_there_is_no_verdict() -> None:
    result = measure("+" * 30, None)
    assert (result.met, result.reason) == (None, "no failover time is promised")


def test_facts_state_a_change_and_its_final_figures() -> None:
    result = measure("+" * 8 + "-" * 8 + "+" * 14)
    change = site_change_fact(CHANGE, "sso", 110 * SECOND, "ninewatch")
    end = failover_end_fact(change.id, result, "sso", 200 * SECOND, "ninewatch")
    (open_,) = failovers([end, change], 150 * SECOND)
    assert (open_.id, open_.product, open_.change, open_.result) == (change.id, "sso", CHANGE, None)
    again = failover_end_fact(change.id, measure("+" * 30), "sso", 210 * SECOND, "ninewatch")
    (ended,) = failovers([end, change, again], 300 * SECOND)
    assert ended.result == result
    assert failovers([change], 100 * SECOND) == []
    assert failover_text(change).startswith("failover from gold to dr, between 1970-01-01T00:01:30")
    assert failover_text(end) == f"{change.id} ended: {result.reason}"


def test_unfinished_figures_are_stated_without_an_end() -> None:
    result = measure("+" * 8 + "-" * 22, 900, until=200)
    change = site_change_fact(CHANGE, "sso", 110 * SECOND, "ninewatch")
    (read,) = failovers([change, failover_end_fact(change.id, result, "sso", 1, "ninewatch")], 300 * SECOND)
    assert read.result is None  # stated before the change
    (read,) = failovers([change, failover_end_fact(change.id, result, "sso", 200 * SECOND, "ninewatch")], 300 * SECOND)
    assert read.result == result


@pytest.mark.parametrize("body", [{}, {"kind": "move"}, {"change": "x"}])
def test_facts_that_cannot_be_read_are_ignored(body: dict[str, str]) -> None:
    facts = [Fact.of(1, "x", kind, "sso", body) for kind in ("site_change", "failover_end", "drill")]
    assert failovers(facts, 10) == []
    assert {failover_text(fact) for fact in facts} <= {"", "x ended: "}


def test_figures_with_a_verdict_of_another_type_are_ignored() -> None:
    change = site_change_fact(CHANGE, "sso", 1, "ninewatch")
    end = failover_end_fact(change.id, measure("+" * 30), "sso", 2, "ninewatch")
    other = Fact.of(3, "x", end.kind, "sso", end.content() | {"met": "yes"})
    (read,) = failovers([change, other], 10)
    assert read.result is None
