"""Acknowledgements as facts."""

from __future__ import annotations

import pytest

from sla.acknowledgement import ACKNOWLEDGEMENT, Acknowledgement, Via, acknowledgements
from sla.fact import Fact


@pytest.mark.parametrize(
    "stated",
    [
        Acknowledgement(1_000, "4f0c1d2e3a4b", "Ada", Via.COMMAND, "forms", "4f0c1d2e3a4b"),
        Acknowledgement(2_000, "blind:local:7", "Bob", Via.API, author="pipeline"),
        Acknowledgement(3_000, "cert:forms/page:9", "Åsa", "a newer way", "forms"),
    ],
)
def test_an_acknowledgement_is_read_back_from_its_fact(stated: Acknowledgement) -> None:
    assert acknowledgements([stated.fact()]) == [stated]


def test_the_author_of_the_fact_is_the_person_unless_another_wrote_it() -> None:
    assert Acknowledgement(1, "k", "Ada", Via.LINK).fact().author == "Ada"
    assert Acknowledgement(1, "k", "Ada", Via.SLACK, author="slack").fact().author == "slack"


def test_acknowledgements_keep_the_order_of_the_facts_and_others_are_skipped() -> None:
    first, second = Acknowledgement(5, "b", "Ada", Via.LINK), Acknowledgement(1, "a", "Bob", Via.LINK)
    other = Fact.of(3, "Ada", "silence", "", {"key": "a"})
    assert acknowledgements([first.fact(), other, second.fact()]) == [first, second]


@pytest.mark.parametrize("body", [[], {}, {"key": ""}, {"key": 7}, {"by": "Ada"}, None])
def test_what_cannot_be_read_acknowledges_nothing(body: object) -> None:
    assert acknowledgements([Fact.of(1, "Ada", ACKNOWLEDGEMENT, "forms", body)]) == []


def test_a_fact_without_a_person_is_of_its_author() -> None:
    (found,) = acknowledgements([Fact.of(1, "Ada", ACKNOWLEDGEMENT, "forms", {"key": "k"})])
    assert (found.by, found.author, found.fact().author) == ("Ada", "", "Ada")
