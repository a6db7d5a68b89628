"""Parse text, Markdown, wiki markup and CSV into passages and tables."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from sla.claims.page import Cell, Part, Passage, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Line = tuple[int, str]

_MARKER = re.compile(r"^\s*(?:[-*+•◦▪‣–·]\s+|\d{1,3}[.)]\s+|>\s*)+")
_HEADING = re.compile(r"^\s*(?:#{1,6}\s+|={2,6}\s*(?=\S)|h[1-6]\.\s+)(?P<text>.*?)(?:\s*(?:#+|=+))?\s*$")
_RULE = re.compile(r"^[\s|:+=\-─━┼╋┬┴├┤┌┐└┘╔╗╚╝═║│]+$")
_GAP = re.compile(r"\t+|\s{2,}")
_PIPES = re.compile(r"\s*(?:\|\|?|│|║|!!)\s*")
_FIGURE = re.compile(r"\s*(?:[\d~<>≥]|\w+(?: and a half)?[ -]nines)", re.IGNORECASE)
_FENCE = re.compile(r"^\s*(?:```|~~~)")
# Lengths in characters.
_MIN_WRAPPED = 50
_MAX_FIELD = 80
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_`](?=\S)|(?<=\S)[*_`](?!\w)|\[(?P<label>[^\]]*)\]\([^)]*\)|<[^<>\s][^<>]*>")


def read_text(text: str) -> list[Part]:
    """Return the parts of plain text, Markdown or wiki markup: pipe tables, tab- or space-separated columns, and prose.

    Each reader returns the number of lines that it used; 0 if the text at this line has another form.
    """
    lines = list(enumerate(text.splitlines(), 1))
    parts: list[Part] = []
    at = 0
    while at < len(lines):
        at += next(used for read in (_blank, _wiki, _pipes, _columns, _prose) if (used := read(lines, at, parts)))
    return parts


def _lines_from(lines: list[Line], at: int) -> Iterator[Line]:
    return (lines[i] for i in range(at, len(lines)))


def read_csv(text: str) -> list[Part]:
    """Return the table of comma-, semicolon- or tab-separated values. Lines that start with `#` are comments."""
    data_lines = [line for line in text.splitlines() if not line.startswith("#")]
    sample = "\n".join(data_lines[:20])
    delimiter = max(
        ",;\t|",
        key=lambda mark: (min((line.count(mark) for line in data_lines if line), default=0), sample.count(mark)),
    )
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = []
    before = 0
    for row in reader:
        rows.append([Cell(field.strip(), before + 1) for field in row])
        before = reader.line_num
    return [Table.from_rows([row for row in rows if row and not row[0].text.startswith("#")])]


def looks_like_csv(text: str) -> bool:
    """Return whether all lines have the same number of fields (2 or more) and most lines contain a number."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for mark in ",;\t":
        counts = {len(row) for row in csv.reader(lines, delimiter=mark)} if len(lines) > 1 else set()
        if (
            len(counts) == 1
            and counts.pop() > 1
            and sum(bool(re.search(r"\d", line)) for line in lines) * 2 >= len(lines)
        ):
            return not any(
                line.rstrip()[-1] in ".:!?" or max(map(len, line.split(mark))) > _MAX_FIELD for line in lines
            )
    return False


def _blank(lines: list[Line], at: int, parts: list[Part]) -> int:
    first = lines[at][1]
    return 1 if not first.strip() or _RULE.match(first) or _FENCE.match(first) else 0


def _wiki(lines: list[Line], at: int, parts: list[Part]) -> int:
    """Read a MediaWiki table: one cell per line, or several separated by `||`; `|-` starts a row."""
    if not lines[at][1].lstrip().startswith("{|"):
        return 0
    rows: list[list[Cell]] = [[]]
    used = 1
    for number, line in _lines_from(lines, at + 1):
        used += 1
        mark = line.strip()
        if mark.startswith("|}"):
            break
        if mark.startswith("|-"):
            rows.append([])
        elif mark.startswith("|+"):
            parts.append(Passage.from_lines([(number, clean(mark[2:]))], heading=True))
        elif mark[:1] in {"|", "!"}:
            rows[-1] += [Cell(clean(_attribute(field)), number) for field in re.split(r"\|\||!!", mark[1:])]
    parts.append(Table.from_rows([row for row in rows if row]))
    return used


def _attribute(field: str) -> str:
    """Remove `style="..." |` before a MediaWiki cell's text."""
    head, bar, rest = field.partition("|")
    return rest if bar and "=" in head else field


def _pipes(lines: list[Line], at: int, parts: list[Part]) -> int:
    return _read_grid(lines, at, parts, lambda line: _fields(line) if "|" in line or "│" in line or "║" in line else [])


def _fields(line: str) -> list[str]:
    fields = _PIPES.split(line.strip().strip("|│║"))
    return fields if len(fields) > 1 else []


def _columns(lines: list[Line], at: int, parts: list[Part]) -> int:
    return _read_grid(lines, at, parts, _gaps)


def _gaps(line: str) -> list[str]:
    """Split a line at tabs or at 2 or more spaces. Empty for prose, recognised by a long field."""
    fields = _GAP.split(_MARKER.sub("", line).strip())
    return fields if len(fields) > 1 and all(len(f) < _MIN_WRAPPED for f in fields) else []


def _read_grid(lines: list[Line], at: int, parts: list[Part], split: Callable[[str], list[str]]) -> int:
    """Read a table of 2 or more lines with the same number of fields, and skip horizontal rules."""
    rows: list[list[Cell]] = []
    used = 0
    for number, line in _lines_from(lines, at):
        if _RULE.match(line) and line.strip():
            used += 1
            continue
        fields = split(line)
        if not fields:
            break
        if rows and split is _gaps and len(fields) != len(rows[0]):
            return 0
        rows.append([Cell(clean(field), number) for field in fields])
        used += 1
    if len(rows) < 2 or not any(cell.text for row in rows for cell in row):
        return 0
    parts.append(Table.from_rows(rows))
    return used


def _prose(lines: list[Line], at: int, parts: list[Part]) -> int:
    number, first = lines[at]
    if heading := _HEADING.match(first):
        parts.append(Passage.from_lines([(number, clean(heading["text"]))], heading=True))
        return 1
    joined = [(number, clean(first))]
    for number, line in _lines_from(lines, at + 1):
        if not _is_continuation(joined[-1][1], line):
            break
        joined.append((number, clean(line)))
    parts.append(Passage.from_lines(joined))
    return len(joined)


def _is_continuation(before: str, line: str) -> bool:
    """Return whether a line continues the previous line of a wrapped paragraph. A list item does not."""
    if not line.strip() or _MARKER.match(line) or _HEADING.match(line) or _RULE.match(line) or "|" in line:
        return False
    if "%" in before and _FIGURE.match(line):
        return False
    return (len(before) >= _MIN_WRAPPED and not before.rstrip().endswith((":", ".", "!", "?"))) or line.strip()[
        0
    ].islower()


def clean(text: str) -> str:
    """Return the text without list markers, emphasis, link targets, tags and escapes."""
    bare = _EMPHASIS.sub(lambda m: m["label"] or "", _MARKER.sub("", text))
    return re.sub(
        r"\s+", " ", bare.replace("\\%", "%").replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">")
    ).strip()


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets [start, end) of each sentence. Abbreviations and decimal points do not end a sentence."""
    start = 0
    for match in re.finditer(
        r"(?<!\bapprox)(?<!\bmin)(?<!\bmax)(?<!\bhrs)(?<!\be\.g)(?<!\bi\.e)(?<!\bca)(?<!\bvs)[.!?](?=\s+[^a-z\s])\s+|。",
        text,
    ):
        yield start, match.end()
        start = match.end()
    if start < len(text):
        yield start, len(text)
