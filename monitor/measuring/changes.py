"""A log of state changes, or of incidents with their ends, as histories: `ninewatch measure --changes`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from monitor.errors import NinewatchError
from monitor.measuring import column_names, log_parser
from monitor.measuring.instants import instant, resolution
from monitor.measuring.log_file import BadDataError, Source
from monitor.measuring.record import Stream, Suspicious
from sla.changes import Change, Changes
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from datetime import tzinfo

    from monitor.measuring.log_parser import Columns

_STANDING = (Outcome.BAD, Outcome.GOOD, Outcome.UNKNOWN)  # of spans that overlap, the first of these stands
_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:(d)(?:ays?)?|(h)(?:(?:ou)?rs?)?|(m)(?:in(?:ute)?s?)?|(s)(?:ec(?:ond)?s?)?)\b\.?,?\s*",
    re.IGNORECASE,
)
_UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_OPEN = "0001-01-01T00:00:00Z"  # Go's zero time: an alert that has not ended


class Row(NamedTuple):
    """One row: from `at` on the state is `outcome`, until `end` where the row states it.

    `lasted` is how long the state had lasted when the log was written, 0 where the row does not state it.
    `closes` is whether the word (resolved, closed) means the end of an incident.
    """

    at: int
    outcome: Outcome
    resolution: int
    end: int | None = None
    lasted: int = 0
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """One stream of changes; `first` and `last` bound what it states, `resolution` is its coarsest instant's."""

    first: int
    last: int
    resolution: int
    history: Changes


class ChangeLog:
    """The rows of one or more logs of changes, by check and vantage."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._streams: dict[Stream, list[Row]] = {}

    def read(self, sources: Iterable[Source]) -> None:
        """Take in the files.

        Raises:
            BadDataError: a line is not a change; `file:line: what`.
        """
        for source in sources:
            first = Suspicious(source.name)
            for columns in log_parser.read(source.name, source.blocks(), changes=True):
                for number in range(len(columns.at)):
                    stream, row = self._row(columns, number, source.name)
                    first.saw(row.at, row.at, columns, number)
                    self._streams.setdefault(stream, []).append(row)
            first.judge()

    def _row(self, columns: Columns, number: int, name: str) -> tuple[Stream, Row]:
        cell = {each: column[number] for each, column in columns.cells() if column is not None}
        try:
            found = _row(cell, self._zone)
        except ValueError as error:
            raise BadDataError(name, columns.line(number), str(error)) from None
        return Stream(cell.get("check", "").strip(), cell.get("vantage", "").strip()), found

    def held(self, at: int | None, until: int | None) -> dict[Stream, Held | None]:
        """Return each stream as known at the instant `at` (None: all of it), stated to be complete up to `until`.

        A stream without a change up to `at` is None.

        Raises:
            NinewatchError: there is no change to measure.
        """
        if not self._streams:
            raise NinewatchError("there is no change of state to measure")
        return {stream: _held(self._streams[stream], at, until) for stream in sorted(self._streams)}


def _row(cell: dict[str, str], zone: tzinfo | None) -> Row:
    at, fine, word = instant(cell["at"], zone), resolution(cell["at"]), cell.get("outcome")
    closes = word is not None and column_names.closes(word)
    end = _end(cell, zone)
    if end is not None and end < at:
        raise ValueError(f'"{cell["end"].strip()}" is before "{cell["at"].strip()}": the row ends before it begins')
    lasted, unit = _lasted(cell.get("lasted", ""))
    if closes and end is None and cell.get("start"):  # an incident that is over, by its start and how long it lasted
        if not unit:
            raise ValueError(f'"{word}" is over, but neither its end nor its duration (such as 5 mins) is stated')
        end, fine = at + lasted, max(fine, unit)
    outcome = Outcome.BAD if word is None or (closes and end is not None) else column_names.change(word)
    return Row(at, outcome, fine, end, lasted, closes)


def _end(cell: dict[str, str], zone: tzinfo | None) -> int | None:
    text, word = cell.get("end", "").strip(), cell.get("outcome")
    if word is not None and column_names.opens(word):
        return None  # Alertmanager gives a firing alert the instant at which it gives up on it
    if text.lower() in column_names.WHETHER:
        if word is None:
            raise ValueError(f'"{text}" is not the instant of an end; name the column of the end, such as resolved_at')
        return None
    return None if not text or text == _OPEN or text.lower() in column_names.NO_END else instant(text, zone)


def _lasted(text: str) -> tuple[int, int]:
    """Return how long, as UptimeRobot writes it (`3 hrs, 20 mins`), and its smallest unit; 0 of what has no unit."""
    rest, total, unit = text.strip(), 0, 0
    while part := _PART.match(rest):
        unit = _UNITS[part[part.lastindex or 0].lower()]
        total += round(float(part[1]) * unit)
        rest = rest[part.end() :]
    return (0, 0) if rest else (total, unit)


def _held(found: list[Row], at: int | None, until: int | None) -> Held | None:
    known = [row for row in found if at is None or row.at <= at]
    if not known:
        return None
    last = _last(found)
    upto = last if until is None else max(last, until)
    upto = upto if at is None else min(upto, at)
    changes = [each for each in _changes(known) if each.at <= upto]
    fine = max(row.resolution for row in known)
    return Held(changes[0].at, upto, fine, Changes(changes, upto))


def _last(found: Sequence[Row]) -> int:
    """Return the last instant of which the rows state anything: a change, an end, or how long the last state lasted."""
    latest = max(found, key=lambda row: row.at)
    return max([latest.at + latest.lasted, *(row.end for row in found if row.end is not None)])


def _changes(found: list[Row]) -> list[Change]:
    """Return the rows as changes in order; of several at one instant the last in time's order stands."""
    if any(row.end is not None for row in found):
        return list(_of_spans(found))
    ordered = found if found[0].at <= found[-1].at else found[::-1]  # the newest comes first in UptimeRobot's
    return [Change(row.at, row.outcome, row.resolution) for row in sorted(ordered, key=lambda row: row.at)]


def _of_spans(found: Sequence[Row]) -> Iterator[Change]:
    """Yield the changes that spans amount to, overlapping or not.

    Between them all is good where every row is of an incident. Where rows state good times too, what no row covers is
    unknown.
    """
    spans = _spans(found)
    between = Outcome.UNKNOWN if any(row.outcome is Outcome.GOOD for row in spans) else Outcome.GOOD
    edges: dict[int, list[tuple[Outcome, int]]] = {}
    for row in spans:
        edges.setdefault(row.at, []).append((row.outcome, 1))
        if row.end is not None:
            edges.setdefault(row.end, []).append((row.outcome, -1))
    fine = max(row.resolution for row in spans)
    open_: Counter[Outcome] = Counter()
    before = None
    for at in sorted(edges):
        for outcome, step in edges[at]:
            open_[outcome] += step
        state = next((each for each in _STANDING if open_[each]), between)
        if state is not before:
            yield Change(at, state, fine)
        before = state


def _spans(found: Sequence[Row]) -> list[Row]:
    """Return the rows without those that a later row repeats with the end of the same span."""
    ended = {row.at for row in found if row.end is not None}
    return [row for row in dict.fromkeys(found) if row.end is not None or (row.at not in ended and not row.closes)]
