"""Extract statements from passages: the durations that are stated as downtime of an availability."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sla.claims.availabilities import levels
from sla.claims.durations import amounts
from sla.claims.model import Amount, Level, Passed, Period, Statement, Strength
from sla.claims.other_figures import MEASURED, RECORD_HEADING, SERVICE_HOURS
from sla.claims.periods import in_label, lone_label, masked, mentions
from sla.claims.sentence import (
    Sentence,
    is_bare,
    is_linked,
    is_period_itself,
    is_restatement,
    is_something_else,
    period_of,
    split,
    unread_period,
)
from sla.claims.vocabulary import AVAILABILITY, DOWNTIME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sla.claims.page import Passage

_LEAD = 70
_REACH = 48
_QUOTED = 24
_LINE_WORDS = 16
_CARRIES = re.compile(
    r"\W*(?:that|this|it|which|or|i\.e|equivalently|in other words|monthly|yearly|annual\w*|weekly|daily|per|down-?time"
    r"|only|about|allow\w*|das|dies|cela|soit|c['’]est|esto|es decir)\b",
    re.IGNORECASE,
)
_TIED = re.compile(
    r"[^.;]{0,24}?[:=→⇒(~≈–—|-]+\W*$"
    r"|\s*(?:is|means|equals|allows|=|are|gives|permits|leaves|bedeute[nt]|entspr[ei]ch\w*|sind|ergibt|erlaub\w*|soit"
    r"|autorise|correspond|équivaut|signifie|permiten?|equivalen?|supone)\W+(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)


_GLUED = re.compile(r"(?<=[a-zà-ÿ%])(?=[A-ZÀ-Þ][a-zà-ÿ])")
"""Boundary of header cells that were joined without a space: `Annual DowntimeMonthly Downtime`."""


@dataclass(frozen=True, slots=True)
class _Context:
    """Context from earlier lines: "Downtime per year:", "99.9 % (three nines)"."""

    level: Level | None = None
    periods: tuple[Period, ...] = ()
    downtime: bool = False
    remark: str = ""

    @property
    def period(self) -> Period | None:
        """The period, if there is exactly one."""
        return self.periods[0] if len(self.periods) == 1 else None

    def over(self, outer: _Context) -> _Context:
        """Return this context with missing parts from the heading above it."""
        return _Context(
            self.level or outer.level,
            self.periods or outer.periods,
            self.downtime or outer.downtime,
            self.remark or outer.remark,
        )


def statements(passages: Sequence[Passage], group: int = 0) -> Iterator[Statement | Passed]:
    """Yield the statements of consecutive passages; they share a group.

    An availability with a duration whose meaning is uncertain is skipped, with the reason.
    """
    heading, intro = _Context(), _Context()
    for passage in passages:
        found = list(_of_passage(passage, intro.over(heading), group))
        yield from found
        if passage.heading:
            heading, intro = _context(passage), _Context()
        elif not found:
            intro = _intro(passage, intro)


def _intro(passage: Passage, before: _Context) -> _Context:
    """Return the context for the next passage, if this one has no statement.

    A lone label ("Monthly") adds its period to the availability before it.
    """
    if label := lone_label(passage.text):
        return _Context(before.level, (label,), before.downtime, before.remark)
    return _context(passage)


def _context(passage: Passage) -> _Context:
    text = _GLUED.sub(" ", passage.text)
    leads = text.rstrip().endswith((":", "="))
    if amounts(masked(text, mentions(text))) or not (passage.heading or leads or len(text) < _LEAD):
        return _Context()
    found = {level.ratio: level for level in levels(text)}
    remark = "perhaps a record, not an allowance" if passage.heading and RECORD_HEADING.search(text) else ""
    remark = "service hours may apply" if SERVICE_HOURS.search(text) else remark
    downtime = bool(DOWNTIME.search(text))
    periods = [m.period for m in mentions(text)] if downtime or leads else []
    named = passage.heading and (lone_label(text) or AVAILABILITY.search(text))
    if (downtime or named) and not periods and (label := in_label(text)):
        periods = [label]
    return _Context(next(iter(found.values())) if len(found) == 1 else None, tuple(periods), downtime, remark)


def _of_passage(passage: Passage, context: _Context, group: int) -> Iterator[Statement | Passed]:
    last: Level | None = None
    for sentence in split(passage):
        distinct = {level.ratio for level in sentence.levels}
        carried = last if _CARRIES.match(sentence.text) else None
        if carried is None and (context.periods or sentence.mentions or DOWNTIME.search(sentence.text)):
            carried = context.level
        yield from _of_sentence(sentence, carried, context, group)
        if distinct:
            last = sentence.levels[0] if len(distinct) == 1 else None


def _of_sentence(
    sentence: Sentence, carried: Level | None, context: _Context, group: int
) -> Iterator[Statement | Passed]:
    pairs = _pairs(sentence, carried)
    columns = context.periods if len(context.periods) == len(pairs) else (context.period,) * len(pairs)
    for (amount, level, others), column in zip(pairs, columns, strict=True):
        period = period_of(sentence, amount) or column
        if is_period_itself(amount, period) or is_restatement(sentence, amount, level):
            continue
        line, text = sentence.passage.line(amount.start), _quote(sentence, amount, level)
        strength = _strength(sentence, amount, level, period, mentioned=context.downtime)
        reason = _refusal(sentence, amount, level)
        if reason or strength is None:
            yield Passed(line, text, reason or "the duration is not called a downtime")
            continue
        remark = context.remark or _remark(sentence, amount, level) or _borrowed(sentence, amount, period)
        labelled = context.downtime or _is_labelled(sentence, amount)
        yield Statement(line, text, level, amount, period, strength, (group,), others, remark, labelled)


def _borrowed(sentence: Sentence, amount: Amount, period: Period | None) -> str:
    """Return why a period from a heading may not apply to a sentence, as distinct from a list item."""
    whole = period is not None and period_of(sentence, amount) is None and len(sentence.text.split()) > _LINE_WORDS
    return "the period is from the heading, and may not apply to the sentence" if whole else ""


def _refusal(sentence: Sentence, amount: Amount, level: Level) -> str:
    """Return why a duration cannot be related to its availability, empty if it can."""
    low, high = sorted((amount.start, level.start if level in sentence.levels else sentence.start))
    if any(low <= at < high for at in sentence.percentages):
        return "another percentage is between the availability and the duration"
    if word := unread_period(sentence, amount):
        return f'unknown period "{word}"'
    if is_something_else(sentence, amount, level):
        return "according to the words around it, the duration is not a downtime"
    return ""


def _is_labelled(sentence: Sentence, amount: Amount) -> bool:
    """Return whether a word for downtime is next to the duration, or no other words at all: `Quarterly: 2h 11m`."""
    floor = max((a.end for a in sentence.amounts if a.end <= amount.start), default=sentence.start)
    ceiling = min((a.start for a in sentence.amounts if a.start >= amount.end), default=sentence.end)
    before = sentence.gap(max(floor, amount.start - _REACH), amount.start).rpartition(";")[2]
    after = sentence.gap(amount.end, min(ceiling, amount.end + _REACH)).partition(";")[0]
    return bool(DOWNTIME.search(before) or DOWNTIME.search(after)) or is_bare(sentence)


def _pairs(sentence: Sentence, carried: Level | None) -> list[tuple[Amount, Level, tuple[Level, ...]]]:
    """Pair each duration with the availability before it, or after it if the sentence starts with durations.

    If the order is ambiguous (99.9 and 99.99, 8.76 h and 52.6 min), the other availabilities are returned too, and so
    is the other end of a range.
    """
    if not sentence.levels:
        return [(amount, carried, ()) for amount in sentence.amounts] if carried else []
    shape = _shape(sentence)
    found = []
    for amount in sentence.amounts:
        before = [level for level in sentence.levels if level.end <= amount.start]
        after = [level for level in sentence.levels if level.start >= amount.end]
        level = after[0] if after and (shape == "after" or not before) else (before or sentence.levels)[-1]
        others = () if shape else tuple(x for x in sentence.levels if x.ratio != level.ratio)
        end = (replace(level, ratio=level.partner),) if level.partner else ()
        found.append((amount, level, (*others, *end)))
    return found


def _shape(sentence: Sentence) -> str | None:
    """Return `before` for A D D A D, `after` for D A D A, None if consecutive availabilities may share durations."""
    marks = [(x.start, "A", x.ratio) for x in sentence.levels] + [(x.start, "D", None) for x in sentence.amounts]
    letters, last = "", None
    for _, letter, ratio in sorted(marks, key=lambda mark: mark[0]):
        if letter == "D" or ratio != last:
            letters += letter
        last = ratio or last
    if re.fullmatch(r"(?:AD+)+", letters):
        return "before"
    return "after" if re.fullmatch(r"(?:DA)+", letters) else None


def _strength(
    sentence: Sentence, amount: Amount, level: Level, period: Period | None, *, mentioned: bool
) -> Strength | None:
    """Return the strength of the link between duration and availability; None if they are merely close."""
    downtime = mentioned or bool(DOWNTIME.search(sentence.text))
    if level not in sentence.levels:
        return Strength.PLAIN if period else Strength.BARE if downtime else None
    if level.start > amount.start and not (downtime and period):
        return Strength.BARE if downtime else None  # "save 8 hours a week with our 99.9 % platform"
    around = sentence.gap(max(sentence.start, level.start - _REACH), min(sentence.end, level.end + _REACH))
    promised = bool(AVAILABILITY.search(around)) or not level.text[0].isdigit()
    between = sentence.gap(level.end, amount.start)
    tied = bool(_TIED.match(between)) or not between.strip(" ~≈")
    if period and (downtime or (promised and tied)):
        return Strength.PLAIN
    if (period and promised) or (downtime and promised):
        return Strength.FAINT
    return Strength.BARE if tied and (promised or period or downtime) else None


def _remark(sentence: Sentence, amount: Amount, level: Level) -> str:
    """Return why the duration may be right although it is not the allowed downtime, empty without a reason."""
    if level.threshold:
        return "a threshold, not a promise"
    if level in sentence.levels and level.start > amount.start and not is_linked(sentence, amount, level):
        return "the availability follows the duration, separated from it"
    return _doubt_of(sentence.text)


def _doubt_of(text: str) -> str:
    if SERVICE_HOURS.search(text):
        return "service hours may apply"
    return "perhaps a record, or an exclusion, not an allowance" if MEASURED.search(text) else ""


def _quote(sentence: Sentence, amount: Amount, level: Level) -> str:
    """Return the words from availability to duration and its period, without distant words in between."""
    end = next((m.end for m in sentence.mentions if amount.end <= m.start <= amount.end + _QUOTED), amount.end)
    if level not in sentence.levels:
        return f"{level.text} ... {sentence.gap(sentence.start, end).strip()}"
    if any(level.end <= a.start < amount.start for a in sentence.amounts):
        return f"{level.text} ... {sentence.gap(amount.start, end).strip()}"
    return sentence.gap(min(level.start, amount.start), max(level.end, end)).strip()
