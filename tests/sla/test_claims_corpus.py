"""Test the audit of each page of the corpus against `expected.toml` or the header of the page."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sla.claims import ClaimVerdict, PageFormat, audit

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).with_name("corpus")
EXPECTED = tomllib.loads((CORPUS / "expected.toml").read_text())
PAGES = sorted(path for path in CORPUS.iterdir() if path.is_file() and path.suffix != ".toml")
KINDS = sorted((CORPUS / "kinds").iterdir())
_FORMATS: dict[str, PageFormat] = {"html": "html", "csv": "csv", "md": "text"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page_has_the_expected_numbers_of_right_wrong_and_unclear_claims(page: Path) -> None:
    counts = Counter(claim.verdict for claim in audit(page.read_text()).claims)
    right = counts[ClaimVerdict.RIGHT] + counts[ClaimVerdict.ROUNDED]
    expected = EXPECTED[page.name]
    assert (right, counts[ClaimVerdict.WRONG], counts[ClaimVerdict.UNCLEAR]) == (
        expected.get("holds", 0),
        expected.get("wrong", 0),
        expected.get("unclear", 0),
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_file_name_starts_with_the_expected_result(page: Path) -> None:
    """`right` pages have no wrong claim, `wrong` pages have one, and `silent` pages need not have any claim."""
    expected = EXPECTED[page.name]
    kind = page.name.partition("-")[0]
    assert (kind == "wrong") == (expected.get("wrong", 0) > 0)
    assert kind == "silent" or expected.get("holds", 0) + expected.get("wrong", 0) > 0


def test_wrong_pages_have_the_expected_diagnoses() -> None:
    counts = {
        name: [c.diagnosis for c in audit((CORPUS / name).read_text()).claims if c.verdict is ClaimVerdict.WRONG]
        for name in EXPECTED
    }
    for name, expected in EXPECTED.items():
        for arguments in expected.get("says", []):
            assert any(arguments in diagnosis for diagnosis in counts[name]), (name, arguments, counts[name])


def test_every_expectation_has_a_page() -> None:
    assert set(EXPECTED) == {page.name for page in PAGES}


class Page(NamedTuple):
    """A page of a file in `corpus/kinds`. Its header has the name and the expected numbers of claims."""

    name: str
    text: str
    wrong: int
    holds: int
    unclear: int


def pages(path: Path) -> Iterator[Page]:
    headers = r"^=== (\S+) \| wrong=(\d+) holds=(\d+) unclear=(\d+)\n"
    _, *fields = re.split(headers, path.read_text(), flags=re.MULTILINE)
    for name, wrong, holds, unclear, text in zip(*(fields[i::5] for i in range(5)), strict=True):
        yield Page(name, text, int(wrong), int(holds), int(unclear))


@pytest.mark.parametrize("page", [page for path in KINDS for page in pages(path)], ids=lambda page: page.name)
def test_page_of_a_kind_has_the_numbers_of_claims_in_its_header(page: Page) -> None:
    claims = audit(page.text, _FORMATS.get(page.name.rpartition(".")[2])).claims
    counts = Counter(claim.verdict for claim in claims)
    assert counts[ClaimVerdict.WRONG] == page.wrong, [claim for claim in claims if claim.verdict is ClaimVerdict.WRONG]
    assert (counts[ClaimVerdict.RIGHT] + counts[ClaimVerdict.ROUNDED], counts[ClaimVerdict.UNCLEAR]) == (
        page.holds,
        page.unclear,
    )


def test_every_header_is_parsed_and_names_are_unique() -> None:
    for path in KINDS:
        names = [page.name for page in pages(path)]
        assert len(names) == path.read_text().count("\n=== ")
        assert len(set(names)) == len(names)
