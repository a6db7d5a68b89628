"""Tests of stages: allowed objectives and clients, and violations of these limits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sla.objective import Objective
from sla.stage import Risk, Stage, StagePolicy, StageTerms, Violation, ViolationKind, violations


def _terms(stage: Stage, highest: str | None, clients: Risk) -> StageTerms:
    return StageTerms(stage, None if highest is None else Objective.parse(highest), clients, f"as {stage} is")


POLICY = StagePolicy(
    "p",
    "A policy",
    "us",
    (
        _terms(Stage.IDEA, None, Risk.NONE),
        _terms(Stage.PROOF_OF_CONCEPT, "99%", Risk.NONE),
        _terms(Stage.PILOT, "99.5%", Risk.LOW),
        _terms(Stage.PRODUCTION, "99.95%", Risk.LOW),
        _terms(Stage.ENTERPRISE, "99.999%", Risk.HIGH),
    ),
)


def violation_texts(
    objective: str, stage: Stage | None, clients: Risk = Risk.NONE, ceiling: str | None = None
) -> dict[str, str]:
    actual = violations(
        Objective.parse(objective), stage, POLICY, clients, None if ceiling is None else Fraction(ceiling) / 100
    )
    return {violation.kind.value: violation.text for violation in actual}


def test_five_nines_for_a_pilot_are_a_violation() -> None:
    """The text contains the stage, the highest objective and the reason."""
    assert violation_texts("five nines", Stage.PILOT) == {
        "stage": "99.999% for a pilot: at most 99.5% may be promised (as pilot is)"
    }


@pytest.mark.parametrize("stage", list(Stage)[1:])
def test_objective_above_the_highest_of_the_stage_is_a_violation(stage: Stage) -> None:
    highest = POLICY.terms_for(stage).max_objective
    assert highest is not None
    assert violations(highest, stage, POLICY, Risk.NONE, None) == ()
    options = Objective(highest.ratio + (1 - highest.ratio) / 10**6)
    (violation,) = violations(options, stage, POLICY, Risk.NONE, None)
    assert violation.kind is ViolationKind.STAGE


def test_idea_may_not_promise_an_objective() -> None:
    assert violation_texts("1%", Stage.IDEA) == {"stage": "1% for an idea: no objective may be promised (as idea is)"}


@pytest.mark.parametrize(
    ("stage", "fits"),
    [
        (Stage.PROOF_OF_CONCEPT, {Risk.NONE}),
        (Stage.PILOT, {Risk.NONE, Risk.LOW}),
        (Stage.PRODUCTION, {Risk.NONE, Risk.LOW}),
        (Stage.ENTERPRISE, set(Risk)),
    ],
)
def test_stage_allows_clients_up_to_its_risk(stage: Stage, fits: set[Risk]) -> None:
    assert {risk for risk in Risk if not violation_texts("90%", stage, risk)} == fits


def test_client_violation_contains_the_required_stage() -> None:
    clients = violation_texts("99%", Stage.PILOT, Risk.HIGH)["clients"]
    assert clients == "high-risk clients depend on a pilot: they need an enterprise product"
    timid = replace(POLICY, terms=tuple(replace(term, max_client_risk=Risk.NONE) for term in POLICY.terms))
    (only,) = violations(Objective.parse("99%"), Stage.PILOT, timid, Risk.LOW, None)
    assert only.text.endswith("no stage allows them")


def test_objective_above_the_claim_ceiling_is_a_violation() -> None:
    """This also applies to a product without a stage."""
    assert not violation_texts("99.95%", None, Risk.HIGH, "99.95")
    assert violation_texts("99.99%", None, ceiling="99.95") == {
        "ceiling": "99.99% is above the claim ceiling of 99.95%: meet the unmet prerequisites, or promise 99.95%"
    }


def test_all_violations_are_reported() -> None:
    assert list(violation_texts("99.999%", Stage.PRODUCTION, Risk.HIGH, "99.995")) == ["stage", "clients", "ceiling"]


def test_policy_must_have_terms_for_every_stage_once() -> None:
    with pytest.raises(ValueError, match="has 0 sets of limits for enterprise"):
        replace(POLICY, terms=POLICY.terms[:-1])
    with pytest.raises(ValueError, match="has 2 sets of limits for idea"):
        replace(POLICY, terms=(*POLICY.terms, POLICY.terms[0]))


@pytest.mark.parametrize(
    "less", [_terms(Stage.PRODUCTION, "99%", Risk.LOW), _terms(Stage.PRODUCTION, "99.95%", Risk.NONE)]
)
def test_later_stage_must_not_promise_less(less: StageTerms) -> None:
    terms = tuple(less if term.stage is less.stage else term for term in POLICY.terms)
    with pytest.raises(ValueError, match="limits of production are lower than those of the earlier pilot"):
        replace(POLICY, terms=terms)


def test_order_of_terms_does_not_matter() -> None:
    mixed = replace(POLICY, terms=POLICY.terms[::-1])
    assert all(mixed.terms_for(stage) == POLICY.terms_for(stage) for stage in Stage)


def test_highest_risk_without_clients_is_none() -> None:
    assert Risk.highest([]) is Risk.NONE
    assert Risk.highest([Risk.LOW, Risk.HIGH, Risk.NONE]).config_name == "high"


def test_json_of_a_violation_has_kind_and_text() -> None:
    assert Violation(ViolationKind.CEILING, "lower the objective").as_json() == {
        "about": "ceiling",
        "text": "lower the objective",
    }
