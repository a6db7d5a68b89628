"""What a page states, and what is found about it. The vocabulary of the audit; imports nothing of its siblings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Bound(StrEnum):
    """How a printed duration is meant: the figure itself, about it, or a limit on it."""

    EXACT = "exact"
    ABOUT = "about"
    BELOW = "below"
    ABOVE = "above"


class Verdict(StrEnum):
    """RIGHT to the last digit under a convention, ROUNDED to the digits shown, WRONG beyond doubt, else UNCLEAR."""

    RIGHT = "right"
    ROUNDED = "rounded"
    WRONG = "wrong"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Level:
    """An availability as printed, at [start, end) of its passage. `slack` is half a unit in its last place.

    `partner` is the other end if it stands in a range or a pair ("99-99.9 %"); `threshold` says that the page means
    less than this ("below 99 %").
    """

    ratio: Fraction
    start: int
    end: int
    text: str
    slack: Fraction = Fraction(0)
    partner: Fraction | None = None
    threshold: bool = False

    @property
    def lost(self) -> Fraction:
        """The share of time that the availability leaves to downtime."""
        return 1 - self.ratio

    @property
    def nominal(self) -> bool:
        """Whether this is a level people promise (99.9, 99.95, 99.5 ...) and not one that was measured or computed.

        A promise is exact as printed; a measured 99.78 % stands for anything that rounds to it.
        """
        digits = f"{float(self.ratio * 100):.10g}".replace(".", "").lstrip("9")
        return len(digits) <= 1 or digits in {"25", "75"} or (self.ratio * 100).denominator == 1


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a printed duration: its value, and the truths [low, high] that print so. All in seconds.

    Nearest, and cut off, are both honest ways to print: low is half a unit of the last place below, high a whole above.
    """

    seconds: Fraction
    low: Fraction
    high: Fraction

    def scaled(self, by: Fraction) -> Reading:
        """Return the same digits in a unit `by` times as long."""
        return Reading(self.seconds * by, self.low * by, self.high * by)

    def overlaps(self, other: Reading) -> bool:
        """Whether both can be the same truth."""
        return self.low <= other.high and other.low <= self.high

    def holds(self, truth: Fraction) -> bool:
        """Whether the truth prints as this reading does."""
        return self.low <= truth <= self.high


@dataclass(frozen=True, slots=True)
class Amount:
    """A duration as printed, at [start, end) of its passage.

    `readings` are the ways to read it ("5,256 min": five thousand, or five and a quarter), the likeliest first.
    `unit` is the unit if there is one only, `digits` the significant digits shown, `last` the smallest unit's parts
    beyond its base ("8 h 76 m"), which tells of a decimal fraction read as minutes.
    """

    readings: tuple[Reading, ...]
    start: int
    end: int
    text: str
    unit: str | None
    digits: int
    bound: Bound = Bound.EXACT
    overflow: Fraction | None = None

    @property
    def seconds(self) -> Fraction:
        """The likeliest reading."""
        return self.readings[0].seconds


@dataclass(frozen=True, slots=True)
class Period:
    """What a downtime is counted over: a named period with its usual lengths, or the one that the page gives."""

    name: str
    lengths: tuple[tuple[str, Fraction], ...]


class Strength(StrEnum):
    """Whether the page says that the duration is the downtime of that availability (PLAIN) or hints at it (FAINT).

    BARE ones stand side by side and nothing more: they are claims only if their figures tell so.
    """

    PLAIN = "plain"
    FAINT = "faint"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class Statement:
    """An availability tied to a downtime.

    `group` numbers the table or list it stands in, whose rows explain each other; `others` are availabilities that may
    be meant instead; `remark` is why the duration may be no allowance. `labelled` says that the duration itself is
    called downtime, next to it or by its column's header; `tabled` that it stands in a table.
    """

    line: int
    text: str
    level: Level
    amount: Amount
    period: Period | None
    strength: Strength
    group: tuple[int, ...]
    others: tuple[Level, ...] = ()
    remark: str = ""
    labelled: bool = True
    tabled: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """What was read as figures of availability but not judged, and why. Listed on demand."""

    line: int
    text: str
    reason: str

    def as_json(self) -> dict[str, str | int]:
        """Return it as `ninewatch audit --strict --json` prints it."""
        return {"line": self.line, "text": self.text, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement judged. Seconds are exact; None where the claim has no such figure."""

    line: int
    text: str
    availability: Fraction | None
    claimed: Fraction | None
    period: str | None
    expected: Fraction | None
    verdict: Verdict
    diagnosis: str

    @property
    def factor(self) -> Fraction | None:
        """How many times too small the claim is; below 1, it is too large."""
        if self.claimed is None or self.expected is None or self.claimed == 0:
            return None
        return self.expected / self.claimed

    def as_json(self) -> dict[str, str | int | float | None]:
        """Return the claim as `ninewatch audit --json` prints it: durations in seconds, numbers in full precision."""
        return {
            "line": self.line,
            "text": self.text,
            "availability": _float(self.availability),
            "claimed_seconds": _float(self.claimed),
            "period": self.period,
            "expected_seconds": _float(self.expected),
            "factor": _float(self.factor),
            "verdict": self.verdict.value,
            "diagnosis": self.diagnosis,
        }


def _float(exact: Fraction | None) -> float | None:
    return None if exact is None else float(exact)
