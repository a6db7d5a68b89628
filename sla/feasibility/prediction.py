"""What a design can be expected to reach, exactly, and what takes the rest away."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.feasibility.decision_diagram import Diagram
from sla.feasibility.reliability_model import MAINTENANCE, deployments_of, model_of
from sla.interval import DAY

if TYPE_CHECKING:
    from sla.feasibility.design import Design
    from sla.feasibility.reliability_model import Model

YEAR = 365 * DAY

# Gauss-Legendre on (0, 1): exact for polynomials up to degree 15, that is for up to 16 leaves down at once; beyond that
# the terms are products of 17 chances. (point, weight) pairs; the rule is symmetric about 1/2.
_HALF = (
    (0.09171732124782490, 0.18134189168918100),
    (0.26276620495816450, 0.15685332293894365),
    (0.39833323870681335, 0.11119051722668724),
    (0.48014492824876810, 0.05061426814518813),
)
_QUADRATURE = tuple((0.5 + side * x, weight) for x, weight in _HALF for side in (-1, 1))


@dataclass(frozen=True, slots=True)
class Contributor:
    """A leaf of the design and the part of the downtime that is due to it: microseconds a year, and share of it all."""

    id: str
    name: str
    downtime: float
    share: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The long-run figures of a design. `down` is the unavailability, kept because 1 - it would lose its digits."""

    down: float
    contributors: tuple[Contributor, ...]

    @property
    def availability(self) -> float:
        """The share of the time that counts during which the whole is up."""
        return 1.0 - self.down

    @property
    def exact(self) -> Fraction:
        """The same without the rounding of the subtraction, for printing and nines."""
        return 1 - Fraction(self.down)

    @property
    def downtime(self) -> float:
        """Microseconds a year of 365 days."""
        return self.down * YEAR


def expected_down(design: Design) -> float:
    """Return the chance that the whole is down at an instant that counts.

    Exact for the model: parts are independent, each as `process` says, and are combined by `diagram`. Maintenance that
    is not counted is independent of the rest, so that leaving it out of the year changes nothing else.

    Raises:
        EntangledError: the design shares too many parts in too many ways.
    """
    model = model_of(design)
    return Diagram(model.structure).down(model.chances())


def predict(design: Design) -> Prediction:
    """Return the expected availability, and the contributors with the largest first.

    A contributor's part is its Aumann-Shapley share (Aumann and Shapley, "Values of Non-Atomic Games", 1974): what its
    own chance to be down adds while all are raised together from nothing to what they are. The shares add up to the
    whole, and parts that can only fail the whole together share what they do.

    Raises:
        EntangledError: see `expected_down`.
    """
    model = model_of(design)
    diagram = Diagram(model.structure)
    down = diagram.down(model.chances())
    parts = _shares(model, diagram)
    # The quadrature leaves a rounding error, which is taken out so that the parts do add up.
    correction = down / total if (total := sum(parts.values())) else 0.0
    called = _names(design)
    found = [
        Contributor(leaf, called[leaf], part * correction * YEAR, part / total if total else 0.0)
        for leaf, part in parts.items()
    ]
    return Prediction(down, tuple(sorted(found, key=lambda each: (-each.downtime, each.id))))


def _shares(model: Model, diagram: Diagram) -> dict[str, float]:
    parts = dict.fromkeys(model.leaves, 0.0)
    for point, weight in _QUADRATURE:
        slopes = diagram.importance(model.chances(point))
        for leaf in parts:
            # No part's failure brings anything up; a slope below zero is what rounding left of zero.
            parts[leaf] += weight * max(0.0, slopes[leaf]) * model.leaves[leaf].down
    return parts


def _names(design: Design) -> dict[str, str]:
    called = {part.id: part.name for part in design.parts} | {site.id: site.name for site in design.sites}
    called |= {deployments_of(part.id): f"deployments of {part.name}" for part in design.parts}
    return called | {MAINTENANCE: "planned maintenance"}
