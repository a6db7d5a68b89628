"""A sentence with its availabilities, durations and periods, and how they are related."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.claims.availabilities import levels, other_percentages
from sla.claims.durations import amounts
from sla.claims.link_words import AFTER_WORDS, BEFORE_WORDS, LINK_WORDS
from sla.claims.other_figures import NOT_DOWNTIME_AFTER, NOT_DOWNTIME_BEFORE
from sla.claims.periods import CONVENTIONS, Mention, masked, mentions, unread
from sla.claims.text_reader import sentences
from sla.claims.vocabulary import DOWNTIME, UPTIME_FIGURE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.model import Amount, Level, Period
    from sla.claims.page import Passage

_AROUND = 32
_CREDIT = re.compile(r"\b(?:credits?|refunds?|discounts?|compensat\w+)\b", re.IGNORECASE)
_FIRST_WORDS = re.compile(r"(?:\W*\w+){0,2}")
_AGAIN = re.compile(
    r"\s*(?:\(|=|,?\s*or\b|,?\s*i\.e\.|≈|~)?[\s=≈~(]*(?:about|approximately|exactly)?\s*", re.IGNORECASE
)
_SAME_LENGTH = 0.002


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage with its figures; offsets refer to the passage."""

    passage: Passage
    start: int
    end: int
    levels: list[Level]
    amounts: list[Amount]
    mentions: list[Mention]
    percentages: list[int]

    @property
    def text(self) -> str:
        """The text of the sentence."""
        return self.passage.text[self.start : self.end]

    def gap(self, start: int, end: int) -> str:
        """Return the passage's text from `start` to `end`."""
        return self.passage.text[start:end]


def split(passage: Passage) -> Iterator[Sentence]:
    """Yield the sentences of a passage. Periods are found first, so that they are not read as durations."""
    named = mentions(passage.text)
    durations = amounts(masked(passage.text, named))
    promises = levels(passage.text)
    others = other_percentages(passage.text)
    for start, end in sentences(passage.text):
        yield Sentence(
            passage,
            start,
            end,
            [x for x in promises if start <= x.start < end],
            [x for x in durations if start <= x.start < end],
            [x for x in named if start <= x.start < end],
            [at for at in others if start <= at < end],
        )


def period_of(sentence: Sentence, amount: Amount) -> Period | None:
    """Return the period of a duration: just before it ("monthly: ..."), just after it, or the only one.

    A period of an earlier duration ("8.76 h a year, 43.2 min") does not apply to later ones.
    """
    before, after = _neighbours(sentence, amount)
    if after and not sentence.gap(amount.end, after.start).strip(" ("):
        return after.period
    lead = sentence.gap(before.end, amount.start) if before else ""
    if before and lead.strip() and _only(lead, BEFORE_WORDS, " :=(~≈-→–,’'"):
        return before.period
    if after and _only(sentence.gap(amount.end, after.start), AFTER_WORDS, " (),~-'’"):
        return after.period
    if before and not lead.strip():
        return before.period
    free = [m for m in sentence.mentions if not _taken(sentence, m, amount) and not _leads_another(sentence, m, amount)]
    names = {m.period.name: m.period for m in free}
    return next(iter(names.values())) if len(names) == 1 and len(sentence.amounts) <= 2 else None


def _leads_another(sentence: Sentence, mention: Mention, amount: Amount) -> bool:
    """Return whether the period opens a bracket and precedes another duration: "7.2 h (per year 87.6 h)"."""
    opens = sentence.gap(sentence.start, mention.start).rstrip().endswith("(")
    others = (a for a in sentence.amounts if a is not amount and a.start >= mention.end)
    return opens and any(not sentence.gap(mention.end, a.start).strip(" :~≈") for a in others)


def _taken(sentence: Sentence, mention: Mention, amount: Amount) -> bool:
    """Return whether the period directly follows an earlier duration, and so belongs to that one."""
    earlier = [a for a in sentence.amounts if a.end <= mention.start and a.end <= amount.start and a is not amount]
    return (
        bool(earlier)
        and mention.end <= amount.start
        and not _leads_another(sentence, mention, earlier[-1])
        and _only(sentence.gap(earlier[-1].end, mention.start), AFTER_WORDS, " (),~-'’")
    )


def unread_period(sentence: Sentence, amount: Amount) -> str | None:
    """Return the unknown period next to the duration: `maand` in "43 min per maand"."""
    read = any(amount.end <= m.start <= amount.end + 2 for m in sentence.mentions)
    return None if read else unread(sentence.gap(amount.end, sentence.end))


def _neighbours(sentence: Sentence, amount: Amount) -> tuple[Mention | None, Mention | None]:
    """Return the last period before and the first after a duration, without another duration in between."""
    floor = max((a.end for a in sentence.amounts if a.end <= amount.start), default=sentence.start)
    ceiling = min((a.start for a in sentence.amounts if a.start >= amount.end), default=sentence.end)
    before = [
        m for m in sentence.mentions if floor <= m.start and m.end <= amount.start and not _taken(sentence, m, amount)
    ]
    after = [
        m for m in sentence.mentions if amount.end <= m.start < ceiling and not _leads_another(sentence, m, amount)
    ]
    return (before[-1] if before else None, after[0] if after else None)


def _only(gap: str, words: frozenset[str], signs: str) -> bool:
    """Return whether a gap contains only these words and signs."""
    return all(piece.lower().strip(".") in words for piece in re.split(rf"[{re.escape(signs)}]+", gap) if piece)


def is_linked(sentence: Sentence, amount: Amount, level: Level) -> bool:
    """Return whether only linking words are between a duration and the availability after it."""
    inner = [m for m in sentence.mentions if amount.end <= m.start < level.start]
    text = masked(sentence.passage.text, inner)[amount.end : level.start]
    return _only(text.replace("_", " "), LINK_WORDS | AFTER_WORDS, " (),:=~≈-–—→'’\"“”„«»")


def is_bare(sentence: Sentence) -> bool:
    """Return whether a sentence contains only figures and periods, without words of another meaning."""
    marks = [(x.start, x.end) for found in (sentence.levels, sentence.amounts, sentence.mentions) for x in found]
    text = sentence.text
    for start, end in marks:
        at, until = start - sentence.start, end - sentence.start
        text = text[:at] + " " * (until - at) + text[until:]
    return _only(text, BEFORE_WORDS | AFTER_WORDS, " (),.:;=~≈-–—→/|'’")


def is_period_itself(amount: Amount, period: Period | None) -> bool:
    """Return whether the duration is the period itself: the 8,760 hours of a year, the 30 days of a month."""
    if period and amount.seconds * 2 < period.lengths[0][1]:
        return False
    names = [period.name] if period and period.name in CONVENTIONS else [name for name in CONVENTIONS if name != "hour"]
    lengths = [length for name in names for _, length in CONVENTIONS[name]]
    return any(abs(amount.seconds / length - 1) < _SAME_LENGTH for length in lengths)


def is_restatement(sentence: Sentence, amount: Amount, level: Level) -> bool:
    """Return whether the duration repeats the one before it: `87.6 minutes = 1 hour and 27.6 minutes`."""
    before = [a for a in sentence.amounts if a.end <= amount.start]
    if not before or before[-1].end < level.start < amount.start:
        return False
    if not _AGAIN.fullmatch(sentence.gap(before[-1].end, amount.start)):
        return False
    earlier = period_of(sentence, before[-1])
    same = any(a.overlaps(b) for a in amount.readings for b in before[-1].readings)
    return period_of(sentence, amount) == earlier or (earlier is None and same)


def is_something_else(sentence: Sentence, amount: Amount, level: Level) -> bool:
    """Return whether the words around indicate a response time, an interval, a credit, ... instead of a downtime.

    In "99.9% uptime: 8.76 hours" the uptime is the percentage; in "uptime: 328.5 days" it is the duration.
    """
    before = sentence.gap(max(sentence.start, amount.start - _AROUND), amount.start)
    after = sentence.gap(amount.end, min(sentence.end, amount.end + _AROUND))
    following = _FIRST_WORDS.match(after)
    attached = level in sentence.levels and UPTIME_FIGURE.match(sentence.gap(level.end, amount.start).lstrip())
    if NOT_DOWNTIME_BEFORE.search(before) or (UPTIME_FIGURE.search(before) and not attached):
        return True
    if following and NOT_DOWNTIME_AFTER.search(following[0]):
        return True
    return bool(_CREDIT.search(sentence.text)) and not DOWNTIME.search(before + after)
