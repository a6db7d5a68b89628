"""The types of the audit. Imports no other module of the package."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Qualifier(StrEnum):
    """How a printed duration is qualified: exact, approximate ("about"), or a limit ("less than", "more than")."""

    EXACT = "exact"
    ABOUT = "about"
    BELOW = "below"
    ABOVE = "above"


class ClaimVerdict(StrEnum):
    """The result of checking a claim.

    RIGHT: exactly the result of a common calculation, for example with a year of 365 days. ROUNDED: such a result,
    rounded to the printed digits. WRONG: certainly wrong. UNCLEAR: any other case.
    """

    RIGHT = "right"
    ROUNDED = "rounded"
    WRONG = "wrong"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class AvailabilityLevel:
    """A printed availability at [start, end) of its passage. `tolerance` is half a unit in its last place.

    `other_end` is the other end of a range or pair ("99-99.9 %"). `is_threshold`: the text says "below 99 %".
    """

    ratio: Fraction
    start: int
    end: int
    text: str
    tolerance: Fraction = Fraction(0)
    other_end: Fraction | None = None
    is_threshold: bool = False

    @property
    def unavailability(self) -> Fraction:
        """1 - `ratio`."""
        return 1 - self.ratio

    @property
    def nominal(self) -> bool:
        """Whether this is a typical target (99.9, 99.95, 99.5, ...), as distinct from a measured or computed value.

        A target is exact as printed; a measured 99.78 % means any value that rounds to it.
        """
        digits = f"{float(self.ratio * 100):.10g}".replace(".", "").lstrip("9")
        return len(digits) <= 1 or digits in {"25", "75"} or (self.ratio * 100).denominator == 1


@dataclass(frozen=True, slots=True)
class Interpretation:
    """A possible meaning of a printed duration: its value, and the range [low, high] of the true value, in seconds.

    Rounding and truncation are both accepted: `low` is half a unit of the last place below the value, `high` is one
    unit above it.
    """

    seconds: Fraction
    low: Fraction
    high: Fraction

    def scaled(self, factor: Fraction) -> Interpretation:
        """Return the interpretation with a unit that is `factor` times as long."""
        return Interpretation(self.seconds * factor, self.low * factor, self.high * factor)

    def overlaps(self, other: Interpretation) -> bool:
        """Return whether both may mean the same value."""
        return self.low <= other.high and other.low <= self.high

    def contains(self, true_value: Fraction) -> bool:
        """Return whether the true value may be printed as this duration."""
        return self.low <= true_value <= self.high


@dataclass(frozen=True, slots=True)
class PrintedDuration:
    """A printed duration at [start, end) of its passage.

    `interpretations` lists its possible meanings ("5,256 min": 5256 or 5.256), the most likely first. `unit` is set if
    the text has only one unit. `digits` is the number of significant digits. `overflow` is a smaller unit's value that
    is too large, such as the 76 of "8 h 76 m": probably the decimals of 8.76 h were printed as minutes.
    """

    interpretations: tuple[Interpretation, ...]
    start: int
    end: int
    text: str
    unit: str | None
    digits: int
    qualifier: Qualifier = Qualifier.EXACT
    overflow: Fraction | None = None

    @property
    def seconds(self) -> Fraction:
        """The value of the most likely interpretation, in seconds."""
        return self.interpretations[0].seconds


@dataclass(frozen=True, slots=True)
class Period:
    """The period of a downtime: a named period with its usual lengths, or a length that the page states."""

    name: str
    lengths: tuple[tuple[str, Fraction], ...]


class LinkStrength(StrEnum):
    """How the text relates a duration to an availability.

    ADJACENT: the figures are only next to each other, so they are a claim only if they match.
    """

    EXPLICIT = "explicit"
    IMPLIED = "implied"
    ADJACENT = "adjacent"


@dataclass(frozen=True, slots=True)
class Statement:
    """An availability with a stated downtime.

    `group` identifies the table or list; its rows are checked together. `others` lists the other availabilities that
    the text may mean. `remark` is a reason why the duration may not be an allowed downtime. `has_downtime_label`: a
    word for downtime is next to the duration or in its column's header.
    """

    line: int
    text: str
    level: AvailabilityLevel
    duration: PrintedDuration
    period: Period | None
    strength: LinkStrength
    group: tuple[int, ...]
    others: tuple[AvailabilityLevel, ...] = ()
    remark: str = ""
    has_downtime_label: bool = True
    in_table: bool = False


@dataclass(frozen=True, slots=True)
class SkippedFigure:
    """A figure that was found but not checked, with the reason. Listed with `--strict`."""

    line: int
    text: str
    reason: str

    def as_json(self) -> dict[str, str | int]:
        """Return the object of `ninewatch audit --strict --json`."""
        return {"line": self.line, "text": self.text, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Claim:
    """A checked statement. `claimed` and `expected` are in seconds; None if the claim has no duration."""

    line: int
    text: str
    availability: Fraction | None
    claimed: Fraction | None
    period: str | None
    expected: Fraction | None
    verdict: ClaimVerdict
    diagnosis: str

    @property
    def factor(self) -> Fraction | None:
        """The factor by which the claimed duration is too small; a factor below 1 means that it is too large."""
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
