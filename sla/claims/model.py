"""The types of the audit. Imports no other module of the package."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Bound(StrEnum):
    """Meaning of a printed duration: exact, approximate, or a limit."""

    EXACT = "exact"
    ABOUT = "about"
    BELOW = "below"
    ABOVE = "above"


class Verdict(StrEnum):
    """RIGHT in all digits under a convention, ROUNDED to the printed digits, certainly WRONG, else UNCLEAR."""

    RIGHT = "right"
    ROUNDED = "rounded"
    WRONG = "wrong"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Level:
    """A printed availability at [start, end) of its passage. `slack` is half a unit in its last place.

    `partner` is the other end of a range or pair ("99-99.9 %"); `threshold`: the page means less than this ("below
    99 %").
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
        """The unavailability."""
        return 1 - self.ratio

    @property
    def nominal(self) -> bool:
        """Whether this is a typical target (99.9, 99.95, 99.5, ...), as distinct from a measured or computed value.

        A target is exact as printed; a measured 99.78 % means any value that rounds to it.
        """
        digits = f"{float(self.ratio * 100):.10g}".replace(".", "").lstrip("9")
        return len(digits) <= 1 or digits in {"25", "75"} or (self.ratio * 100).denominator == 1


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a printed duration: its value, and the range [low, high] of values that print so, in seconds.

    Rounding and truncation are both accepted: low is half a unit of the last place below, high a whole unit above.
    """

    seconds: Fraction
    low: Fraction
    high: Fraction

    def scaled(self, by: Fraction) -> Reading:
        """Return the reading with a unit that is `by` times as long."""
        return Reading(self.seconds * by, self.low * by, self.high * by)

    def overlaps(self, other: Reading) -> bool:
        """Return whether both may be the same value."""
        return self.low <= other.high and other.low <= self.high

    def holds(self, truth: Fraction) -> bool:
        """Return whether the true value prints like this reading."""
        return self.low <= truth <= self.high


@dataclass(frozen=True, slots=True)
class Amount:
    """A printed duration at [start, end) of its passage.

    `readings` are its possible readings ("5,256 min": 5256 or 5.256), the most likely first. `unit` is set if there is
    only one, `digits` is the number of significant digits, `overflow` the value of the smallest unit if it exceeds its
    base ("8 h 76 m"), which indicates a decimal fraction read as minutes.
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
        """The most likely reading."""
        return self.readings[0].seconds


@dataclass(frozen=True, slots=True)
class Period:
    """The period of a downtime: a named period with its usual lengths, or a length given by the page."""

    name: str
    lengths: tuple[tuple[str, Fraction], ...]


class Strength(StrEnum):
    """Strength of the link between duration and availability: explicit (PLAIN) or implied (FAINT).

    BARE: they are only adjacent, so they are a claim only if their figures match.
    """

    PLAIN = "plain"
    FAINT = "faint"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class Statement:
    """An availability with a stated downtime.

    `group` is the number of the table or list, whose rows are checked together; `others` are other availabilities that
    may be meant; `remark` is a reason why the duration may not be allowed downtime; `labelled`: the duration is called
    downtime, next to it or in its column's header; `tabled`: it is in a table.
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
    """Figures that were found but not judged, with the reason. Listed with `--strict`."""

    line: int
    text: str
    reason: str

    def as_json(self) -> dict[str, str | int]:
        """Return the object of `ninewatch audit --strict --json`."""
        return {"line": self.line, "text": self.text, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Claim:
    """A judged statement. Seconds are exact; None if the claim has no such figure."""

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
        """The factor by which the claim is too small; below 1 it is too large."""
        if self.claimed is None or self.expected is None or self.claimed == 0:
            return None
        return self.expected / self.claimed

    def as_json(self) -> dict[str, str | int | float | None]:
        """Return the object of `ninewatch audit --json`: durations in seconds, numbers in full precision."""
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
