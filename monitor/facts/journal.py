"""The journal of facts: an append-only file of JSON lines next to the record.

Commands write the journal, and the daemon reads new lines. It is a separate file because only the daemon's thread may
write the record. A command can append a line with or without a daemon, and the text is readable and comparable. A line
that cannot be read is reported and skipped.

Earlier versions wrote corrections to a journal of their own, `<store>.corrections.jsonl`. It is also read, and never
changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from monitor.append_only_file import append_json, read_json_lines
from sla.correction import Correction, Revocation, read
from sla.fact import CORRECTION, DEFINITION, MAINTENANCE, REVOCATION, Fact, merged
from sla.interval import Interval
from sla.window import format_instant, parse_instant

MAX_TEXT_LENGTH: Final = 500  # characters of an author or a reason
LATEST_INSTANT: Final = 2**53  # microseconds: the latest instant that a record can store


class Journal:
    """The journal file, to read, follow and append. `former` is the corrections journal of earlier versions."""

    def __init__(self, path: Path, former: Path | None = None) -> None:
        self.path = path
        self._files = (path,) if former is None else (former, path)
        self._seen: tuple[tuple[int, int] | None, ...] = (None,) * len(self._files)

    @classmethod
    def of(cls, record: Path) -> Journal:
        """Return the journal of a record, a file next to it."""
        suffixes = (".journal.jsonl", ".corrections.jsonl")
        return cls(*(record.with_name(record.name + suffix) for suffix in suffixes))

    def changed(self) -> bool:
        """Return whether a file changed since the last call. On the first call, whether a file exists."""
        stamps = tuple(_stamp(file) for file in self._files)
        before, self._seen = self._seen, stamps
        return stamps != before

    def read(self) -> list[Fact]:
        """Return the facts of the journal in chronological order, without duplicates. Empty without a file.

        Raises:
            NinewatchError: an existing file cannot be read.
        """
        return merged(*(read_json_lines(file, _fact, "fact_unreadable") for file in self._files))

    def add(self, fact: Fact) -> None:
        """Append the fact and wait until it is on disk.

        Raises:
            NinewatchError: it could not be written.
        """
        append_json(self.path, as_line(fact))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def as_line(fact: Fact) -> dict[str, Any]:
    """Return the fact as the object of a journal line: the instant as RFC 3339 in UTC, the body as data."""
    return {
        "id": fact.id,
        "made": format_instant(fact.made),
        "author": fact.author,
        "kind": fact.kind,
        "product": fact.product,
        "body": fact.content(),
    }


def as_plain(statement: Correction | Revocation) -> dict[str, str]:
    """Return the object of `ninewatch corrections --json` and of journals of earlier versions."""
    source = {"author": statement.author, "reason": statement.reason, "made": format_instant(statement.made)}
    if isinstance(statement, Revocation):
        return {"revokes": statement.correction, **source}
    start, end = format_instant(statement.interval.start), format_instant(statement.interval.end)
    return {"id": statement.id, "product": statement.product, "start": start, "end": end, **source}


def _fact(data: Mapping[str, Any]) -> Fact:
    if "kind" not in data:
        return _former_fact(data)
    kind, author, product = (str(data[name]) for name in ("kind", "author", "product"))
    fact = Fact.of(parse_instant(str(data["made"])), author, kind, product, data.get("body", {}))
    known = str(data.get("id") or fact.id)
    _check_recordable(fact, known)
    if kind in (DEFINITION, MAINTENANCE) and known != fact.id:
        raise ValueError(f"its id is not {fact.id}: the line was changed after it was written")
    fact = replace(fact, id=known)
    if kind in (CORRECTION, REVOCATION):
        statement = read(fact)
        _checked_text(statement.author), _checked_text(fact.content()["reason"])
    return fact


def _check_recordable(fact: Fact, known: str) -> None:
    if not 0 <= fact.made <= LATEST_INSTANT:
        raise ValueError("made is not an instant from 1970 to 2255")
    if not all((known, fact.author.strip(), fact.kind)):
        raise ValueError("id, author and kind must not be empty")
    if not "".join((known, fact.author, fact.kind, fact.product)).isprintable():
        raise ValueError("id, author, kind and product are text on one line")


def _former_fact(data: Mapping[str, Any]) -> Fact:
    author, reason, made = (
        _checked_text(data["author"]),
        _checked_text(data["reason"]),
        parse_instant(str(data["made"])),
    )
    if "revokes" in data:
        return Revocation(str(data["revokes"]), author, reason, made).fact()
    span = Interval(parse_instant(str(data["start"])), parse_instant(str(data["end"])))
    fact = Correction(str(data["product"]), span, author, reason, made).fact()
    if data["id"] != fact.id:
        raise ValueError(f"its id is not {fact.id}: the line was changed after it was written")
    return fact


def _checked_text(text: Any) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT_LENGTH or not text.isprintable():
        raise ValueError(f"author and reason are text on one line, up to {MAX_TEXT_LENGTH} characters")
    return text
