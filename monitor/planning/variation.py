"""Variations of a design: one part with another time to repair, number of deployments or number of replicas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from sla.feasibility import Planned
from sla.interval import DAY, MINUTE

if TYPE_CHECKING:
    from sla.feasibility import Design, Part

MONTH: Final = 30 * DAY
MIN_MTTR, MAX_MTTR = Fraction(1, 60), 7 * 24 * 60  # minutes
MAX_DEPLOYMENTS, MAX_REPLICAS = 100, 20


@dataclass(frozen=True, slots=True)
class PartValues:
    """The values of a part that can be varied. None: the part has no such value.

    `mttr` is in minutes, `deployments` the number per 30 days that stop all replicas.
    """

    mttr: Fraction
    deployments: Fraction | None
    replicas: int | None

    @classmethod
    def of(cls, part: Part) -> PartValues:
        """Return the values of a part."""
        deployments = None if part.deployments is None else Fraction(MONTH, part.deployments.every)
        replicas = part.failures.replicas if part.replicable else None
        return cls(Fraction(part.failures.mttr, MINUTE), deployments, replicas)


def varied_design(design: Design, part_id: str, values: PartValues) -> Design:
    """Return the design in which the part has these values. Its time between failures is unchanged.

    Raises:
        ValueError: a value is out of range.
    """
    parts = (_varied(part, values) if part.id == part_id else part for part in design.parts)
    return replace(design, parts=tuple(parts))


def _varied(part: Part, values: PartValues) -> Part:
    if not MIN_MTTR <= values.mttr <= MAX_MTTR:
        raise ValueError(f"the time to repair is between 1 second and {MAX_MTTR} minutes")
    failures, deployments = replace(part.failures, mttr=round(values.mttr * MINUTE)), part.deployments
    if values.replicas is not None and part.replicable:
        if not failures.needed <= values.replicas <= MAX_REPLICAS:
            raise ValueError(f"the number of replicas is between {failures.needed} (needed) and {MAX_REPLICAS}")
        failures = replace(failures, replicas=values.replicas)
    if values.deployments is not None and deployments is not None:
        if not 0 <= values.deployments <= MAX_DEPLOYMENTS:
            raise ValueError(f"the number of deployments per 30 days is between 0 and {MAX_DEPLOYMENTS}")
        deployments = _planned(values.deployments, deployments.duration)
    return replace(part, failures=failures, deployments=deployments)


def _planned(count: Fraction, duration: int) -> Planned | None:
    """Return the deployments.

    Raises:
        ValueError: they take longer than the time between two of them.
    """
    every = round(MONTH / count) if count else 0
    if every and duration >= every:
        raise ValueError(f"at most {MONTH // (duration + 1)} deployments of this length fit into 30 days")
    return Planned(every, duration) if every else None
