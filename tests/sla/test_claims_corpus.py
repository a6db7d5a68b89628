"""Every page of the corpus is judged as its line in `expected.toml` says: no false alarm, no slip missed."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from sla.claims import Verdict, audit

CORPUS = Path(__file__).with_name("corpus")
EXPECTED = tomllib.loads((CORPUS / "expected.toml").read_text())
PAGES = sorted(path for path in CORPUS.iterdir() if path.suffix != ".toml")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_holds_as_many_right_wrong_and_unclear_claims_as_a_reader_finds(page: Path) -> None:
    found = Counter(claim.verdict for claim in audit(page.read_text()).claims)
    holding = found[Verdict.RIGHT] + found[Verdict.ROUNDED]
    expected = EXPECTED[page.name]
    assert (holding, found[Verdict.WRONG], found[Verdict.UNCLEAR]) == (
        expected.get("holds", 0),
        expected.get("wrong", 0),
        expected.get("unclear", 0),
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_is_named_after_what_is_expected_of_it(page: Path) -> None:
    """`right` pages hold throughout, `wrong` ones do not, `silent` ones claim nothing that could be wrong."""
    expected = EXPECTED[page.name]
    kind = page.name.partition("-")[0]
    assert (kind == "wrong") == (expected.get("wrong", 0) > 0)
    assert kind == "silent" or expected.get("holds", 0) + expected.get("wrong", 0) > 0


def test_every_diagnosis_of_the_wrong_pages_is_the_one_a_reader_would_give() -> None:
    found = {
        name: [c.diagnosis for c in audit((CORPUS / name).read_text()).claims if c.verdict is Verdict.WRONG]
        for name in EXPECTED
    }
    for name, expected in EXPECTED.items():
        for words in expected.get("says", []):
            assert any(words in diagnosis for diagnosis in found[name]), (name, words, found[name])


def test_no_expectation_is_left_of_a_page_that_is_gone() -> None:
    assert set(EXPECTED) == {page.name for page in PAGES}
