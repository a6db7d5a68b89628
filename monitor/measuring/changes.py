"""Logs of state changes or incidents, for `ninewatch measure --changes`."""

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
from monitor.measuring.record import Stream, TimestampCheck
from sla.changes import Change, ChangeHistory
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from datetime import tzinfo

    from monitor.measuring.log_parser import Columns

_PRECEDENCE = (Outcome.BAD, Outcome.GOOD, Outcome.UNKNOWN)  # of overlapping spans
_DURATION_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:(d)(?:ays?)?|(h)(?:(?:ou)?rs?)?|(m)(?:in(?:ute)?s?)?|(s)(?:ec(?:ond)?s?)?)\b\.?,?\s*",
    re.IGNORECASE,
)
_UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_GO_ZERO_TIME = "0001-01-01T00:00:00Z"  # Go's zero time: an open alert


class Row(NamedTuple):
    """One row: the state is `outcome` from `at` on, until `end` if the row has one.

    `lasted` is the duration of the state when the log was written, 0 if the row has none. `closes` is True if the
    outcome (resolved, closed) means the end of an incident.
    """

    at: int
    outcome: Outcome
    resolution: int
    end: int | None = None
    lasted: int = 0
    closes: bool = False


@dataclass(frozen=True, slots=True)
class StreamChanges:
    """One stream of changes between `first` and `last`; `resolution` is that of its coarsest timestamp."""

    first: int
    last: int
    resolution: int
    history: ChangeHistory


class ChangeLog:
    """The rows of one or more logs of changes, by check and vantage."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._streams: dict[Stream, list[Row]] = {}

    def read(self, sources: Iterable[Source]) -> None:
        """Read the files.

        Raises:
            BadDataError: a line is not a change.
        """
        for source in sources:
            timestamp_check = TimestampCheck(source.name)
            for columns in log_parser.read(source.name, source.blocks(), changes=True):
                for number in range(len(columns.at)):
                    stream, row = self._row(columns, number, source.name)
                    timestamp_check.add(row.at, row.at, columns, number)
                    self._streams.setdefault(stream, []).append(row)
            timestamp_check.verify()

    def _row(self, columns: Columns, number: int, name: str) -> tuple[Stream, Row]:
        cell = {name: column[number] for name, column in columns.cells() if column is not None}
        try:
            row = _row(cell, self._zone)
        except ValueError as error:
            raise BadDataError(name, columns.line(number), str(error)) from None
        return Stream(cell.get("check", "").strip(), cell.get("vantage", "").strip()), row

    def streams_at(self, at: int | None, until: int | None) -> dict[Stream, StreamChanges | None]:
        """Return each stream as of the instant `at` (None: all rows); the log is complete up to `until`.

        The value of a stream without a change up to `at` is None.

        Raises:
            NinewatchError: the log has no changes.
        """
        if not self._streams:
            raise NinewatchError("the log has no state change to measure")
        return {stream: _stream_at(self._streams[stream], at, until) for stream in sorted(self._streams)}


def _row(cell: dict[str, str], zone: tzinfo | None) -> Row:
    at, resolution_, state_text = instant(cell["at"], zone), resolution(cell["at"]), cell.get("outcome")
    closes = state_text is not None and column_names.is_closed_state(state_text)
    end = _end(cell, zone)
    if end is not None and end < at:
        raise ValueError(
            f'"{cell["end"].strip()}" is before "{cell["at"].strip()}": the end precedes the start; correct one of them'
        )
    duration, unit = _duration(cell.get("lasted", ""))
    if closes and end is None and cell.get("start"):  # a resolved incident with start and duration
        if not unit:
            raise ValueError(
                f'"{state_text}" is resolved, but has neither an end nor a duration; add one, such as 5 mins'
            )
        end, resolution_ = at + duration, max(resolution_, unit)
    outcome = Outcome.BAD if state_text is None or (closes and end is not None) else column_names.state_of(state_text)
    return Row(at, outcome, resolution_, end, duration, closes)


def _end(cell: dict[str, str], zone: tzinfo | None) -> int | None:
    text, state_text = cell.get("end", "").strip(), cell.get("outcome")
    if state_text is not None and column_names.is_open_state(state_text):
        return None  # Alertmanager sets endsAt of a firing alert to its expiry
    if text.lower() in column_names.BOOLEANS:
        if state_text is None:
            raise ValueError(f'"{text}" is not the instant of an end; name the column of the end, such as resolved_at')
        return None
    return None if not text or text == _GO_ZERO_TIME or text.lower() in column_names.NO_END else instant(text, zone)


def _duration(text: str) -> tuple[int, int]:
    """Parse a duration as UptimeRobot writes it (`3 hrs, 20 mins`); return it and its smallest unit, or 0."""
    rest, total, unit = text.strip(), 0, 0
    while part := _DURATION_PART.match(rest):
        unit = _UNITS[part[part.lastindex or 0].lower()]
        total += round(float(part[1]) * unit)
        rest = rest[part.end() :]
    return (0, 0) if rest else (total, unit)


def _stream_at(rows: list[Row], at: int | None, until: int | None) -> StreamChanges | None:
    known = [row for row in rows if at is None or row.at <= at]
    if not known:
        return None
    last = _last_covered_instant(rows)
    end = last if until is None else max(last, until)
    end = end if at is None else min(end, at)
    changes = [change for change in _changes(known) if change.at <= end]
    resolution_ = max(row.resolution for row in known)
    return StreamChanges(changes[0].at, end, resolution_, ChangeHistory(changes, end))


def _last_covered_instant(rows: Sequence[Row]) -> int:
    """Return the last instant covered by the rows: a change, an end, or the end of the last state's duration."""
    latest = max(rows, key=lambda row: row.at)
    return max([latest.at + latest.lasted, *(row.end for row in rows if row.end is not None)])


def _changes(rows: list[Row]) -> list[Change]:
    """Return the rows as changes in order of time. The last change at an instant is used."""
    if any(row.end is not None for row in rows):
        return list(_changes_of_spans(rows))
    ordered = rows if rows[0].at <= rows[-1].at else rows[::-1]  # UptimeRobot lists the newest first
    return [Change(row.at, row.outcome, row.resolution) for row in sorted(ordered, key=lambda row: row.at)]


def _changes_of_spans(rows: Sequence[Row]) -> Iterator[Change]:
    """Yield the changes of possibly overlapping spans.

    Time between spans is good if every row is an incident, and unknown if some rows are good spans.
    """
    spans = _without_repeated_rows(rows)
    between = Outcome.UNKNOWN if any(row.outcome is Outcome.GOOD for row in spans) else Outcome.GOOD
    edges: dict[int, list[tuple[Outcome, int]]] = {}
    for row in spans:
        edges.setdefault(row.at, []).append((row.outcome, 1))
        if row.end is not None:
            edges.setdefault(row.end, []).append((row.outcome, -1))
    resolution_ = max(row.resolution for row in spans)
    open_: Counter[Outcome] = Counter()
    previous_state = None
    for at in sorted(edges):
        for outcome, step in edges[at]:
            open_[outcome] += step
        state = next((outcome for outcome in _PRECEDENCE if open_[outcome]), between)
        if state is not previous_state:
            yield Change(at, state, resolution_)
        previous_state = state


def _without_repeated_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, without rows that another row repeats with the end of the span."""
    ends = {row.at for row in rows if row.end is not None}
    return [row for row in dict.fromkeys(rows) if row.end is not None or (row.at not in ends and not row.closes)]
