"""Layout and accessibility of reports."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.monitor.reporting.report_command import Page, pdf, report_output

if TYPE_CHECKING:
    from pypdf import PageObject


@pytest.mark.parametrize(("paper", "width"), [("letter", 612), ("a4", 595)])
def test_pdf_is_tagged_and_describes_its_charts(config: Path, paper: str, width: int) -> None:
    read = pdf(config, "--paper", paper)
    root: Any = read.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    kinds, texts = [], []
    waiting = [root["/StructTreeRoot"]]
    while waiting:
        node = waiting.pop().get_object()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict) and ("/S" in node or "/K" in node):
            kinds.append(node.get("/S"))
            texts.append(node.get("/Alt", ""))
            waiting += [node["/K"]] if "/K" in node else []
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure"} <= set(kinds)
    assert any("days" in text and "below the objective" in text for text in texts)
    assert int(read.pages[0].mediabox.width) == width
    assert read.metadata is not None
    assert read.metadata.creation_date is not None
    assert read.metadata.creation_date.isoformat() == "2025-11-20T12:00:00+00:00"


def test_html_has_headings_and_named_tables_and_charts(config: Path) -> None:
    page = Page(report_output(config, "html", product="all").decode())
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert all("aria-labelledby" in attributes for tag, attributes in page.tags if tag == "table")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = {a["id"] for _, a in page.tags if a.get("id")}
    charts = [a for tag, a in page.tags if tag == "svg"]
    assert len(charts) == 2
    assert all(set((a["aria-labelledby"] or "").split()) <= ids for a in charts)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "b", "i")]


def lines(page: PageObject) -> list[tuple[float, str]]:
    """Return the lines above the footer from the top, text with its height as a share of the page's."""
    actual: list[tuple[float, str]] = []

    def seen(text: str, place: list[float], *_: object) -> None:
        if text.strip():
            actual.append((place[5] / float(page.mediabox.height), text.strip()))

    page.extract_text(visitor_text=seen)
    return [(height, text) for height, text in actual if height > 0.06]


def test_pages_are_filled_and_none_ends_with_a_heading(config: Path) -> None:
    """Only an unbreakable chart or the end of the report may leave space on a page."""
    titles = re.findall("^#+ (.+)$", report_output(config, "md", product="all").decode(), re.MULTILINE)
    assert "Figures" in titles
    *full, _ = pdf(config, product="all").pages
    assert len(full) > 2
    for number, page in enumerate(full, 1):
        height, text = min(lines(page))
        assert height < 0.4, number
        assert text not in titles, number
