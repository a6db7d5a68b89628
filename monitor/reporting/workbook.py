"""The report as a workbook: one sheet per section, figures as numbers, without formulas."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import xlsxwriter

from monitor.reporting.document import Unit, words
from monitor.reporting.text_formats import FORMULA
from sla.window import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    # The library has no type annotations.
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

    from monitor.reporting.document import Cell, Document, Part, Section, Table

# Spreadsheets round displayed numbers, while the other formats round down to three digits. So cells display five
# digits, or twelve if five digits would display 100 %. The number in the cell is exact.
_NUMBER: Final = {
    Unit.RATIO: "0.00000%",
    Unit.SECONDS: "#,##0.0",
    Unit.COUNT: "#,##0",
    Unit.NINES: "0.00",
    Unit.MONEY: "#,##0.00",
}
_NEAR_ONE: Final = "0.000000000000%"
_HEADING: Final = {Unit.SECONDS: " (s)"}
_MAX_WIDTH: Final = 60


def as_xlsx(document: Document) -> bytes:
    """Return the workbook. Its creation time is the report's instant."""
    created = (EPOCH + timedelta(microseconds=document.made)).replace(tzinfo=None)
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": document.title, "author": document.subtitle, "created": created})
        sheets = _Sheets(book)
        sheets.write_front(document)
        if document.overview is not None:
            sheets.section([("", document.overview)])
        for sections in _by_section(document.parts):
            sheets.section(sections)
        sheets.write_charts(document.parts)
    return file.getvalue()


def _by_section(parts: Iterable[Part]) -> Iterator[list[tuple[str, Section]]]:
    """Yield for each section the products with this section. The product with most sections sets the order."""
    parts = tuple(parts)
    order = max(parts, key=lambda part: len(part.sections)).sections
    grouped: dict[str, list[tuple[str, Section]]] = {section.id: [] for section in order}
    for part in parts:
        for section in part.sections:
            grouped.setdefault(section.id, []).append((part.name, section))
    yield from grouped.values()


def _titles(section: str, tables: list[Table]) -> list[str]:
    """Return the column titles of the table with the most columns. Titles of durations have their unit, seconds.

    In the sections `figures` and `proof` the columns have several units, and the row's name describes the figure.
    """
    widest = max(tables, key=lambda table: len(table.columns))
    if section in ("figures", "proof"):
        return list(widest.columns)
    units = [cell.unit for cell in widest.rows[0]]
    return [f"{title}{_HEADING.get(unit, '')}" for title, unit in zip(widest.columns, units, strict=True)]


class _Sheets:
    """Writes sections into sheets, and stores the rows of each product's days for the charts."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._bold = book.add_format({"bold": True})
        self._title = book.add_format({"bold": True, "font_size": 16, "font_color": "#013366"})
        self._head = book.add_format({"bold": True, "bottom": 2, "text_wrap": True, "valign": "top"})
        self._wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self._quoted = book.add_format({"quote_prefix": True})
        self._formats = {
            number_format: book.add_format({"num_format": number_format})
            for number_format in (*_NUMBER.values(), _NEAR_ONE)
        }
        self._days: tuple[str, list[tuple[int, int]]] | None = None

    def write_front(self, document: Document) -> None:
        """Write the first sheet: title, notices, verdicts and method."""
        sheet = self._book.add_worksheet("Report")
        sheet.set_column(0, 0, 32)
        sheet.set_column(1, 1, 100)
        sheet.write_string(0, 0, document.title, self._title)
        lines = [(document.subtitle, f"as known at {document.made_text}"), *(("Notice", n) for n in document.notices)]
        lines += [(part.name, part.headline) for part in document.parts]
        lines += [(document.closing.title, note) for note in document.closing.notes]
        for row, (name, note) in enumerate(lines, 2):
            self._write_text(sheet, row, 0, name, self._bold)
            self._write_text(sheet, row, 1, note, self._wrap)

    def section(self, sections: list[tuple[str, Section]]) -> None:
        """Write the tables of one section of all products into one sheet with one header and a filter.

        The notes follow below the table, without repetitions.
        """
        tables = [(name, section.table) for name, section in sections if section.table is not None]
        if not tables:
            return
        _, first = sections[0]
        sheet = self._book.add_worksheet(_sheet_name(first.title))
        with_names = first.id != "overview"
        titles = [*(["Product"] if with_names else []), *_titles(first.id, [table for _, table in tables])]
        for column, title in enumerate(titles):
            sheet.write_string(0, column, title, self._head)
        spans = self._rows(sheet, tables, with_names=with_names, widths=[len(title) for title in titles])
        end = spans[-1][1]
        sheet.freeze_panes(1, 2 if with_names else 1)
        sheet.autofilter(0, 0, end, len(titles) - 1)
        notes = dict.fromkeys(note for _, section in sections if section.table is not None for note in section.notes)
        for row, note in enumerate(notes, end + 2):
            self._write_text(sheet, row, 0, note)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        if first.id == "steps":
            self._days = (sheet.get_name(), spans)

    def _rows(
        self, sheet: Worksheet, tables: list[tuple[str, Table]], *, with_names: bool, widths: list[int]
    ) -> list[tuple[int, int]]:
        """Write the tables below each other. Return the first and the last row of each table."""
        row, spans = 1, []
        for name, table in tables:
            spans.append((row, row + len(table.rows) - 1))
            for cells in table.rows:
                for column, cell in enumerate((*([words(name)] if with_names else []), *cells)):
                    widths[column] = max(widths[column], self._cell(sheet, row, column, cell))
                row += 1
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(width, _MAX_WIDTH) + 2)
        return spans

    def _cell(self, sheet: Worksheet, row: int, column: int, cell: Cell) -> int:
        """Write a cell. Return the number of its characters."""
        if cell.unit.numeric and isinstance(cell.value, int | float):
            number_format = _NUMBER[cell.unit]
            if cell.unit is Unit.RATIO and 0.9999999 < cell.value < 1:
                number_format = _NEAR_ONE
            sheet.write_number(row, column, cell.value, self._formats[number_format])
        else:
            self._write_text(sheet, row, column, cell.text)
        return len(cell.text)

    def _write_text(self, sheet: Worksheet, row: int, column: int, text: str, layout: Format | None = None) -> None:
        """Write text, marked as text if a spreadsheet would read it as a formula."""
        sheet.write_string(row, column, text, self._quoted if text.startswith(FORMULA) else layout)

    def write_charts(self, parts: Iterable[Part]) -> None:
        """Write a sheet with one chart per product, whose data are the cells of the days."""
        if self._days is None:
            return
        name, spans = self._days
        sheet = self._book.add_worksheet("Charts")
        for index, (part, (first, last)) in enumerate(zip(parts, spans, strict=True)):
            chart = self._book.add_chart({"type": "line"})
            for column, colour, dash in ((2, "#013366", "solid"), (3, "#b3261e", "dash"), (4, "#52606f", "dash")):
                chart.add_series(
                    {
                        "name": [name, 0, column],
                        "categories": [name, first, 1, last, 1],
                        "values": [name, first, column, last, column],
                        "line": {"color": colour, "width": 1.5, "dash_type": dash},
                    }
                )
            chart.set_title({"name": part.name, "name_font": {"size": 12}})
            chart.set_y_axis({"max": 1, "num_format": "0.00%", "major_gridlines": {"visible": True}})
            chart.set_legend({"position": "bottom"})
            chart.set_size({"width": 900, "height": 320})
            sheet.insert_chart(index * 17, 0, chart, {"description": f"{part.chart.title}: {part.chart.text}"})


def _sheet_name(title: str) -> str:
    """Return the title without the characters that Excel forbids in names of sheets, at most 31 characters long."""
    return re.sub(r"[][:*?/\\]", "", title)[:31].strip()
