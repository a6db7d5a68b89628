"""Tests of readiness: states of items, expiry, evidence against an item, and the claim ceiling of unmet items."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sla.evidence import Evidence, EvidenceKind, attested
from sla.objective import Objective
from sla.readiness import Checklist, ChecklistItem, ItemState, readiness

DR = ChecklistItem("dr", "Disaster recovery", "", "", Fraction("0.9995"), because="there is no disaster recovery")
DB = ChecklistItem("db", "Database", "", "", Fraction("0.99995"))
CODE = ChecklistItem("code", "Version control", "", "", Fraction("0.99995"))
LIST = Checklist("five", "Five nines", "the page", (DB, DR, CODE))
FOUR_NINES = Objective(Fraction("0.9999"))
DRILLED = replace(DR, kinds=(EvidenceKind.ATTESTATION, EvidenceKind.DRILL, EvidenceKind.CHECKS), validity=100)


def drill(on: int, until: int, *, supports: bool | None, kind: EvidenceKind = EvidenceKind.DRILL) -> Evidence:
    return Evidence("dr", kind, "ninewatch", on, until, "drill", supports)


def state_of(item: ChecklistItem, at: int, *evidence: Evidence) -> tuple[ItemState, str | None]:
    """Return the state of the item and the author of the decisive evidence."""
    (status,) = readiness(Checklist("c", "C", "", (item,)), evidence, at).statuses
    return status.state, status.decisive and status.decisive.by


def test_without_evidence_all_items_are_unmet() -> None:
    """The lowest cap is the ceiling, with the item that causes it."""
    status = readiness(LIST, [], 0)
    assert status.unmet == (DB, DR, CODE)
    assert (status.ceiling, status.causes, status.next_ceiling) == (Fraction("0.9995"), (DR,), Fraction("0.99995"))
    assert status.allows(Fraction("0.9995"))
    assert not status.allows(Fraction("0.99951"))


def test_attestation_is_valid_before_its_end() -> None:
    """At `until` the item is expired, which is unmet, and its status has the expired attestation."""
    attested_item = attested("dr", "mona", 100, "drill of May")
    assert readiness(LIST, [attested_item], 99).causes == (DB, CODE)
    late = readiness(LIST, [attested_item], 100)
    assert late.ceiling == DR.cap
    assert [(s.state, s.decisive) for s in late.statuses] == [
        (ItemState.UNMET, None),
        (ItemState.EXPIRED, attested_item),
        (ItemState.UNMET, None),
    ]
    assert [late.count(state) for state in ItemState] == [0, 2, 1]


def test_attestation_is_not_valid_before_its_date() -> None:
    """So the state at an earlier instant does not change with it."""
    assert state_of(DR, 9, attested("dr", "mona", 100, on=10)) == (ItemState.UNMET, None)
    assert state_of(DR, 10, attested("dr", "mona", 100, on=10)) == (ItemState.MET, "mona")


def test_item_limits_the_validity_of_dated_evidence() -> None:
    """Evidence from the configuration may have no date; then only its own end limits it."""
    assert state_of(DRILLED, 109, attested("dr", "mona", 900, on=10))[0] is ItemState.MET
    assert state_of(DRILLED, 110, attested("dr", "mona", 900, on=10))[0] is ItemState.EXPIRED
    assert state_of(DRILLED, 899, attested("dr", "mona", 900))[0] is ItemState.MET


def test_longest_of_several_attestations_decides() -> None:
    """The order does not matter."""
    both = [attested("dr", "a", 50), attested("dr", "b", 90), attested("dr", "c", 70)]
    for order in (both, both[::-1]):
        assert state_of(DR, 80, *order) == (ItemState.MET, "b")


def test_first_of_several_attestations_with_the_same_end_decides() -> None:
    assert state_of(DR, 80, attested("dr", "a", 90), attested("dr", "b", 90)) == (ItemState.MET, "a")


def test_item_accepts_only_its_kinds_of_evidence() -> None:
    assert state_of(DR, 5, drill(1, 10, supports=True)) == (ItemState.UNMET, None)
    assert state_of(DRILLED, 5, drill(1, 10, supports=True)) == (ItemState.MET, "ninewatch")


def test_measured_evidence_against_an_item_prevails_over_attestations() -> None:
    """Until it expires, or newer evidence of its kind replaces it. Evidence of another kind does not."""
    attested_item, failed = attested("dr", "mona", 500), drill(20, 60, supports=False)
    assert state_of(DRILLED, 30, attested_item, failed) == (ItemState.UNMET, "ninewatch")
    assert state_of(DRILLED, 60, attested_item, failed) == (ItemState.MET, "mona")
    assert state_of(DRILLED, 30, failed, drill(25, 90, supports=True)) == (ItemState.MET, "ninewatch")
    checks = drill(25, 90, supports=True, kind=EvidenceKind.CHECKS)
    assert state_of(DRILLED, 30, failed, checks) == (ItemState.UNMET, "ninewatch")


def test_undecided_evidence_is_listed_and_does_not_meet_an_item() -> None:
    (status,) = readiness(Checklist("c", "C", "", (DRILLED,)), [drill(1, 9, supports=None)], 5).statuses
    assert (status.state, status.decisive, len(status.evidence)) == (ItemState.UNMET, None, 1)


def test_without_unmet_items_there_is_no_ceiling() -> None:
    """Readiness then limits no claim, and the text permits none."""
    status = readiness(LIST, [attested(i.id, "a", 10) for i in LIST.items], 5)
    assert (status.ceiling, status.unmet, status.causes, status.next_ceiling) == (None, (), (), None)
    assert status.allows(Fraction("0.999999"))
    assert status.limit_text(FOUR_NINES) == (
        "objective 99.99%; all prerequisites are met, so the checklist sets no limit"
    )


def test_limit_names_the_cause() -> None:
    """By the words of the item, or by its title."""
    assert readiness(LIST, [], 0).limit_text(FOUR_NINES) == (
        "objective 99.99%; this design can claim 99.95% at most, because there is no disaster recovery"
    )
    assert (
        readiness(LIST, [attested("dr", "a", 9)], 0)
        .limit_text(FOUR_NINES)
        .endswith('99.995% at most, because "Database" is not met and "Version control" is not met')
    )


def test_json_has_the_documented_keys() -> None:
    actual = readiness(Checklist("c", "C", "", (DR,)), [attested("dr", "Ana", 0, "May")], 0).as_json("p", FOUR_NINES)
    evidence = {
        "kind": "attestation",
        "by": "Ana",
        "on": None,
        "until": "1970-01-01T00:00:00Z",
        "detail": "May",
    }
    assert actual == {
        "product": "p",
        "objective": 0.9999,
        "ceiling": 0.9995,
        "items": [{"id": "dr", "state": "expired", "cap": 0.9995, "evidence": [evidence]}],
    }
    assert readiness(Checklist("c", "C", "", ()), [], 0).as_json("p", FOUR_NINES)["ceiling"] is None


def test_evidence_for_unknown_items_has_no_effect() -> None:
    """A misspelt item id does not meet another item."""
    assert readiness(LIST, [attested("disaster", "a", 10)], 5).unmet == (DB, DR, CODE)
    assert (LIST.find("disaster"), LIST.find("dr")) == (None, DR)


def test_invalid_checklists_are_rejected() -> None:
    """Cases: a cap above 1 (probably a percentage), and a duplicate id."""
    for cap in (Fraction(0), Fraction(1), Fraction("99.95")):
        with pytest.raises(ValueError, match=r"99.95% is 0.9995"):
            ChecklistItem("x", "", "", "", cap)
    with pytest.raises(ValueError, match="two items dr"):
        Checklist("x", "", "", (DR, DR))
