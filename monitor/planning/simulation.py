"""Simulate years of operation of a design, to show how much the availability varies from year to year.

All outages of a block of years are in arrays, so the number of NumPy operations depends on the number of parts, not
of outages. 10,000 years of a 20-part design take 1 to 2 seconds on one core (bench/plan.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from monitor.errors import NinewatchError
from monitor.planning.histories import history, unmasked_outages
from monitor.planning.outages import NO_OUTAGES, Instants, Outages, at_least, downtime_before
from sla.feasibility import YEAR, Design, Model, Planned, Process, Structure, build_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 500  # years simulated at a time: the arrays nearly fit the processor's cache
MAX_OUTAGES_PER_BLOCK = 2_000_000  # outages simulated at a time, to limit memory
MAX_OUTAGES = 300_000_000  # outages in total, to limit the run time to a few minutes

LEVELS = tuple(Fraction(text) / 100 for text in ("99", "99.5", "99.9", "99.95", "99.99", "99.995", "99.999"))
"""Availability levels of the result's table."""


@dataclass(frozen=True, slots=True)
class SimulatedYears:
    """The simulated years: downtime of each, and its time without exclusions, microseconds."""

    downtime: NDArray[np.int64]
    remaining: NDArray[np.int64]

    def quantile(self, share: Fraction) -> float:
        """Return the quantile of the availability: the value of the nearest year, without interpolation."""
        ordered = np.sort(self.availabilities)
        return float(ordered[max(0, -(-len(ordered) * share.numerator // share.denominator) - 1)])

    def share_reaching(self, level: Fraction) -> float:
        """Return the share of years that reached the level; the comparison is exact."""
        # down / remaining <= 1 - level, in integers; a year is 3.2e13 us, so nothing overflows
        reached = self.downtime * level.denominator <= self.remaining * (level.denominator - level.numerator)
        return float(np.count_nonzero(reached)) / len(self.downtime)

    @property
    def availabilities(self) -> NDArray[np.float64]:
        """The availability of each year."""
        return 1.0 - self.downtime / self.remaining

    @property
    def mean_unavailability(self) -> float:
        """Downtime as a share of the time without exclusions."""
        return float(self.downtime.sum() / self.remaining.sum())


def simulate(design: Design, years: int, seed: int) -> SimulatedYears:
    """Simulate years of 365 days. With the same seed, a longer simulation starts with the same years.

    Raises:
        NinewatchError: too many outages for a simulation of a few minutes.
    """
    model = build_model(design)
    outages_per_year = max(1.0, sum(map(_outages_per_year, model.leaves.values())))
    if outages_per_year * years > MAX_OUTAGES:
        fewer_years = max(1, int(MAX_OUTAGES / outages_per_year))
        raise NinewatchError(f"{years:,} years have too many outages to simulate; use --years {fewer_years} or fewer")
    years_in_block = max(1, min(BLOCK, int(MAX_OUTAGES_PER_BLOCK / outages_per_year)))
    blocks = [_block(model, years_in_block, seed, number) for number in range(-(-years // years_in_block))]
    downtime = np.concatenate([down for down, _ in blocks])[:years]
    return SimulatedYears(downtime, np.concatenate([remaining for _, remaining in blocks])[:years])


def _outages_per_year(process: Process) -> float:
    if isinstance(process, Planned):
        return YEAR / process.every
    return process.replicas * YEAR / (process.mtbf + process.mttr)


def _block(model: Model, years_in_block: int, seed: int, number: int) -> tuple[Instants, Instants]:
    """Return downtime and time without exclusions of each of the `years_in_block` years of a block, microseconds."""
    edges = np.arange(years_in_block + 1, dtype=np.int64) * YEAR
    length = years_in_block * YEAR
    outages_by_name = dict(_outages_by_name(model, length, seed, number))
    down = _outages_of(model.structure, outages_by_name)
    if model.excluded is None:
        return np.diff(downtime_before(down, edges)), np.full(years_in_block, YEAR, np.int64)
    excluded = history(model.excluded, length, seed, "excluded", number)
    excluded_time = np.diff(downtime_before(excluded, edges))
    down_or_excluded = np.diff(downtime_before(at_least(1, [down, excluded]), edges))
    return down_or_excluded - excluded_time, YEAR - excluded_time


def _outages_by_name(model: Model, length: int, seed: int, number: int) -> Iterator[tuple[str, Outages]]:
    leaves = {name: history(process, length, seed, name, number) for name, process in model.leaves.items()}
    yield from leaves.items()
    for name, mask in model.masks.items():
        yield name, unmasked_outages(mask, leaves[mask.leaf], seed, name, number)


def _outages_of(structure: Structure, outages_by_name: Mapping[str, Outages]) -> Outages:
    """Return the outages of a structure, which is down if more than n - k of its n members are."""
    if isinstance(structure, str):
        return outages_by_name[structure]
    if structure.k == 0:
        return NO_OUTAGES
    members = [_outages_of(member, outages_by_name) for member in structure.members]
    return at_least(len(members) - structure.k + 1, members)
