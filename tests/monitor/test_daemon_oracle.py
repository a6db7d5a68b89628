"""The daemon's figures after reloads, restarts and kills equal those of an oracle that was written from the contract
alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from sla.calendar import Window
from sla.interval import Interval
from tests.monitor.daemon_worlds import STEP, History
from tests.property.era_oracle import FigureOracle
from tests.property.oracle import table
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from sla.measured import Measured


NAMES = ("up", "down", "doubt_up", "doubt_down", "unknown", "guess_up", "guess_down")


def measured_figures(actual: Measured) -> dict[str, Any]:
    """Return the figures of a measured window with the oracle's names."""
    duration = actual.durations
    return {
        "up": duration.up,
        "down": duration.down,
        "doubt_up": duration.doubt_up,
        "doubt_down": duration.doubt_down,
        "unknown": duration.unknown - duration.guessed_up - duration.guessed_down,
        "guess_up": duration.guessed_up,
        "guess_down": duration.guessed_down,
        "allowed": actual.allowed,
        "objective": actual.objective and actual.objective.ratio,
        "counts": tuple(actual.counts),
    } | derived_figures(actual)


def derived_figures(actual: Measured) -> dict[str, Any]:
    low, point, high = actual.availability
    down = actual.downtime
    bounds = {"low": low, "point": point, "high": high, "coverage": actual.coverage}
    return bounds | {"downtime": tuple(down), "remaining": actual.budget and actual.budget.remaining}


def expected_figures(judge: FigureOracle, product: str, start: int, end: int, *, contractual: bool) -> dict[str, Any]:
    actual = judge.measured(product, start, end, contractual=contractual)
    up, down, doubt_up, doubt_down, unknown, guess_up, guess_down = (actual[name] for name in NAMES)
    duration = (up, down, doubt_up, doubt_down, unknown + guess_up + guess_down, guess_up, guess_down)
    figures = table(duration, "exclude")
    bounds = {name: figures[name] for name in ("low", "point", "high", "coverage")}
    down = tuple(figures[f"downtime_{name}"] for name in ("low", "point", "high"))
    return actual | bounds | {"downtime": down, "remaining": actual["allowed"] - Fraction(down[1] or 0)}


@dataclass
class Tally:
    """Numbers of windows compared, and of comparisons whose counts differ by one where a window cuts a folded run.

    The observations of such a run are counted as evenly spaced, which is a documented limit.
    """

    windows: int = 0
    off_by_one: int = 0


def compare_history(seed: int, folder: Path, steps: int = 60, windows: int = 4) -> Tally:
    """Create one history and compare windows of it, as of several instants; return the number of compared windows."""
    random = Random(seed)  # noqa: S311 - reproducible histories
    history, tally = History(random, folder / f"{seed}.db"), Tally()
    try:
        for step in range(1, steps + 1):
            history.step()
            if step % 20 == 0:
                _ask(history, random, windows, seed, tally)
    finally:
        history.close()
    return tally


def _ask(history: History, random: Random, windows: int, seed: int, tally: Tally) -> None:
    passed = (history.now - NOW) // STEP
    for number in range(windows):
        product = random.choice(history.products)
        at = (
            history.now if number == 0 else NOW + random.randint(1, passed) * STEP + random.choice((0, 0, 1, 7_000_003))
        )
        at = min(at, history.now)
        edges = sorted(
            random.randint(-4, (at - NOW) // STEP) * STEP + random.choice((0, 0, 1, 17_000_001)) for _ in "ab"
        )
        start, end = (min(NOW + edge, at) for edge in edges)
        if start == end or not judge_knows(history, product.identity, at):
            continue
        judge, window = FigureOracle(history.world, at), Window("w", Interval(start, end), Interval(start, end))
        want = {kind: expected_figures(judge, product.identity, start, end, contractual=kind) for kind in (False, True)}
        for source, ledger in history.ledgers(at, product).items():
            agreed = ledger.agreement_figures(product.id, window, at)
            raw = ledger.measured(product.id, Interval(start, end), at)
            description = (
                f"{seed=} {source=} {product.id=} {(start - NOW) / STEP=} {(end - NOW) / STEP=} {(at - NOW) / STEP=}"
            )
            description += "".join(f"\n{line}" for line in history.did)
            for name, parameters, kind in (
                ("raw", raw, False),
                ("raw", agreed.raw, False),
                ("agreed", agreed.contractual, True),
            ):
                wrong = differences(measured_figures(parameters), want[kind])
                if list(wrong) == ["counts"] and all(abs(a - b) <= 1 for a, b in zip(*wrong["counts"], strict=True)):
                    tally.off_by_one += 1
                    continue
                assert not wrong, f"{name} {wrong} {description}"
            tally.windows += 1


def differences(actual: dict[str, Any], want: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (actual[name], want[name]) for name in want if actual[name] != want[name]}


def judge_knows(history: History, product: str, at: int) -> bool:
    """Return whether the product was defined by then. Before, its figures are those of the configuration."""
    return any(load.made <= at for load in history.world.loads[product])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.fault(61)
def test_figures_as_of_any_instant_equal_the_oracle(seed: int, tmp_path: Path) -> None:
    tally = compare_history(seed, tmp_path)
    assert tally.windows > 0
    assert tally.off_by_one == 0


@pytest.mark.full
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("first", range(1_000, 3_000, 250))
def test_figures_of_many_histories_equal_the_oracle(first: int, tmp_path: Path) -> None:
    tallies = [compare_history(seed, tmp_path) for seed in range(first, first + 250)]
    assert min(tally.windows for tally in tallies) > 0
    assert sum(tally.off_by_one for tally in tallies) <= sum(tally.windows for tally in tallies) // 500
