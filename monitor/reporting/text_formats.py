"""The report as text for other programs: JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

from monitor.reporting.document import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.reporting.document import Cell, Document, Table
    from monitor.reporting.report import PortfolioReport

FORMULA = tuple("=+-@\t\r")  # first characters of formulas in spreadsheets: OWASP, "CSV injection"
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|&~$])")


def as_json(report: PortfolioReport) -> str:
    """Return the report as a JSON object."""
    return json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n"


def as_csv(document: Document) -> str:
    """Return one row per cell: product, section, number and name of the row, column, value, unit, text.

    The format is long instead of wide, so that one file contains tables with different columns. A pivot table restores
    each of them. Row 0 of a section has its notes, so that verdicts and assumptions stay with their figures. Texts that
    look like formulas start with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("product", "section", "row", "name", "column", "value", "unit", "shown"))
    for product, section in _sections(document):
        for note in map(without_formula, section.notes):
            writer.writerow((product, section.id, 0, "", "", note, "", note))
        for number, name, column, cell in _cells(section.table):
            value = without_formula(cell.value) if isinstance(cell.value, str) else cell.value
            cell_text = cell.text if cell.unit.numeric else without_formula(cell.text)
            writer.writerow(
                (product, section.id, number, without_formula(name), column, value, cell.unit.value, cell_text)
            )
    return text.getvalue()


def without_formula(text: str) -> str:
    """Return the text, with an apostrophe if a spreadsheet would read it as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _sections(document: Document) -> Iterator[tuple[str, Section]]:
    yield "", Section("report", document.title, (document.title, *document.notices, *document.closing.notes))
    if document.overview is not None:
        yield "", document.overview
    for part in document.parts:
        yield part.id, Section("verdict", part.name, (part.headline,))
        for section in part.sections:
            yield part.id, section


def _cells(table: Table | None) -> Iterator[tuple[int, str, str, Cell]]:
    for number, row in enumerate(table.rows if table else (), 1):
        for column, cell in zip(table.columns if table else (), row, strict=True):
            yield number, row[0].text, column, cell


def as_markdown(document: Document) -> str:
    """Return the report as GitHub-flavoured Markdown with escaped texts."""
    return "\n".join(_markdown(document)).rstrip("\n") + "\n"


def _markdown(document: Document) -> Iterator[str]:
    yield f"# {_plain(document.title)}\n"
    yield f"{_plain(document.subtitle)}, as known at {_plain(document.made_text)}\n"
    for notice in document.notices:
        yield f"> {_plain(notice)}\n"
    if document.overview is not None:
        yield from _section(document.overview, 2)
    for part in document.parts:
        yield f"## {_plain(part.name)}\n"
        if part.about:
            yield f"{_plain(part.about)}\n"
        yield f"**{_plain(part.headline)}**\n"
        for section in part.sections:
            yield from _section(section, 3)
    yield from _section(document.closing, 2)


def _section(section: Section, level: int) -> Iterator[str]:
    yield f"{'#' * level} {_plain(section.title)}\n"
    for note in section.notes:
        yield f"{_plain(note)}\n"
    if (table := section.table) is not None:
        yield _line(table.columns)
        yield "|" + "|".join(" ---: " if numeric else " --- " for numeric in table.numeric) + "|"
        for row in table.rows:
            yield _line(cell.text for cell in row)
        yield ""


def _line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(_plain(text) for text in texts)} |"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
