"""Random records for `ninewatch measure`, and their figures computed by a walk over half-second cells.

Probes are sent on whole seconds, so that each change of state lies on the edge of a half-second cell.
"""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any

from tests.property import oracle

BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z; instants below are seconds after it
WORDS = {
    "good": ["good", "up", "UP", "1", "success", "true"],
    "bad": ["bad", "down", "Failed", "0", "error", "false"],
    "unknown": ["unknown", "PENDING", "maintenance", "Unknown"],
}


@dataclass
class World:
    """A record and the options of the measurement."""

    rows: list[tuple[int, str, str, str]]  # at, outcome, check, vantage
    window: tuple[int, int] | None = None
    at: int | None = None
    hold: int | None = None
    interval: int | None = None
    timeout: int | None = None
    objective: str | None = None
    excluded: list[tuple[int, int]] = field(default_factory=list)
    policy: str = "exclude"
    rule: str = "all"
    by: str = "check"


def draw_world(random: Random) -> World:
    """Return a random world: 1 to 3 checks, up to 3 vantages, outages, gaps, unknowns, duplicates, shuffled rows."""
    world = World([])
    for check in random.sample(["", "a", "b/c", "d"], random.choice([1, 1, 1, 2, 3])):
        for vantage in random.sample(["", "x", "y", "z"], random.choice([1, 1, 1, 2, 3])):
            world.rows += _stream(random, check, vantage)
    world.rows += random.choices(world.rows, k=random.choice([0, 0, 3]))
    world.rows += [(at, random.choice(list(WORDS)), *who) for at, _, *who in random.choices(world.rows, k=3)]  # type: ignore[misc]
    random.shuffle(world.rows)
    if random.random() < 0.7:
        world.window = _span(random, -10, 90)
    if random.random() < 0.3:
        world.at = random.randint(-5, 90)
    if random.random() < 0.6:
        world.hold = random.randint(1, 20)
    if random.random() < 0.5:
        world.interval, world.timeout = random.randint(1, 9), random.choice([None, 1, 3])
    world.objective = random.choice([None, "50", "90", "99.9", "66.6"])
    world.excluded = [_span(random, -15, 95) for _ in range(random.choice([0, 0, 1, 3]))]
    world.policy = random.choice(["exclude", "exclude", "down", "up"])
    streams = {(check, vantage) for _, _, check, vantage in world.rows}
    world.by = random.choice(["check", "none"])
    counts = [sum(c == check for c, _ in streams) for check in {c for c, _ in streams}]
    most = len(streams) if world.by == "none" else min(counts)
    world.rule = random.choice(["all", "any", str(random.randint(1, most))])
    return world


def _span(random: Random, low: int, high: int) -> tuple[int, int]:
    start, end = sorted((random.randint(low, high), random.randint(low, high)))
    return start, end


def _stream(random: Random, check: str, vantage: str) -> list[tuple[int, str, str, str]]:
    """Return probes at an interval with jitter, gaps and outages."""
    rows, at, outcome, interval = [], random.randint(0, 20), "good", random.randint(1, 6)
    for _ in range(random.randint(1, 18)):
        if random.random() < 0.25:
            outcome = random.choice(["good", "bad", "bad", "unknown"])
        rows.append((at, outcome, check, vantage))
        at += interval + random.choice([0, 0, 0, 1, 7, 20])
    return rows


def instant(random: Random, at: int) -> str:
    """Return an instant as text in one of many formats."""
    seconds = BEGIN + at
    moment = datetime.fromtimestamp(seconds, UTC)
    zone = timezone(timedelta(minutes=random.choice([-480, 330, 0, 60])))
    return random.choice(
        [
            moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            moment.strftime("%Y-%m-%d %H:%M:%S.000Z"),
            moment.astimezone(zone).isoformat(),
            moment.isoformat(timespec="microseconds"),
            str(seconds),
            f"{seconds}.0",
            f"{seconds}.000000000",
        ]
    )


def write_record(random: Random, world: World) -> bytes:
    """Write the record as CSV or JSON lines, perhaps compressed, with the required columns in random order."""
    names = ["at", "outcome", "latency_seconds"]
    names += [
        n for i, n in ((2, "check"), (3, "vantage")) if any(row[i] for row in world.rows) or random.random() < 0.3
    ]
    random.shuffle(names)
    same_format = random.random() < 0.5
    format_seed = random.getrandbits(32)
    lines = []
    as_json = random.random() < 0.4
    for at, outcome, check, vantage in world.rows:
        style = Random(format_seed) if same_format else random  # noqa: S311 - reproducible
        word = random.choice(WORDS[outcome])
        row: dict[str, Any] = {"at": instant(style, at), "outcome": word, "check": check, "vantage": vantage}
        row["latency_seconds"] = 0.25
        if as_json and random.random() < 0.3:
            row["outcome"] = {"1": 1, "0": False, "true": True}.get(word, word)
        lines.append(json.dumps({n: row[n] for n in names}) if as_json else ",".join(str(row[n]) for n in names))
    text = "".join(line + random.choice(["\n", "\n", "\n", "\r\n", "\n\n"]) for line in lines)
    data = (text if as_json else ",".join(names) + "\n" + text).encode()
    return gzip.compress(data) if random.random() < 0.2 else data


def options(random: Random, world: World) -> list[str]:
    """Return the command line with the options of the world."""
    selected = ["--unknown", world.policy, "--rule", world.rule, "--by", world.by, "--format", "json"]
    for name in ("hold", "interval", "timeout"):
        if (length := getattr(world, name)) is not None:
            selected += [f"--{name}", f"{length}s"]
    if world.objective:
        selected += ["--objective", world.objective]
    if world.at is not None:
        selected += ["--at", instant(random, world.at)]
    for name, span in [("--window", world.window), *(("--exclude", e) for e in world.excluded)]:
        if span is not None:
            selected += [name, f"{instant(random, span[0])}/{instant(random, span[1])}"]
    return selected


def expected_results(world: World) -> list[dict[str, Any]]:
    """Return the results, computed per cell."""
    streams: dict[tuple[str, str], oracle.Seen] = {}
    for at, outcome, check, vantage in world.rows:
        observations = streams.setdefault((check, vantage), [])
        if world.at is None or at <= world.at:
            observations.append((2 * at, outcome))
    if world.by == "none":
        groups: dict[str | None, list[oracle.Seen]] = {None: list(streams.values())}
    else:
        groups = {}
        for (check, _), observations in sorted(streams.items()):
            groups.setdefault(check or None, []).append(observations)
    instants = [at for observations in streams.values() for at, _ in observations]
    last = max(instants, default=0) if world.at is None else 2 * world.at
    window = (min(instants, default=last), last) if world.window is None else tuple(2 * t for t in world.window)
    return [_result(world, check, observations, range(*window)) for check, observations in groups.items()]


def _spacing(observations: oracle.Seen) -> Fraction | None:
    at = sorted({instant for instant, _ in observations})
    gaps = [Fraction(b - a) for a, b in pairwise(at)]
    return median(gaps) if gaps else None


def _hold(world: World, spacing: Fraction | None) -> Fraction:
    interval = spacing or Fraction(120)
    timeout = min(Fraction(20), interval) if world.timeout is None else Fraction(2 * world.timeout)
    return 2 * interval + timeout if world.hold is None else Fraction(2 * world.hold)


def _result(world: World, check: str | None, members: list[oracle.Seen], window: range) -> dict[str, Any]:
    spacings = [Fraction(2 * world.interval) if world.interval else _spacing(observations) for observations in members]
    holds = [_hold(world, spacing) for spacing in spacings]
    counted_cells = [x for x in window if not any(2 * a <= x < 2 * b for a, b in world.excluded)]
    # A hold never ends within a cell: medians of whole seconds are multiples of half a second.
    assert all(hold.denominator == 1 for hold in holds)
    cells = [oracle.joined_state([*zip(members, map(int, holds), strict=True)], x, world.rule) for x in counted_cells]
    counted_set = set(counted_cells)
    if world.window is None and not any(2 * a <= window.stop < 2 * b for a, b in world.excluded):
        counted_set.add(window.stop)  # the last observation of a record is one of its observations
    outcomes = [
        o for observations in members for at, o in oracle.worst_outcomes(observations).items() if at in counted_set
    ]
    counts = {name: outcomes.count(name) for name in ("good", "bad", "unknown")}
    longest = None if None in spacings else max(s for s in spacings if s is not None)
    return (
        _figures(world, cells, counts, longest)
        | _observed_part(world, members, holds, window, set(counted_cells))
        | {
            "check": check,
            "window": {"start": _rfc(window.start), "end": _rfc(window.stop)},
            "excluded_seconds": (len(window) - len(counted_cells)) / 2,
        }
    )


def _observed_part(
    world: World, members: list[oracle.Seen], holds: list[Fraction], window: range, counted_cells: set[int]
) -> dict[str, Any]:
    """Return the observed part of a window, without confidence bound and decision time."""
    known = [at for observations in members for at, o in oracle.worst_outcomes(observations).items() if o != "unknown"]
    if not known or not window.start < min(known) < window.stop:
        return {}
    since = min(known)
    cells = [
        oracle.joined_state([*zip(members, map(int, holds), strict=True)], x, world.rule)
        for x in range(since, window.stop)
        if x in counted_cells
    ]
    f = oracle.figures(cells, world.policy)
    return {"watched": {"since": _rfc(since), "availability": {name: f[name] for name in ("low", "point", "high")}}}


def _figures(world: World, cells: list[str], counts: dict[str, int], interval: Fraction | None) -> dict[str, Any]:
    up, down, doubt_up, doubt_down, unknown, guess_up, guess_down = oracle.durations(cells)
    f = oracle.figures(cells, world.policy)
    objective = Fraction(world.objective) / 100 if world.objective else None
    allowed = None if objective is None else (1 - objective) * len(cells)
    spent = f["downtime_point"]
    assert spent is not None
    point = f["point"]
    proven = _proven(counts["good"], counts["good"] + counts["bad"])
    return {
        "up_seconds": up / 2,
        "down_seconds": down / 2,
        "doubt_seconds": (doubt_up + doubt_down) / 2,
        "unknown_seconds": unknown / 2,
        "guessed_seconds": {"up": guess_up / 2, "down": guess_down / 2},
        "coverage": f["coverage"],
        "availability": {name: f[name] for name in ("low", "point", "high")},
        "downtime_seconds": {name: (f[f"downtime_{name}"] or 0) / 2 for name in ("low", "point", "high")},
        "observations": counts,
        "nines": {"observed": _nines(point), "proven": _nines(proven)},
        "proven_availability": proven,
        "objective": objective,
        "budget": {
            "allowed_seconds": None if allowed is None else allowed / 2,
            "spent_seconds": spent / 2,
            "remaining_seconds": None if allowed is None else (allowed - spent) / 2,
        },
        "verdict": _verdict(f, objective),
        "point_meets_objective": None if objective is None or point is None else point >= objective,
        "provisional": False,
        "resolvable": None if allowed is None or interval is None else allowed >= 2 * interval,
    }


def _verdict(f: dict[str, Any], objective: Fraction | None) -> str | None:
    if objective is None:
        return None
    if f["low"] is None:
        return "undecided"
    return "met" if f["low"] >= objective else "missed" if f["high"] < objective else "undecided"


def _nines(ratio: Any) -> float | None:
    return None if ratio is None or ratio == 1 else abs(-math.log10(1 - ratio))


def _proven(good: int, known: int) -> float | None:
    """Return the p with which at least `good` of `known` are good with probability 5 %, by bisection."""
    if not known:
        return None
    low, high = 0.0, 1.0
    for _ in range(80):
        p = (low + high) / 2
        tail = math.fsum(math.comb(known, k) * p**k * (1 - p) ** (known - k) for k in range(good, known + 1))
        low, high = (p, high) if tail < 0.05 else (low, p)
    return low


def _rfc(at: int) -> str:
    moment = datetime.fromtimestamp(BEGIN, UTC) + timedelta(seconds=at / 2)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
