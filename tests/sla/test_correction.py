"""Tests of corrections and revocations as facts."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from sla.correction import Correction, Revocation, corrections_in, read, revoked, valid_corrections
from sla.exclusion import Cause, Exclusion
from sla.fact import Fact, canonical
from sla.interval import DAY, Interval
from sla.window import parse_instant

ONE = Correction("forms", Interval(10, 20), "Ada", "account locked", 30)
OTHER = Correction("forms", Interval(15, 40), "Ben", "moved", 50)
BACK = Revocation(ONE.id, "Ada", "it was the service", 60)


def test_id_depends_on_all_fields() -> None:
    """Equal facts have equal ids. Facts that differ in any field have different ids."""
    assert ONE.id == Correction("forms", Interval(10, 20), "Ada", "account locked", 30).id
    assert len(ONE.id) == 12
    others = [
        Correction("form", Interval(10, 20), "Ada", "account locked", 30),
        Correction("forms", Interval(10, 21), "Ada", "account locked", 30),
        Correction("forms", Interval(11, 20), "Ada", "account locked", 30),
        Correction("forms", Interval(10, 20), "Adam", "account locked", 30),
        Correction("forms", Interval(10, 20), "Ada", "account locked", 31),
        BACK,
    ]
    assert len({other.id for other in others} | {ONE.id}) == 7


def test_ids_equal_those_of_earlier_versions() -> None:
    """A printed id of an earlier version must be usable to revoke the correction."""
    span = Interval(parse_instant("2026-11-29T06:12:55Z"), parse_instant("2026-11-29T06:13:15Z"))
    instant = parse_instant("2026-11-29T06:14:15.854865Z")
    assert Correction("forms", span, "Ana", "the probe's account was locked", instant).id == "a45136da0a66"


def test_correction_gives_an_exclusion_with_author_reason_and_time() -> None:
    """Its label is the id, with which it can be revoked."""
    assert ONE.exclusion() == Exclusion(ONE.interval, Cause.CORRECTION, ONE.id, "Ada", "account locked", 30)


def test_revoked_correction_is_not_valid() -> None:
    """The order and duplicates of facts do not matter. A revocation of an unknown correction has no effect."""
    facts: list[Correction | Revocation] = [ONE, OTHER, BACK, Revocation("000000000000", "Eve", "x", 1)]
    for order in permutations(facts):
        assert list(valid_corrections([*order, *order])) == [OTHER]
    assert list(valid_corrections([ONE, OTHER, ONE])) == [ONE, OTHER]


def test_earliest_revocation_is_returned() -> None:
    """The order of the facts does not matter."""
    second_revocation = Revocation(ONE.id, "Ben", "as Ada said", 70)
    assert revoked([second_revocation, BACK]) == revoked([BACK, second_revocation]) == {ONE.id: BACK}


def test_simultaneous_revocations_give_the_same_result_in_any_order() -> None:
    at_once = [Revocation(ONE.id, name, "it was the service", 60) for name in ("Ada", "Ben", "Cyd")]
    assert len({tuple(revoked(order).values()) for order in permutations(at_once)}) == 1


CORRECTION_OF_DAY = Correction("forms", Interval(DAY, DAY + 1), "Ana", "locked", 2 * DAY)


@pytest.mark.parametrize(
    "statement", [CORRECTION_OF_DAY, Revocation(CORRECTION_OF_DAY.id, "Ben", "it was us", 3 * DAY)]
)
def test_corrections_and_revocations_round_trip_through_their_facts(statement: Correction | Revocation) -> None:
    """The ids stay the same, also if a newer version adds keys to the body."""
    fact = statement.fact()
    assert (fact.id, fact.made, fact.author) == (statement.id, statement.made, statement.author)
    assert read(fact) == statement
    assert read(replace(fact, body=canonical(fact.content() | {"ticket": "RT-5"}))) == statement
    assert list(corrections_in([Fact.of(0, "Ana", "note", "forms", {}), fact])) == [statement]


def test_facts_have_kind_and_product() -> None:
    back = Revocation(CORRECTION_OF_DAY.id, "Ben", "it was us", 3 * DAY).fact()
    assert (CORRECTION_OF_DAY.fact().kind, CORRECTION_OF_DAY.fact().product) == ("correction", "forms")
    assert CORRECTION_OF_DAY.fact().content() == {
        "start": "1970-01-02T00:00:00Z",
        "end": "1970-01-02T00:00:00.000001Z",
        "reason": "locked",
    }
    assert (back.kind, back.product, back.content()) == (
        "revocation",
        "",
        {"revokes": CORRECTION_OF_DAY.id, "reason": "it was us"},
    )


@pytest.mark.parametrize(
    "change",
    [
        {"author": "Eve"},
        {"product": "css"},
        {"body": '{"start":"1970-01-02T00:00:00Z"}'},
        {"body": "[]"},
        {"kind": "revocation"},
    ],
)
def test_changed_fact_is_rejected(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"changed after it was written|lacks a part of its body"):
        read(replace(CORRECTION_OF_DAY.fact(), **change))
