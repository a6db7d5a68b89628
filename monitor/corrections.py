"""The journal of corrections: a file of JSON lines beside the record, which is only ever added to.

`ninewatch correct` writes it, the daemon follows it. A file, because the record has one writer (the daemon's thread, by
a lock) and the server takes nothing in; a line of text can be added with or without a daemon, is read by people as it
stands, and shows under `diff` who said what. A line that cannot be read is told and skipped; it never stops the rest.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from monitor.errors import NinewatchError
from sla.correction import Correction, Fact, Revocation, standing
from sla.interval import Interval
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from sla.exclusion import Exclusion

log = structlog.get_logger()

LONGEST = 500  # characters of an author or a reason


def journal_of(record: Path) -> Path:
    """Return where the corrections of a record lie: beside it."""
    return record.with_name(record.name + ".corrections.jsonl")


@dataclass(slots=True)
class Corrections:
    """The facts that are known, and what of them stands, by product."""

    facts: Sequence[Fact] = ()
    _by_product: dict[str, list[Exclusion]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in standing(self.facts):
            self._by_product.setdefault(each.product, []).append(each.exclusion())

    def of(self, product_id: str) -> Sequence[Exclusion]:
        """Return what corrections exclude for the product."""
        return self._by_product.get(product_id, ())


class Journal:
    """The file, for reading, following and adding to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None

    def changed(self) -> bool:
        """Return whether the file differs from when it was last asked; the first time, whether there is one."""
        stamp = self._stamp()
        before, self._seen = self._seen, stamp
        return stamp != before

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def read(self) -> Corrections:
        """Return the facts of the file, in its order; none if there is no file.

        Raises:
            NinewatchError: it is there and cannot be read.
        """
        return Corrections([fact for _, fact in self.lines()])

    def lines(self) -> Iterator[tuple[int, Fact]]:
        """Yield each fact with the number of its line. A last line without its end is not written yet, and left out."""
        try:
            text = self.path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise NinewatchError(f"cannot read {self.path}: {(error.strerror or 'unreadable').lower()}") from None
        for number, line in enumerate(text.split("\n")[:-1], 1):
            if line.strip():
                try:
                    yield number, _fact(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    log.warning("correction_unreadable", file=str(self.path), line=number, error=str(error)[:200])

    def add(self, fact: Fact) -> None:
        """Add the fact and wait until it is on disk.

        Raises:
            NinewatchError: it could not be written.
        """
        line = json.dumps(as_plain(fact), ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # goes with the file when it is closed
                file.write(_mended(file.fileno(), line).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NinewatchError(f"cannot write {self.path}: {(error.strerror or 'unwritable').lower()}") from None


def _mended(descriptor: int, line: str) -> str:
    """Return the line; on a line of its own, should a crash have left the last one without an end."""
    size = os.fstat(descriptor).st_size
    torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    return "\n" + line if torn else line


def as_plain(fact: Fact) -> dict[str, str]:
    """Return the fact as a line of the journal has it: instants RFC 3339 UTC."""
    said = {"author": fact.author, "reason": fact.reason, "made": format_instant(fact.made)}
    if isinstance(fact, Revocation):
        return {"revokes": fact.correction, **said}
    start, end = format_instant(fact.interval.start), format_instant(fact.interval.end)
    return {"id": fact.id, "product": fact.product, "start": start, "end": end, **said}


def _fact(plain: Mapping[str, Any]) -> Fact:
    author, reason, made = _words(plain["author"]), _words(plain["reason"]), parse_instant(str(plain["made"]))
    if "revokes" in plain:
        return Revocation(str(plain["revokes"]), author, reason, made)
    span = Interval(parse_instant(str(plain["start"])), parse_instant(str(plain["end"])))
    fact = Correction(str(plain["product"]), span, author, reason, made)
    if plain["id"] != fact.id:
        raise ValueError(f"its id is not {fact.id}: the line was changed after it was written")
    return fact


def _words(text: Any) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"author and reason are text on one line, up to {LONGEST} characters")
    return text
