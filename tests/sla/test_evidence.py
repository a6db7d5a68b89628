"""Tests of evidence as facts: attestations, deployments, revocations, and the facts known at an instant."""

from __future__ import annotations

from sla.evidence import (
    ATTESTATION,
    DEPLOYMENT,
    EVIDENCE_REVOCATION,
    Deployment,
    Evidence,
    EvidenceKind,
    attestation_fact,
    attestations,
    attested,
    deployment_fact,
    deployments,
    known_at,
    revocation_fact,
    revocations,
)
from sla.fact import Fact
from sla.interval import DAY

DRILL = attestation_fact(
    5 * DAY, "Ana", "forms", "disaster-recovery", 9 * DAY, "drill of May", "https://wiki.example/1"
)


def test_attestation_is_read_from_its_fact() -> None:
    (actual,) = attestations([DRILL])
    assert (actual.item, actual.by, actual.on, actual.until) == ("disaster-recovery", "Ana", 5 * DAY, 9 * DAY)
    assert (actual.detail, actual.id) == ("drill of May https://wiki.example/1", DRILL.id)
    assert [actual.is_valid(at) for at in (5 * DAY - 1, 5 * DAY, 9 * DAY - 1, 9 * DAY)] == [False, True, True, False]
    assert actual.as_json() == {
        "kind": "attestation",
        "by": "Ana",
        "on": "1970-01-06T00:00:00Z",
        "until": "1970-01-10T00:00:00Z",
        "detail": "drill of May https://wiki.example/1",
    }


def test_attestation_without_a_link_has_only_the_note() -> None:
    fact = attestation_fact(0, "Ana", "forms", "dr", DAY, "drill")
    assert [attestation.detail for attestation in attestations([fact])] == ["drill"]
    assert "link" not in fact.content()


def test_attestation_without_a_date_is_valid_until_its_end() -> None:
    """Those of the configuration have no date."""
    evidence = attested("dr", "Ana", DAY)
    assert [evidence.is_valid(at) for at in (0, DAY - 1, DAY)] == [True, True, False]
    assert evidence.as_json()["on"] is None


def test_deployments_are_in_order_of_time_not_of_statement() -> None:
    late = deployment_fact(20, "ci", "forms", 3, "1.1", "https://ci.example/7")
    early = deployment_fact(30, "ci", "forms", 2, "1.0")
    assert deployments([late, DRILL, early]) == [
        Deployment(2, "1.0", "ci", "", early.id),
        Deployment(3, "1.1", "ci", "https://ci.example/7", late.id),
    ]


def test_revoked_facts_are_known_before_their_revocation() -> None:
    """So the state at an earlier instant does not change."""
    revocation = revocation_fact(7 * DAY, "Bo", "forms", DRILL.id, "the drill was another product's")
    assert known_at([DRILL, revocation], 5 * DAY - 1) == []
    assert known_at([DRILL, revocation], 7 * DAY - 1) == [DRILL]
    assert known_at([DRILL, revocation], 7 * DAY) == [revocation]
    assert revocations([DRILL, revocation]) == {DRILL.id: "the drill was another product's"}


def test_facts_of_a_newer_version_are_skipped() -> None:
    """Their bodies may have any form."""
    for body in ([], "x", {}, {"item": "dr", "until": "soon", "at": "soon"}, {"until": None, "at": None}):
        facts = [Fact.of(1, "Ana", kind, "forms", body) for kind in (ATTESTATION, DEPLOYMENT, EVIDENCE_REVOCATION)]
        assert (list(attestations(facts)), deployments(facts)) == ([], [])
        assert revocations(facts) == ({"None": ""} if isinstance(body, dict) else {})


def test_detail_of_evidence_has_its_listed_items_as_parts() -> None:
    """A page lists them; the API and reports have one text."""
    evidence = Evidence("x", EvidenceKind.DECOUPLING, "me", 0, 1, "up in 1 of 2; a; b", listed=("a", "b"))
    assert evidence.details == ("up in 1 of 2", "a", "b")
    assert attested("x", "me", 1, "a; b").details == ("a; b",)
    assert attested("x", "me", 1).details == ()
