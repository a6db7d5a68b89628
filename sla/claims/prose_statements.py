"""Extract statements from passages: durations stated as the downtime that an availability allows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sla.claims.availabilities import find_levels
from sla.claims.durations import find_durations
from sla.claims.model import AvailabilityLevel, LinkStrength, Period, PrintedDuration, SkippedFigure, Statement
from sla.claims.other_figures import MEASURED, RECORD_HEADING, SERVICE_HOURS
from sla.claims.periods import find_period_mentions, mask_periods, period_in_label, sole_period
from sla.claims.sentence import (
    Sentence,
    has_only_figures,
    is_linked,
    is_other_duration,
    is_period_length,
    is_restatement,
    period_of,
    split,
    unknown_period,
)
from sla.claims.vocabulary import AVAILABILITY, DOWNTIME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sla.claims.page import Passage

# Lengths in characters.
_MAX_INTRO = 70
_MAX_CONTEXT = 48
_MAX_PERIOD_DISTANCE = 24
_MAX_LABEL_WORDS = 16
_CONTINUATION = re.compile(
    r"\W*(?:that|this|it|which|or|i\.e|equivalently|in other words|monthly|yearly|annual\w*|weekly|daily|per|down-?time"
    r"|only|about|allow\w*|das|dies|cela|soit|c['’]est|esto|es decir)\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"[^.;]{0,24}?[:=→⇒(~≈–—|-]+\W*$"
    r"|\s*(?:is|means|equals|allows|=|are|gives|permits|leaves|bedeute[nt]|entspr[ei]ch\w*|sind|ergibt|erlaub\w*|soit"
    r"|autorise|correspond|équivaut|signifie|permiten?|equivalen?|supone)\W+(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)


# Boundary of header cells that were joined without a space: `Annual DowntimeMonthly Downtime`
_MISSING_SPACE = re.compile(r"(?<=[a-zà-ÿ%])(?=[A-ZÀ-Þ][a-zà-ÿ])")


@dataclass(frozen=True, slots=True)
class _Context:
    """Availability, period and remark from earlier lines: "Downtime per year:", "99.9 % (three nines)"."""

    level: AvailabilityLevel | None = None
    periods: tuple[Period, ...] = ()
    downtime: bool = False
    remark: str = ""

    @property
    def period(self) -> Period | None:
        """The period, if there is exactly one."""
        return self.periods[0] if len(self.periods) == 1 else None

    def within(self, outer: _Context) -> _Context:
        """Return this context with missing parts taken from `outer`, the context of the heading above."""
        return _Context(
            self.level or outer.level,
            self.periods or outer.periods,
            self.downtime or outer.downtime,
            self.remark or outer.remark,
        )


def statements(passages: Sequence[Passage], group: int = 0) -> Iterator[Statement | SkippedFigure]:
    """Yield the statements of consecutive passages, which form one group.

    If it is unclear what a duration means, yield a `SkippedFigure` with the reason.
    """
    heading, intro = _Context(), _Context()
    for passage in passages:
        passage_statements = list(_passage_statements(passage, intro.within(heading), group))
        yield from passage_statements
        if passage.heading:
            heading, intro = _context(passage), _Context()
        elif not passage_statements:
            intro = _intro(passage, intro)


def _intro(passage: Passage, previous: _Context) -> _Context:
    """Return the context for the next passage, if this one has no statement.

    A passage that is only a label ("Monthly") adds its period to the availability of the previous passage.
    """
    if label := sole_period(passage.text):
        downtime = previous.downtime or bool(DOWNTIME.search(passage.text))
        return _Context(previous.level, (label,), downtime, previous.remark)
    return _context(passage)


def _context(passage: Passage) -> _Context:
    text = _MISSING_SPACE.sub(" ", passage.text)
    introduces_next = text.rstrip().endswith((":", "="))
    if find_durations(mask_periods(text, find_period_mentions(text))) or not (
        passage.heading or introduces_next or len(text) < _MAX_INTRO
    ):
        return _Context()
    levels = {level.ratio: level for level in find_levels(text)}
    remark = (
        "possibly measured downtime, not the allowed downtime"
        if passage.heading and RECORD_HEADING.search(text)
        else ""
    )
    remark = "service hours may apply" if SERVICE_HOURS.search(text) else remark
    downtime = bool(DOWNTIME.search(text))
    periods = [m.period for m in find_period_mentions(text)] if downtime or introduces_next else []
    names_subject = passage.heading and (sole_period(text) or AVAILABILITY.search(text))
    if (downtime or names_subject) and not periods and (label := period_in_label(text)):
        periods = [label]
    return _Context(next(iter(levels.values())) if len(levels) == 1 else None, tuple(periods), downtime, remark)


def _passage_statements(passage: Passage, context: _Context, group: int) -> Iterator[Statement | SkippedFigure]:
    last: AvailabilityLevel | None = None
    for sentence in split(passage):
        distinct = {level.ratio for level in sentence.levels}
        previous_level = last if _CONTINUATION.match(sentence.text) else None
        if previous_level is None and (context.periods or sentence.mentions or DOWNTIME.search(sentence.text)):
            previous_level = context.level
        yield from _sentence_statements(sentence, previous_level, context, group)
        if distinct:
            last = sentence.levels[0] if len(distinct) == 1 else None


def _sentence_statements(
    sentence: Sentence, previous_level: AvailabilityLevel | None, context: _Context, group: int
) -> Iterator[Statement | SkippedFigure]:
    pairs = _pairs(sentence, previous_level)
    columns = context.periods if len(context.periods) == len(pairs) else (context.period,) * len(pairs)
    for (duration, level, other_levels), column in zip(pairs, columns, strict=True):
        period = period_of(sentence, duration) or column
        if is_period_length(duration, period) or is_restatement(sentence, duration, level):
            continue
        line, text = sentence.passage.line(duration.start), _quote(sentence, duration, level)
        strength = _strength(sentence, duration, level, period, mentions_downtime=context.downtime)
        reason = _skip_reason(sentence, duration, level)
        if reason or strength is None:
            yield SkippedFigure(line, text, reason or "the duration is not called a downtime")
            continue
        remark = (
            context.remark or _remark(sentence, duration, level) or _heading_period_remark(sentence, duration, period)
        )
        has_label = context.downtime or _has_downtime_label(sentence, duration)
        yield Statement(line, text, level, duration, period, strength, (group,), other_levels, remark, has_label)


def _heading_period_remark(sentence: Sentence, duration: PrintedDuration, period: Period | None) -> str:
    """Return a remark if a long sentence takes its period from the heading; empty otherwise."""
    is_long = (
        period is not None and period_of(sentence, duration) is None and len(sentence.text.split()) > _MAX_LABEL_WORDS
    )
    return "the period is from the heading, and may not apply to the sentence" if is_long else ""


def _skip_reason(sentence: Sentence, duration: PrintedDuration, level: AvailabilityLevel) -> str:
    """Return why a duration cannot be related to its availability. Empty if it can."""
    low, high = sorted((duration.start, level.start if level in sentence.levels else sentence.start))
    if any(low <= at < high for at in sentence.percentages):
        return "another percentage is between the availability and the duration"
    if word := unknown_period(sentence, duration):
        return f'unknown period "{word}"'
    if is_other_duration(sentence, duration, level):
        return "the words around the duration indicate that it is not a downtime"
    return ""


def _has_downtime_label(sentence: Sentence, duration: PrintedDuration) -> bool:
    """Return whether a word for downtime is next to the duration, or the sentence has no other words."""
    search_start = max((a.end for a in sentence.durations if a.end <= duration.start), default=sentence.start)
    search_end = min((a.start for a in sentence.durations if a.start >= duration.end), default=sentence.end)
    before = sentence.gap(max(search_start, duration.start - _MAX_CONTEXT), duration.start).rpartition(";")[2]
    after = sentence.gap(duration.end, min(search_end, duration.end + _MAX_CONTEXT)).partition(";")[0]
    return bool(DOWNTIME.search(before) or DOWNTIME.search(after)) or has_only_figures(sentence)


def _pairs(
    sentence: Sentence, previous_level: AvailabilityLevel | None
) -> list[tuple[PrintedDuration, AvailabilityLevel, tuple[AvailabilityLevel, ...]]]:
    """Pair each duration with the availability before it, or after it if the sentence starts with durations.

    If the order is ambiguous (99.9 and 99.99, 8.76 h and 52.6 min), the other availabilities are returned too, also
    the other end of a range.
    """
    if not sentence.levels:
        return [(duration, previous_level, ()) for duration in sentence.durations] if previous_level else []
    position = _availability_position(sentence)
    pairs = []
    for duration in sentence.durations:
        before = [level for level in sentence.levels if level.end <= duration.start]
        after = [level for level in sentence.levels if level.start >= duration.end]
        level = after[0] if after and (position == "after" or not before) else (before or sentence.levels)[-1]
        other_levels = () if position else tuple(x for x in sentence.levels if x.ratio != level.ratio)
        end = (replace(level, ratio=level.other_end),) if level.other_end else ()
        pairs.append((duration, level, (*other_levels, *end)))
    return pairs


def _availability_position(sentence: Sentence) -> str | None:
    """Return where the availability (A) of each duration (D) is: `before` for ADDAD, `after` for DADA, else None."""
    marks = [(x.start, "A", x.ratio) for x in sentence.levels] + [(x.start, "D", None) for x in sentence.durations]
    letters, last = "", None
    for _, letter, ratio in sorted(marks, key=lambda mark: mark[0]):
        if letter == "D" or ratio != last:
            letters += letter
        last = ratio or last
    if re.fullmatch(r"(?:AD+)+", letters):
        return "before"
    return "after" if re.fullmatch(r"(?:DA)+", letters) else None


def _strength(
    sentence: Sentence,
    duration: PrintedDuration,
    level: AvailabilityLevel,
    period: Period | None,
    *,
    mentions_downtime: bool,
) -> LinkStrength | None:
    """Return how the text relates the duration to the availability. None if it does not relate them."""
    downtime = mentions_downtime or bool(DOWNTIME.search(sentence.text))
    if level not in sentence.levels:
        return LinkStrength.EXPLICIT if period else LinkStrength.ADJACENT if downtime else None
    if level.start > duration.start and not (downtime and period):
        return LinkStrength.ADJACENT if downtime else None  # "save 8 hours a week with our 99.9 % platform"
    around = sentence.gap(max(sentence.start, level.start - _MAX_CONTEXT), min(sentence.end, level.end + _MAX_CONTEXT))
    is_availability = bool(AVAILABILITY.search(around)) or not level.text[0].isdigit()
    between = sentence.gap(level.end, duration.start)
    linked = bool(_LINK.match(between)) or not between.strip(" ~≈")
    if period and (downtime or (is_availability and linked)):
        return LinkStrength.EXPLICIT
    if (period and is_availability) or (downtime and is_availability):
        return LinkStrength.IMPLIED
    return LinkStrength.ADJACENT if linked and (is_availability or period or downtime) else None


def _remark(sentence: Sentence, duration: PrintedDuration, level: AvailabilityLevel) -> str:
    """Return why a duration other than the allowed downtime may still be right; empty without a reason."""
    if level.is_threshold:
        return "a threshold, not a promise"
    if level in sentence.levels and level.start > duration.start and not is_linked(sentence, duration, level):
        return "the availability comes after the duration, with other words between them"
    return _remark_on_text(sentence.text)


def _remark_on_text(text: str) -> str:
    if SERVICE_HOURS.search(text):
        return "service hours may apply"
    return "possibly measured or excluded downtime, not the allowed downtime" if MEASURED.search(text) else ""


def _quote(sentence: Sentence, duration: PrintedDuration, level: AvailabilityLevel) -> str:
    """Return the text from the availability to the duration and its period, with a long distance shortened to `...`."""
    end = next(
        (m.end for m in sentence.mentions if duration.end <= m.start <= duration.end + _MAX_PERIOD_DISTANCE),
        duration.end,
    )
    if level not in sentence.levels:
        return f"{level.text} ... {sentence.gap(sentence.start, end).strip()}"
    if any(level.end <= a.start < duration.start for a in sentence.durations):
        return f"{level.text} ... {sentence.gap(duration.start, end).strip()}"
    return sentence.gap(min(level.start, duration.start), max(level.end, end)).strip()
