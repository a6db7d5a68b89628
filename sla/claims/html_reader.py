"""Parse HTML into passages and tables."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from sla.claims.page import Cell, Part, Passage, Table

_BLOCKS = frozenset(
    {
        *(
            "p",
            "div",
            "li",
            "dt",
            "dd",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "section",
            "article",
            "header",
            "footer",
            "br",
        ),
        *(
            "blockquote",
            "pre",
            "hr",
            "ul",
            "ol",
            "dl",
            "tr",
            "caption",
            "figcaption",
            "table",
            "body",
            "title",
            "td",
            "th",
        ),
    }
)
_SKIPPED_TAGS = frozenset({"script", "style", "template", "svg", "head"})
_MARKUP = "!doctype|html|head|body|table|tr|td|th|p|ul|ol|li|div|h[1-6]|dl|dt|section|article"
_TAG = re.compile(rf"<(?:{_MARKUP})\b[^>]*>", re.IGNORECASE)
_MAX_SPAN = 50  # columns or rows; limits the memory for a page with a huge value
_FIRST_TAG = re.compile(rf"\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?:{_MARKUP})\b", re.IGNORECASE | re.DOTALL)


def looks_like_html(text: str) -> bool:
    """Return whether the text is an HTML page rather than Markdown with some tags."""
    return bool(_FIRST_TAG.match(text)) and len(_TAG.findall(text)) > 1


def read_html(text: str) -> list[Part]:
    """Return the parts of an HTML page in reading order, without scripts and styles."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.flush()
    return reader.parts


class _Reader(HTMLParser):
    """Collect text into blocks, cells and rows. A cell that spans columns or rows is repeated in each of them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[Part] = []
        self._buffer: list[tuple[int, str]] = []
        self._skipped_depth = 0
        self._heading = False
        self._rows: list[list[Cell]] | None = None
        self._cell: tuple[int, int] | None = None
        self._row_spans: dict[int, tuple[int, Cell]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped_depth += tag in _SKIPPED_TAGS
        if tag in {"td", "th"}:
            self._end_cell()
            self.flush()
            attributes = dict(attrs)
            self._cell = (_span(attributes.get("colspan")), _span(attributes.get("rowspan")))
        elif tag == "tr" and self._rows is not None:
            self._end_cell()
            self._end_row()
            self._rows.append([])
        elif self._cell is not None and tag != "table":
            self._append_space(tag)
        elif tag in _BLOCKS:
            self.flush()
            self._heading = (tag[0] == "h" and tag[1:].isdigit()) or tag in {"caption", "dt"}
        if tag == "table":
            self._rows, self._cell, self._row_spans = [], None, {}

    def handle_endtag(self, tag: str) -> None:
        self._skipped_depth -= tag in _SKIPPED_TAGS and self._skipped_depth > 0
        if tag in {"td", "th", "tr"}:
            self._end_cell()
        elif tag == "table" and self._rows is not None:
            self._end_cell()
            self._end_row()
            self.parts.append(Table.from_rows([row for row in self._rows if row]))
            self._rows = None
        elif self._cell is None and tag in _BLOCKS:
            self.flush()

    def handle_data(self, data: str) -> None:
        if self._skipped_depth:
            return
        first = self.getpos()[0]
        for offset, piece in enumerate(data.split("\n")):
            if text := re.sub(r"\s+", " ", piece):
                self._buffer.append((first + offset, text))

    def flush(self) -> None:
        """End the current passage."""
        starts: list[tuple[int, int]] = []
        text = ""
        for line, piece in self._buffer:
            if starts and starts[-1][1] != line and not text.endswith(" "):
                text += " "
            starts.append((len(text), line))
            text += piece.lstrip() if not text or text.endswith(" ") else piece
        if text.strip():
            self.parts.append(Passage(text, tuple(starts), self._heading))
        self._buffer, self._heading = [], False

    def _append_space(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._buffer.append((self.getpos()[0], " "))

    def _end_cell(self) -> None:
        if self._cell is None or self._rows is None:
            return
        column_span, row_span = self._cell
        line = next((number for number, text in self._buffer if text.strip()), self.getpos()[0])
        cell = Cell(re.sub(r"\s+", " ", "".join(text for _, text in self._buffer)).strip(), line)
        self._buffer, self._cell = [], None
        self._rows = self._rows or [[]]
        row = self._rows[-1]
        for _ in range(column_span):
            self._append_spanning_cells(row)
            if row_span > 1:
                self._row_spans[len(row)] = (row_span, cell)
            row.append(cell)

    def _append_spanning_cells(self, row: list[Cell]) -> None:
        while len(row) in self._row_spans:
            remaining_rows, cell = self._row_spans[len(row)]
            row.append(cell)
            if remaining_rows <= 2:
                del self._row_spans[len(row) - 1]
            else:
                self._row_spans[len(row) - 1] = (remaining_rows - 1, cell)

    def _end_row(self) -> None:
        if self._rows and self._rows[-1]:
            self._append_spanning_cells(self._rows[-1])


def _span(value: str | None) -> int:
    return min(int(value), _MAX_SPAN) if value and value.isdigit() and int(value) else 1
