"""Split passages into sentences, and relate the availabilities, durations and periods of a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.claims.availabilities import find_levels, other_percentages
from sla.claims.durations import find_durations
from sla.claims.link_words import AFTER_WORDS, BEFORE_WORDS, LINK_WORDS
from sla.claims.other_figures import NOT_DOWNTIME_AFTER, NOT_DOWNTIME_BEFORE
from sla.claims.periods import CONVENTIONS, PeriodMention, find_period_mentions, mask_periods, unknown_period_word
from sla.claims.text_reader import sentences
from sla.claims.vocabulary import DOWNTIME, UPTIME_FIGURE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.model import AvailabilityLevel, Period, PrintedDuration
    from sla.claims.page import Passage

_MAX_CONTEXT = 32  # characters
_CREDIT = re.compile(r"\b(?:credits?|refunds?|discounts?|compensat\w+)\b", re.IGNORECASE)
_FIRST_WORDS = re.compile(r"(?:\W*\w+){0,2}")
_RESTATEMENT = re.compile(
    r"\s*(?:\(|=|,?\s*or\b|,?\s*i\.e\.|≈|~)?[\s=≈~(]*(?:about|approximately|exactly)?\s*", re.IGNORECASE
)
_SAME_LENGTH = 0.002  # relative deviation


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage with its figures; offsets refer to the passage."""

    passage: Passage
    start: int
    end: int
    levels: list[AvailabilityLevel]
    durations: list[PrintedDuration]
    mentions: list[PeriodMention]
    percentages: list[int]

    @property
    def text(self) -> str:
        """The text of the sentence."""
        return self.passage.text[self.start : self.end]

    def gap(self, start: int, end: int) -> str:
        """Return the passage's text from `start` to `end`."""
        return self.passage.text[start:end]


def split(passage: Passage) -> Iterator[Sentence]:
    """Yield the sentences of a passage. Periods are found first, so that their lengths are not read as durations."""
    periods = find_period_mentions(passage.text)
    durations = find_durations(mask_periods(passage.text, periods))
    levels = find_levels(passage.text)
    percentages = other_percentages(passage.text)
    for start, end in sentences(passage.text):
        yield Sentence(
            passage,
            start,
            end,
            [x for x in levels if start <= x.start < end],
            [x for x in durations if start <= x.start < end],
            [x for x in periods if start <= x.start < end],
            [at for at in percentages if start <= at < end],
        )


def period_of(sentence: Sentence, duration: PrintedDuration) -> Period | None:
    """Return the period of a duration: the one directly before it ("monthly: ..."), directly after it, or the only one.

    A period of an earlier duration ("8.76 h a year, 43.2 min") does not apply to later ones.
    """
    before, after = _adjacent_periods(sentence, duration)
    if after and not sentence.gap(duration.end, after.start).strip(" ("):
        return after.period
    lead = sentence.gap(before.end, duration.start) if before else ""
    if before and lead.strip() and _contains_only(lead, BEFORE_WORDS, " :=(~≈-→–,’'"):
        return before.period
    if after and _contains_only(sentence.gap(duration.end, after.start), AFTER_WORDS, " (),~-'’"):
        return after.period
    if before and not lead.strip():
        return before.period
    unassigned = [
        m
        for m in sentence.mentions
        if not _belongs_to_earlier_duration(sentence, m, duration)
        and not _precedes_other_duration(sentence, m, duration)
    ]
    names = {m.period.name: m.period for m in unassigned}
    return next(iter(names.values())) if len(names) == 1 and len(sentence.durations) <= 2 else None


def _precedes_other_duration(sentence: Sentence, mention: PeriodMention, duration: PrintedDuration) -> bool:
    """Return whether the period opens a bracket and precedes another duration: "7.2 h (per year 87.6 h)"."""
    opens = sentence.gap(sentence.start, mention.start).rstrip().endswith("(")
    others = (a for a in sentence.durations if a is not duration and a.start >= mention.end)
    return opens and any(not sentence.gap(mention.end, a.start).strip(" :~≈") for a in others)


def _belongs_to_earlier_duration(sentence: Sentence, mention: PeriodMention, duration: PrintedDuration) -> bool:
    """Return whether the period directly follows an earlier duration, so that it is the period of that duration."""
    earlier = [
        a for a in sentence.durations if a.end <= mention.start and a.end <= duration.start and a is not duration
    ]
    return (
        bool(earlier)
        and mention.end <= duration.start
        and not _precedes_other_duration(sentence, mention, earlier[-1])
        and _contains_only(sentence.gap(earlier[-1].end, mention.start), AFTER_WORDS, " (),~-'’")
    )


def unknown_period(sentence: Sentence, duration: PrintedDuration) -> str | None:
    """Return the unknown period next to the duration: `maand` in "43 min per maand"."""
    is_known = any(duration.end <= m.start <= duration.end + 2 for m in sentence.mentions)
    return None if is_known else unknown_period_word(sentence.gap(duration.end, sentence.end))


def _adjacent_periods(
    sentence: Sentence, duration: PrintedDuration
) -> tuple[PeriodMention | None, PeriodMention | None]:
    """Return the last period before and the first period after a duration, with no other duration in between."""
    search_start = max((a.end for a in sentence.durations if a.end <= duration.start), default=sentence.start)
    search_end = min((a.start for a in sentence.durations if a.start >= duration.end), default=sentence.end)
    before = [
        m
        for m in sentence.mentions
        if search_start <= m.start
        and m.end <= duration.start
        and not _belongs_to_earlier_duration(sentence, m, duration)
    ]
    after = [
        m
        for m in sentence.mentions
        if duration.end <= m.start < search_end and not _precedes_other_duration(sentence, m, duration)
    ]
    return (before[-1] if before else None, after[0] if after else None)


def _contains_only(gap: str, words: frozenset[str], signs: str) -> bool:
    """Return whether a gap contains only these words and signs."""
    return all(piece.lower().strip(".") in words for piece in re.split(rf"[{re.escape(signs)}]+", gap) if piece)


def is_linked(sentence: Sentence, duration: PrintedDuration, level: AvailabilityLevel) -> bool:
    """Return whether only linking words are between a duration and the availability after it."""
    inner = [m for m in sentence.mentions if duration.end <= m.start < level.start]
    text = mask_periods(sentence.passage.text, inner)[duration.end : level.start]
    return _contains_only(text.replace("_", " "), LINK_WORDS | AFTER_WORDS, " (),:=~≈-–—→'’\"“”„«»")


def has_only_figures(sentence: Sentence) -> bool:
    """Return whether a sentence contains only figures, periods and linking words."""
    marks = [(x.start, x.end) for figures in (sentence.levels, sentence.durations, sentence.mentions) for x in figures]
    text = sentence.text
    for start, end in marks:
        at, until = start - sentence.start, end - sentence.start
        text = text[:at] + " " * (until - at) + text[until:]
    return _contains_only(text, BEFORE_WORDS | AFTER_WORDS, " (),.:;=~≈-–—→/|'’")


def is_period_length(duration: PrintedDuration, period: Period | None) -> bool:
    """Return whether the duration is the length of the period: the 8,760 hours of a year, the 30 days of a month."""
    if period and duration.seconds * 2 < period.lengths[0][1]:
        return False
    names = [period.name] if period and period.name in CONVENTIONS else [name for name in CONVENTIONS if name != "hour"]
    lengths = [length for name in names for _, length in CONVENTIONS[name]]
    return any(abs(duration.seconds / length - 1) < _SAME_LENGTH for length in lengths)


def is_restatement(sentence: Sentence, duration: PrintedDuration, level: AvailabilityLevel) -> bool:
    """Return whether the duration repeats the one before it: `87.6 minutes = 1 hour and 27.6 minutes`."""
    before = [a for a in sentence.durations if a.end <= duration.start]
    if not before or before[-1].end < level.start < duration.start:
        return False
    if not _RESTATEMENT.fullmatch(sentence.gap(before[-1].end, duration.start)):
        return False
    earlier = period_of(sentence, before[-1])
    overlaps_previous = any(a.overlaps(b) for a in duration.interpretations for b in before[-1].interpretations)
    return period_of(sentence, duration) == earlier or (earlier is None and overlaps_previous)


def is_other_duration(sentence: Sentence, duration: PrintedDuration, level: AvailabilityLevel) -> bool:
    """Return whether the words around the duration indicate a response time, an interval or a credit, not a downtime.

    In "99.9% uptime: 8.76 hours" the word "uptime" refers to the percentage, in "uptime: 328.5 days" to the duration.
    """
    before = sentence.gap(max(sentence.start, duration.start - _MAX_CONTEXT), duration.start)
    after = sentence.gap(duration.end, min(sentence.end, duration.end + _MAX_CONTEXT))
    following = _FIRST_WORDS.match(after)
    is_uptime_percentage = level in sentence.levels and UPTIME_FIGURE.match(
        sentence.gap(level.end, duration.start).lstrip()
    )
    if NOT_DOWNTIME_BEFORE.search(before) or (UPTIME_FIGURE.search(before) and not is_uptime_percentage):
        return True
    if following and NOT_DOWNTIME_AFTER.search(following[0]):
        return True
    return bool(_CREDIT.search(sentence.text)) and not DOWNTIME.search(before + after)
