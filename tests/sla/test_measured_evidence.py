"""Tests of measured evidence: deployments, outages of dependencies, drills and checks, with the bounds that decide."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from sla.evidence import Deployment, Evidence, EvidenceKind
from sla.interval import MINUTE, SECOND, Interval
from sla.measured_evidence import (
    VALIDITY,
    DrillOutcome,
    MonitoredCheck,
    SurvivedOutage,
    checks_evidence,
    decoupling_evidence,
    deployments_evidence,
    drill_evidence,
)
from sla.observation import Outcome
from sla.readiness import ChecklistItem, DrillShows
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

HOLD = 30 * SECOND
ITEM = ChecklistItem("item", "Item", "", "", Fraction("0.9995"), kinds=tuple(EvidenceKind))
END = 1000 * SECOND


def observed_timeline(*outages: tuple[int, int], end: int = 1000) -> Timeline:
    """Return a timeline that is probed every second up to `end`, bad in [first, last)."""
    bad = {second for first, last in outages for second in range(first, last)}
    observations = [(second * SECOND, Outcome.BAD if second in bad else Outcome.GOOD) for second in range(end + 1)]
    return Timeline.of_pairs(observations, HOLD)


def deployments_at(*seconds: int) -> list[Deployment]:
    return [Deployment(second * SECOND, f"v{second}", "ci") for second in seconds]


def one(actual: Sequence[Evidence]) -> Evidence:
    (evidence,) = actual
    return evidence


def of_deployments(history: Timeline, *seconds: int, at: int = END) -> list[Evidence]:
    return list(deployments_evidence(ITEM, deployments_at(*seconds), history, at, 3, 60 * SECOND))


def test_last_deployments_without_downtime_are_evidence() -> None:
    """The oldest one had downtime, and is not one of the last three. The newest is not over and does not count."""
    evidence = one(of_deployments(observed_timeline((110, 120)), 100, 200, 300, 400, 990))
    assert (evidence.supports, evidence.by) == (True, "ninewatch")
    assert (evidence.on, evidence.until) == (460 * SECOND, 460 * SECOND + VALIDITY)
    assert evidence.detail == "3 of the last 3 deployments without downtime"


def test_certain_downtime_after_a_deployment_is_evidence_against_it() -> None:
    evidence = one(of_deployments(observed_timeline((310, 321)), 200, 300, 400))
    assert evidence.supports is False
    assert evidence.detail == (
        "2 of the last 3 deployments without downtime; v300 on 1970-01-01T00:05:00Z: 10s to 12s of downtime"
    )


def test_possible_downtime_and_few_deployments_decide_nothing() -> None:
    """One bad probe is not certain downtime; 2 deployments are not 3; unknown time may be downtime."""
    assert one(of_deployments(observed_timeline((310, 311)), 200, 300, 400)).supports is None
    assert one(of_deployments(observed_timeline(), 200, 300)).supports is None
    assert one(of_deployments(observed_timeline(end=320), 200, 210, 300)).supports is None
    assert of_deployments(observed_timeline(), 990) == []


def test_item_sets_the_validity_of_measured_evidence() -> None:
    item = replace(ITEM, validity=MINUTE)
    evidence = one(list(deployments_evidence(item, deployments_at(100), observed_timeline(), END, 1, SECOND)))
    assert evidence.until == 101 * SECOND + MINUTE


def decoupling_of(product: Timeline, **dependencies: Timeline) -> Evidence:
    return one(list(decoupling_evidence(ITEM, product, dependencies, END)))


def test_product_that_stays_up_in_the_outages_of_all_dependencies_is_decoupled() -> None:
    """With dates and durations. An outage of less than a minute shows nothing."""
    evidence = decoupling_of(
        observed_timeline(), keycloak=observed_timeline((100, 300), (500, 510)), mail=observed_timeline((900, 2000))
    )
    assert evidence.supports is True
    assert evidence.detail == (
        "up in 2 of 2 outages of dependencies; "
        "keycloak was down for 3m 19s from 1970-01-01T00:01:40Z, the product was up; "
        "mail was down for 1m 40s from 1970-01-01T00:15:00Z, the product was up"
    )
    assert evidence.on == END


def test_dependency_without_an_outage_leaves_decoupling_undecided() -> None:
    evidence = decoupling_of(observed_timeline(), keycloak=observed_timeline((100, 300)), mail=observed_timeline())
    assert evidence.supports is None
    assert evidence.detail.endswith("; no survived outage of mail")


def test_downtime_in_the_outage_of_a_dependency_is_evidence_against_decoupling() -> None:
    """Only certain downtime; one bad probe decides nothing."""
    keycloak = observed_timeline((100, 300))
    evidence = decoupling_of(observed_timeline((150, 161)), keycloak=keycloak)
    assert evidence.supports is False
    assert "the product was down for 10s to 12s" in evidence.detail
    possible = decoupling_of(observed_timeline((150, 151)), keycloak=keycloak)
    assert possible.supports is None
    assert possible.detail.startswith("up in 0 of 1 outages of dependencies; ")


def test_without_outages_of_dependencies_there_is_no_evidence() -> None:
    assert list(decoupling_evidence(ITEM, observed_timeline(), {"keycloak": observed_timeline()}, END)) == []


def test_drill_is_evidence_for_or_against_an_item_that_accepts_its_kind() -> None:
    """A tabletop drill proves nothing. An overdue finding of any drill is evidence against the item."""
    item = replace(ITEM, drills=("failover",))
    met = DrillOutcome("d1", "failover", "Ana", 5, met=True, reason="within 15 minutes")
    late = replace(met, id="d2", overdue=("no runbook",))
    open_ = replace(met, id="d3", met=None)
    all_evidence = list(drill_evidence(item, [met, late, open_, replace(met, kind="tabletop")]))
    tabletop = replace(late, id="d4", kind="tabletop", met=None)
    assert [evidence.supports for evidence in drill_evidence(item, [tabletop])] == [False]
    assert [(evidence.id, evidence.supports, evidence.on, evidence.by) for evidence in all_evidence] == [
        ("d1", True, 5, "Ana"),
        ("d2", False, 5, "Ana"),
        ("d3", None, 5, "Ana"),
    ]
    assert [evidence.detail for evidence in all_evidence[:2]] == [
        "failover drill d1: within 15 minutes",
        "failover drill d2: within 15 minutes; overdue finding: no runbook",
    ]


@pytest.mark.parametrize(
    ("shows", "drill", "supports", "reason"),
    [
        ((), {"timed": False}, True, "within 15 minutes"),
        ((DrillShows.RECOVERY_TIME,), {"timed": True}, True, "within 15 minutes"),
        ((DrillShows.RECOVERY_TIME,), {"timed": False, "lost": 0}, None, "no RTO was stated"),
        ((DrillShows.NO_LOSS,), {"lost": 0}, True, "within 15 minutes"),
        ((DrillShows.NO_LOSS,), {"lost": None}, None, "the recovery point was not measured"),
        ((DrillShows.NO_LOSS,), {"lost": SECOND}, False, "acknowledged data were lost"),
        ((DrillShows.NO_LOSS,), {"lost": SECOND, "met": None}, False, "acknowledged data were lost"),
        ((DrillShows.NO_LOSS,), {"lost": 0, "met": False}, False, "within 15 minutes"),
        ((DrillShows.RECOVERY_TIME,), {"lost": SECOND}, True, "within 15 minutes"),
    ],
)
def test_drill_is_no_evidence_of_what_was_not_measured_in_it(
    shows: tuple[DrillShows, ...], drill: dict[str, Any], supports: bool | None, reason: str
) -> None:
    """A drill may keep a recovery time of 15 minutes, and lose the data of an hour for which nothing was promised."""
    met = replace(DrillOutcome("d1", "failover", "Ana", 5, met=True, reason="within 15 minutes"), **drill)
    (evidence,) = drill_evidence(replace(ITEM, drill_shows=shows), [met])
    assert (evidence.supports, evidence.detail) == (supports, f"failover drill d1: {reason}")


def of_checks(at: int, *checks: Timeline) -> list[Evidence]:
    names = [MonitoredCheck(f"sites/{number}", check, HOLD) for number, check in enumerate(checks)]
    return list(checks_evidence(ITEM, names, at))


def test_checks_that_are_up_are_evidence_until_their_last_observation_expires() -> None:
    evidence = one(of_checks(END, observed_timeline(), observed_timeline(end=990)))
    assert (evidence.supports, evidence.on, evidence.until) == (True, 990 * SECOND, 1020 * SECOND)
    assert evidence.detail == "sites/0 is up; sites/1 is up"


def test_checks_without_current_observations_are_expired_evidence() -> None:
    evidence = one(of_checks(1100 * SECOND, observed_timeline(), observed_timeline()))
    assert (evidence.supports, evidence.is_valid(1100 * SECOND)) == (True, False)


def test_check_that_is_down_is_evidence_against_an_item() -> None:
    """This also applies while another check of the item is unknown."""
    evidence = one(of_checks(END, observed_timeline((900, 2000)), observed_timeline(end=500)))
    assert (evidence.supports, evidence.is_valid(END)) == (False, True)
    assert evidence.detail == "sites/0 is down; sites/1 is unknown"
    expired = one(of_checks(1100 * SECOND, observed_timeline((900, 2000))))
    assert (expired.supports, expired.is_valid(1100 * SECOND)) == (None, False)


def test_check_that_was_never_observed_leaves_the_item_undecided() -> None:
    assert one(of_checks(END, observed_timeline(), Timeline(HOLD))).supports is None
    assert of_checks(END, Timeline(HOLD)) == []


def test_equal_downtime_bounds_are_printed_once() -> None:
    survived = SurvivedOutage("mail", Interval(1_500_000, 61_500_000), 5 * SECOND, 5 * SECOND)
    assert str(survived) == "mail was down for 1m from 1970-01-01T00:00:01Z, the product was down for 5s"
