"""Tests of readiness: valid attestations, and the claim ceiling of unmet items."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.readiness import Attestation, Checklist, ChecklistItem, readiness

DR = ChecklistItem("dr", "Disaster recovery", "", "", Fraction("0.9995"))
DB = ChecklistItem("db", "Database", "", "", Fraction("0.99995"))
CODE = ChecklistItem("code", "Version control", "", "", Fraction("0.99995"))
LIST = Checklist("five", "Five nines", "the page", (DB, DR, CODE))


def test_without_attestations_all_items_are_unmet() -> None:
    """The lowest cap is the ceiling, with the item that causes it."""
    stands = readiness(LIST, [], 0)
    assert stands.unmet == (DB, DR, CODE)
    assert (stands.ceiling, stands.causes) == (Fraction("0.9995"), (DR,))
    assert stands.allows(Fraction("0.9995"))
    assert not stands.allows(Fraction("0.99951"))


def test_attestation_is_valid_before_its_end() -> None:
    """At `until` the item is unmet again, and its status has the expired attestation."""
    vouched = Attestation("dr", "mona", 100, "drill of May")
    assert readiness(LIST, [vouched], 99).causes == (DB, CODE)
    late = readiness(LIST, [vouched], 100)
    assert late.ceiling == DR.cap
    assert [(s.met, s.attestation) for s in late.statuses] == [(False, None), (False, vouched), (False, None)]


def test_longest_of_several_attestations_counts() -> None:
    """The order does not matter."""
    both = [Attestation("dr", "a", 50), Attestation("dr", "b", 90), Attestation("dr", "c", 70)]
    for order in (both, both[::-1]):
        assert [s.attestation.by for s in readiness(LIST, order, 80).statuses if s.attestation] == ["b"]


def test_first_of_several_attestations_with_the_same_end_counts() -> None:
    both = [Attestation("dr", "a", 90), Attestation("dr", "b", 90)]
    assert [s.attestation.by for s in readiness(LIST, both, 80).statuses if s.attestation] == ["a"]


def test_without_unmet_items_there_is_no_ceiling() -> None:
    """Readiness then allows any claim."""
    stands = readiness(LIST, [Attestation(i.id, "a", 10) for i in LIST.items], 5)
    assert (stands.ceiling, stands.unmet, stands.causes) == (None, (), ())
    assert stands.allows(Fraction("0.999999"))


def test_attestations_of_unknown_items_have_no_effect() -> None:
    """A misspelt item id does not meet another item."""
    typo = Attestation("disaster", "a", 10)
    assert LIST.unknown_attestations([typo, Attestation("dr", "a", 10)]) == (typo,)
    assert readiness(LIST, [typo], 5).unmet == (DB, DR, CODE)


def test_invalid_checklists_are_rejected() -> None:
    """Cases: a cap above 1 (probably a percentage), and a duplicate id."""
    for cap in (Fraction(0), Fraction(1), Fraction("99.95")):
        with pytest.raises(ValueError, match=r"99.95% is 0.9995"):
            ChecklistItem("x", "", "", "", cap)
    with pytest.raises(ValueError, match="two items dr"):
        Checklist("x", "", "", (DR, DR))
