"""What may be claimed: attestations in force, and the ceiling of what nobody vouches for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.readiness import Attestation, Checklist, ChecklistItem, readiness

DR = ChecklistItem("dr", "Disaster recovery", "", "", Fraction("0.9995"))
DB = ChecklistItem("db", "Database", "", "", Fraction("0.99995"))
CODE = ChecklistItem("code", "Version control", "", "", Fraction("0.99995"))
LIST = Checklist("five", "Five nines", "the page", (DB, DR, CODE))


def test_nobody_vouches_for_anything() -> None:
    """All items are unmet, and the lowest cap is the ceiling, with the item that causes it."""
    stands = readiness(LIST, [], 0)
    assert stands.unmet == (DB, DR, CODE)
    assert (stands.ceiling, stands.causes) == (Fraction("0.9995"), (DR,))
    assert stands.allows(Fraction("0.9995"))
    assert not stands.allows(Fraction("0.99951"))


def test_an_attestation_holds_until_its_end() -> None:
    """It is in force up to and not at `until`; then its item is unmet again, and says who vouched last."""
    vouched = Attestation("dr", "mona", 100, "drill of May")
    assert readiness(LIST, [vouched], 99).causes == (DB, CODE)
    late = readiness(LIST, [vouched], 100)
    assert late.ceiling == DR.cap
    assert [(s.met, s.attestation) for s in late.statuses] == [(False, None), (False, vouched), (False, None)]


def test_of_several_attestations_the_longest_counts() -> None:
    """In any order."""
    both = [Attestation("dr", "a", 50), Attestation("dr", "b", 90), Attestation("dr", "c", 70)]
    for order in (both, both[::-1]):
        assert [s.attestation.by for s in readiness(LIST, order, 80).statuses if s.attestation] == ["b"]


def test_of_several_that_end_at_once_the_first_counts() -> None:
    both = [Attestation("dr", "a", 90), Attestation("dr", "b", 90)]
    assert [s.attestation.by for s in readiness(LIST, both, 80).statuses if s.attestation] == ["a"]


def test_with_all_met_there_is_no_ceiling() -> None:
    """Readiness then says nothing against any claim."""
    stands = readiness(LIST, [Attestation(i.id, "a", 10) for i in LIST.items], 5)
    assert (stands.ceiling, stands.unmet, stands.causes) == (None, (), ())
    assert stands.allows(Fraction("0.999999"))


def test_attestations_of_unknown_items_are_found_and_meet_nothing() -> None:
    """A misspelt item is not met by accident."""
    typo = Attestation("disaster", "a", 10)
    assert LIST.unknown_attestations([typo, Attestation("dr", "a", 10)]) == (typo,)
    assert readiness(LIST, [typo], 5).unmet == (DB, DR, CODE)


def test_malformed_checklists_are_refused() -> None:
    """A cap that caps nothing, written as percent perhaps, and an id used twice."""
    for cap in (Fraction(0), Fraction(1), Fraction("99.95")):
        with pytest.raises(ValueError, match=r"99.95% is 0.9995"):
            ChecklistItem("x", "", "", "", cap)
    with pytest.raises(ValueError, match="two items dr"):
        Checklist("x", "", "", (DR, DR))
