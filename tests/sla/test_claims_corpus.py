"""Every page of the corpus is judged as its line in `expected.toml` says: no false alarm, no slip missed."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sla.claims import Kind, Verdict, audit

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).with_name("corpus")
EXPECTED = tomllib.loads((CORPUS / "expected.toml").read_text())
PAGES = sorted(path for path in CORPUS.iterdir() if path.is_file() and path.suffix != ".toml")
KINDS = sorted((CORPUS / "kinds").iterdir())
_READ_AS: dict[str, Kind] = {"html": "html", "csv": "csv", "md": "text"}


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


class Page(NamedTuple):
    """A page of a file in `corpus/kinds`: its header gives the name and the claims that a reader finds on it."""

    name: str
    text: str
    wrong: int
    holds: int
    unclear: int


def pages(path: Path) -> Iterator[Page]:
    headers = r"^=== (\S+) \| wrong=(\d+) holds=(\d+) unclear=(\d+)\n"
    _, *pieces = re.split(headers, path.read_text(), flags=re.MULTILINE)
    for name, wrong, holds, unclear, text in zip(*(pieces[i::5] for i in range(5)), strict=True):
        yield Page(name, text, int(wrong), int(holds), int(unclear))


@pytest.mark.parametrize("page", [page for path in KINDS for page in pages(path)], ids=lambda page: page.name)
def test_a_page_of_a_kind_is_judged_as_its_header_says(page: Page) -> None:
    """No false alarm, no slip missed, and as many claims that hold as a reader counts."""
    claims = audit(page.text, _READ_AS.get(page.name.rpartition(".")[2])).claims
    found = Counter(claim.verdict for claim in claims)
    assert found[Verdict.WRONG] == page.wrong, [claim for claim in claims if claim.verdict is Verdict.WRONG]
    assert (found[Verdict.RIGHT] + found[Verdict.ROUNDED], found[Verdict.UNCLEAR]) == (page.holds, page.unclear)


def test_every_page_of_a_kind_has_a_header_that_is_read() -> None:
    for path in KINDS:
        names = [page.name for page in pages(path)]
        assert len(names) == path.read_text().count("\n=== ")
        assert len(set(names)) == len(names)
