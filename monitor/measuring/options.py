"""What is asked of a record, and the answer: per check, or of all checks together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from monitor.errors import NinewatchError
from monitor.measuring.folding import Likeness, Seen
from sla.availability import UnknownPolicy
from sla.compose import Composition, Rule
from sla.interval import MICROSECOND, MINUTE, SECOND, Interval, subtract
from sla.measured import Measured, measure
from sla.observation_counts import Counts
from sla.timeline import Timeline

if TYPE_CHECKING:
    from monitor.measuring.changes import ChangeLog, Held
    from monitor.measuring.record import Record, Stream
    from sla.objective import Objective
    from sla.state_history import History
    from sla.window import Window

_INTERVAL = MINUTE  # as in the configuration, where nobody says and one observation shows no spacing
_TIMEOUT = 10 * SECOND  # as in the configuration: or the interval if that is shorter


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a stream is probed and how long an observation holds, microseconds.

    `interval` is None where neither the user nor the record says: then the configuration's default stands in for it.
    `timeout` is None where it plays no part, the hold being given. A log of changes has no pace but a `resolution`,
    that of its coarsest instant.
    """

    interval: int | None
    timeout: int | None
    hold: int
    resolution: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked. `window` is found from the instant at which it is asked and the first one of the record.

    `at` is None where nothing is left out as unknown yet. `excluded` gives the excluded time that touches an interval.
    With `counts_end` an observation at the very end of the window is counted: durations are those of the half-open
    window all the same, but the last observation of a record is one of its observations. With `doubts_samples` a stream
    that looks like a log of changes is found out.
    """

    window: Callable[[Interval], Window]
    at: int | None = None
    objective: Objective | None = None
    interval: int | None = None
    timeout: int | None = None
    hold: int | None = None
    excluded: Callable[[Interval], Iterable[Interval]] = lambda _: ()
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE
    rule: Rule = Rule()  # noqa: RUF009 - frozen
    by_check: bool = True
    counts_end: bool = False
    doubts_samples: bool = True

    def pace(self, seen: Seen) -> Pace:
        """Return what was said of the pace, and for what was not, what the observations show.

        hold = 2 x interval + timeout (measurement.md, section 2).
        """
        interval = self.interval or seen.spacing()
        if self.hold is not None:
            return Pace(interval, None, self.hold)
        assumed = interval or _INTERVAL
        timeout = min(_TIMEOUT, assumed) if self.timeout is None else self.timeout
        return Pace(interval, timeout, 2 * assumed + timeout)


@dataclass(frozen=True, slots=True)
class Member:
    """One stream as it enters the answer: between which instants something is stated of it, its states, its pace."""

    first: int
    last: int
    history: History
    pace: Pace


@dataclass(frozen=True, slots=True)
class Result:
    """The answer for one check; for all together where `check` is None. `raw` is the answer with nothing excluded."""

    check: str | None
    measured: Measured
    raw: Measured
    paces: tuple[Pace, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """All results, in the order of their checks' names, the window that they are for, and the time of the record."""

    window: Window
    record: Interval
    results: tuple[Result, ...]
    alike: tuple[Stream, ...] = ()  # measured as probes, though they look like logs of changes


def answer(record: Record, terms: Terms) -> Answer:
    """Measure the record. Empties it on the way: a stream is held only once.

    Raises:
        NinewatchError: the record is empty, the window cannot be had, the rule needs more members than there are, or a
            stream is surely a log of changes of state.
    """
    streams = record.streams()
    if not streams:
        raise NinewatchError("there is no observation to measure")
    members, alike = {}, []
    for stream in sorted(streams):
        seen = Seen.of(streams.pop(stream), terms.at)
        likeness = seen.like_changes() if terms.doubts_samples else Likeness.NONE
        if likeness is Likeness.SURE and terms.interval is None and terms.hold is None:
            raise NinewatchError(f"{changes_suspected(stream)}; {USE_CHANGES}")
        if likeness is not Likeness.NONE:
            alike.append(stream)
        members[stream] = _member(seen, terms.pace(seen))
    return replace(_answer(members, terms), alike=tuple(alike))


def _member(seen: Seen, pace: Pace) -> Member:
    ends = (int(seen.at[0]), int(seen.at[-1])) if len(seen) else (NEVER, NEVER)
    return Member(*ends, seen.timeline(pace.hold), pace)


FIXED = ("window", "the whole record")  # names of windows that do not move with time
NEVER = -1 << 63  # where a stream has no observation as of the instant asked about
USE_CHANGES = "measure changes of state with --changes, or give --samples if each row is a probe"


def changes_suspected(stream: Stream) -> str:
    """Return why the stream looks like a log of changes."""
    named = f"check {stream.check}: " if stream.check else ""
    return f"{named}this looks like a log of state changes, not of probes: its rows differ from one to the next"


def answer_changes(log: ChangeLog, terms: Terms, until: int | None) -> Answer:
    """Measure a log of changes, stated to be complete up to the instant `until`, or up to each stream's last row.

    Raises:
        NinewatchError: the log is empty, the window cannot be had, or the rule needs more members than there are.
    """
    return _answer({stream: _of_held(held) for stream, held in log.held(terms.at, until).items()}, terms)


def _of_held(held: Held | None) -> Member:
    if held is None:
        return Member(NEVER, NEVER, Timeline(0), Pace(None, None, 0, 0))
    return Member(held.first, held.last, held.history, Pace(None, None, 0, held.resolution))


def _answer(members: dict[Stream, Member], terms: Terms) -> Answer:
    span = _span(members.values(), terms.at)
    window = terms.window(span)
    return Answer(
        window, span, tuple(_result(name, each, window, terms) for name, each in _groups(members, terms.by_check))
    )


def _span(members: Iterable[Member], at: int | None) -> Interval:
    """Return the time from the first observation to the last; with `at`, up to that."""
    ends = [(each.first, each.last) for each in members if each.last > NEVER]
    last = max((last for _, last in ends), default=0) if at is None else at
    return Interval(min((first for first, _ in ends), default=last), last)


def _groups(members: dict[Stream, Member], by_check: bool) -> Iterable[tuple[str | None, list[Member]]]:
    if not by_check:
        return [(None, list(members.values()))]
    groups: dict[str | None, list[Member]] = {}
    for stream, each in members.items():
        groups.setdefault(stream.check or None, []).append(each)
    return groups.items()


def _result(check: str | None, members: Sequence[Member], window: Window, terms: Terms) -> Result:
    paces = tuple(member.pace for member in members)
    history = _history([member.history for member in members], check, terms.rule)
    intervals = [pace.interval for pace in paces]
    longest = None if None in intervals else max(each for each in intervals if each is not None)

    def measured(excluded: Sequence[Interval]) -> Measured:
        whole = window.whole if window.in_progress else None
        found = measure(
            history, window.measured, terms.objective, excluded=excluded, unknown=terms.unknown, interval=longest,
            whole=whole, rolling=window.rolling and window.name not in FIXED,
        )  # fmt: skip
        found = replace(found, sampled=all(pace.resolution is None for pace in paces))
        return _with_end(found, history, excluded) if terms.counts_end else found

    raw = measured(())
    excluded = tuple(terms.excluded(window.whole))
    return Result(check, measured(excluded) if excluded else raw, raw, paces)


def _with_end(found: Measured, history: History, excluded: Sequence[Interval]) -> Measured:
    """Return the figures with the observations at the end of the window counted, unless that instant is excluded."""
    end = Interval(found.window.end, found.window.end + MICROSECOND)
    counts = (history.counts(part) for part in subtract(end, excluded))
    return replace(found, counts=reduce(Counts.plus, counts, found.counts))


def _history(members: Sequence[History], check: str | None, rule: Rule) -> History:
    if len(members) == 1 and rule.k is None:
        return members[0]
    try:
        return Composition(rule, members, joining=True)
    except ValueError as error:
        raise NinewatchError(f"{f'check {check}: ' if check else ''}{error}; give another --rule") from error
