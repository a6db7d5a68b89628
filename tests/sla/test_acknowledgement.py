"""Tests of acknowledgements as facts."""

from __future__ import annotations

import pytest

from sla.acknowledgement import ACKNOWLEDGEMENT, Acknowledgement, Via, acknowledgements
from sla.fact import Fact


@pytest.mark.parametrize(
    "acknowledgement",
    [
        Acknowledgement(1_000, "4f0c1d2e3a4b", "Ada", Via.COMMAND, "forms", "4f0c1d2e3a4b"),
        Acknowledgement(2_000, "blind:local:7", "Bob", Via.API, author="pipeline"),
        Acknowledgement(3_000, "cert:forms/page:9", "Åsa", "a newer way", "forms"),
    ],
)
def test_acknowledgement_round_trips_through_its_fact(acknowledgement: Acknowledgement) -> None:
    assert acknowledgements([acknowledgement.fact()]) == [acknowledgement]
    assert acknowledgement.id == acknowledgement.fact().id


def test_fact_author_is_the_person_unless_another_author_wrote_it() -> None:
    assert Acknowledgement(1, "k", "Ada", Via.LINK).fact().author == "Ada"
    assert Acknowledgement(1, "k", "Ada", Via.SLACK, author="slack").fact().author == "slack"


def test_acknowledgements_are_in_the_order_of_the_facts_without_other_facts() -> None:
    first, second = Acknowledgement(5, "b", "Ada", Via.LINK), Acknowledgement(1, "a", "Bob", Via.LINK)
    other = Fact.of(3, "Ada", "silence", "", {"key": "a"})
    assert acknowledgements([first.fact(), other, second.fact()]) == [first, second]


@pytest.mark.parametrize("body", [[], {}, {"key": ""}, {"key": 7}, {"by": "Ada"}, None])
def test_invalid_acknowledgement_is_skipped(body: object) -> None:
    assert acknowledgements([Fact.of(1, "Ada", ACKNOWLEDGEMENT, "forms", body)]) == []


def test_person_of_a_fact_without_one_is_its_author() -> None:
    (acknowledgement,) = acknowledgements([Fact.of(1, "Ada", ACKNOWLEDGEMENT, "forms", {"key": "k"})])
    assert (acknowledgement.by, acknowledgement.author, acknowledgement.fact().author) == ("Ada", "", "Ada")
