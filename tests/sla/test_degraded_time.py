"""Degraded time that counts as downtime: its bounds, and the contractual figures that it changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla.availability import Bounds, downtime
from sla.calendar import Window
from sla.compose import Composition
from sla.degraded_time import degraded_time
from sla.exclusion import Cause, Exclusion, measure_agreement
from sla.interval import HOUR, MINUTE, SECOND, Interval, total
from sla.objective import Objective
from sla.observation import Outcome
from sla.rule import Rule
from sla.timeline import Timeline

HOLD = 130 * SECOND  # 2 x interval + timeout
CODES = {"g": Outcome.GOOD, "s": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}
LINES = st.lists(st.text("gggssbu.", min_size=5, max_size=40), min_size=1, max_size=3)


def timelines(line: str) -> tuple[Timeline, Timeline]:
    """Return the raw and the strict timeline of one character per minute: good, s(low), bad, unknown or no probe."""
    probes = [(minute * MINUTE, code) for minute, code in enumerate(line) if code != "."]
    raw = [(at, CODES[code]) for at, code in probes]
    strict = [(at, Outcome.BAD if code == "s" else CODES[code]) for at, code in probes]
    return Timeline.of_pairs(raw, HOLD), Timeline.of_pairs(strict, HOLD)


def histories(lines: list[str], rule: str = "any") -> tuple[Composition, Composition]:
    """Return the raw history by the rule, and the contractual one, which is up while all members are not degraded."""
    raw, strict = zip(*map(timelines, lines), strict=True)
    return Composition(Rule.parse(rule), raw), Composition(Rule(), strict)


def test_degraded_time_between_probes_has_bounds() -> None:
    """Slow in minutes 10 to 20: at least 10 minutes, 11 estimated, at most 12."""
    raw, strict = timelines("g" * 10 + "s" * 11 + "g" * 10)
    window = Interval(0, 30 * MINUTE)
    assert degraded_time(raw, strict, window, ()) == Bounds(10 * MINUTE, 11 * MINUTE, 12 * MINUTE)
    excluded = [Interval(0, 12 * MINUTE)]
    assert degraded_time(raw, strict, window, excluded) == Bounds(8 * MINUTE, 17 * MINUTE // 2, 9 * MINUTE)


def test_downtime_is_not_degraded_time() -> None:
    raw, strict = timelines("bbbbb")
    assert degraded_time(raw, strict, Interval(0, 4 * MINUTE), ()) == Bounds(0, 0, 0)


def test_redundant_member_that_is_down_is_degraded_time() -> None:
    raw, strict = histories(["g" * 11, "b" * 11])
    assert degraded_time(raw, strict, Interval(0, 10 * MINUTE), ()) == Bounds(*[10 * MINUTE] * 3)


def test_redundant_member_without_observations_may_be_degraded() -> None:
    """The product is up for certain; whether it is degraded is not known."""
    raw, strict = histories(["g" * 11, "." * 11])
    assert degraded_time(raw, strict, Interval(0, 10 * MINUTE), ()) == Bounds(0, 0, 10 * MINUTE)


@given(LINES, st.sampled_from(["any", "all"]), st.integers(0, 40), st.integers(1, 40), st.integers(0, 40))
def test_degraded_time_is_the_difference_of_the_downtimes(
    lines: list[str], rule: str, start: int, length: int, excluded_from: int
) -> None:
    raw, strict = histories(lines, rule)
    window = Interval(start * MINUTE, (start + length) * MINUTE)
    excluded = [Interval(excluded_from * MINUTE, (excluded_from + 3) * MINUTE)]
    low, point, high = degraded_time(raw, strict, window, excluded)
    parts = list(_remaining(window, excluded[0]))
    before, after = (downtime(history.durations_in(parts)) for history in (raw, strict))
    assert low <= point <= high <= total(parts)
    assert point == after.point - before.point
    assert after.low >= before.low
    assert after.high >= before.high


def _remaining(window: Interval, excluded: Interval) -> list[Interval]:
    parts = [
        Interval(window.start, max(window.start, min(window.end, excluded.start))),
        Interval(min(window.end, max(window.start, excluded.end)), window.end),
    ]
    return [part for part in parts if part.length]


def test_contractual_figures_count_degraded_time_and_raw_figures_do_not() -> None:
    raw, strict = histories(["g" * 31 + "s" * 30, "g" * 61])
    span = Interval(0, HOUR)
    exclusions = [Exclusion(Interval(30 * MINUTE, 40 * MINUTE), Cause.CORRECTION)]
    figures = measure_agreement(raw, Window("w", span, span), Objective.parse("99%"), exclusions, contractual=strict)
    assert figures.raw.downtime == Bounds(0, 0, 0)
    assert figures.raw.degraded is None
    assert figures.contractual.downtime == Bounds(*[20 * MINUTE] * 3)
    assert figures.contractual.degraded == Bounds(*[20 * MINUTE] * 3)
    assert figures.contractual.as_json(product="p")["degraded_seconds"] == dict.fromkeys(("low", "point", "high"), 1200)
    assert "degraded_seconds" not in figures.raw.as_json(product="p")


def test_figures_without_counted_degraded_time_are_those_of_one_history() -> None:
    raw, _ = histories(["g" * 31 + "s" * 30, "g" * 61])
    span = Interval(0, HOUR)
    figures = measure_agreement(raw, Window("w", span, span), Objective.parse("99%"), [])
    assert figures.contractual == figures.raw
