"""Compute the exact expected availability of a design, and the contributors to its downtime."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.feasibility.decision_diagram import Diagram
from sla.feasibility.reliability_model import MAINTENANCE, build_model, deployments_leaf
from sla.interval import DAY

if TYPE_CHECKING:
    from sla.feasibility.design import Design
    from sla.feasibility.reliability_model import Model

YEAR = 365 * DAY

# Gauss-Legendre quadrature on (0, 1) as (point, weight), symmetric about 1/2. Exact for polynomials up to degree 15,
# that is for up to 16 leaves down at once; the neglected terms are products of 17 probabilities.
_QUADRATURE_NODES = (
    (0.09171732124782490, 0.18134189168918100),
    (0.26276620495816450, 0.15685332293894365),
    (0.39833323870681335, 0.11119051722668724),
    (0.48014492824876810, 0.05061426814518813),
)
_QUADRATURE = tuple((0.5 + side * x, weight) for x, weight in _QUADRATURE_NODES for side in (-1, 1))


@dataclass(frozen=True, slots=True)
class Contributor:
    """A leaf of the model, with its downtime in microseconds per year and its share of all downtime."""

    id: str
    name: str
    downtime: float
    share: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The long-run figures of a design. Use `unavailability`: 1 - `availability` loses digits."""

    unavailability: float
    contributors: tuple[Contributor, ...]

    @property
    def availability(self) -> float:
        """The availability, a share of the counted time."""
        return 1.0 - self.unavailability

    @property
    def exact_availability(self) -> Fraction:
        """The availability as an unrounded fraction."""
        return 1 - Fraction(self.unavailability)

    @property
    def downtime(self) -> float:
        """The downtime in microseconds per year of 365 days."""
        return self.unavailability * YEAR


def expected_unavailability(design: Design) -> float:
    """Return the unavailability of the design in the counted time.

    The result is exact for the model: independent parts with failure processes, combined by the decision diagram.
    Uncounted maintenance is independent of all other outages, so excluding it does not change the result.

    Raises:
        TooManySharedPartsError: too many shared parts.
    """
    model = build_model(design)
    return Diagram(model.structure).probability_down(model.probabilities())


def predict(design: Design) -> Prediction:
    """Return the expected availability and the contributors to downtime, largest first.

    A contribution is the Aumann-Shapley share (Aumann and Shapley, "Values of Non-Atomic Games", 1974): what the leaf's
    probability adds while all probabilities increase together from 0 to their values. The shares add up to the total
    downtime; parts that cause downtime only together share it.

    Raises:
        TooManySharedPartsError: see `expected_unavailability`.
    """
    model = build_model(design)
    diagram = Diagram(model.structure)
    unavailability = diagram.probability_down(model.probabilities())
    parts = _shares(model, diagram)
    # Correct the rounding error of the quadrature, so that the contributions add up.
    correction = unavailability / total if (total := sum(parts.values())) else 0.0
    names = _names(design)
    contributors = [
        Contributor(leaf, names[leaf], part * correction * YEAR, part / total if total else 0.0)
        for leaf, part in parts.items()
    ]
    return Prediction(
        unavailability, tuple(sorted(contributors, key=lambda contributor: (-contributor.downtime, contributor.id)))
    )


def _shares(model: Model, diagram: Diagram) -> dict[str, float]:
    parts = dict.fromkeys(model.leaves, 0.0)
    for point, weight in _QUADRATURE:
        slopes = diagram.importances(model.probabilities(point))
        for leaf in parts:
            # A negative slope is a rounding error: a failure cannot make the design available.
            parts[leaf] += weight * max(0.0, slopes[leaf]) * model.leaves[leaf].down
    return parts


def _names(design: Design) -> dict[str, str]:
    names = {part.id: part.name for part in design.parts} | {site.id: site.name for site in design.sites}
    names |= {deployments_leaf(part.id): f"deployments of {part.name}" for part in design.parts}
    return names | {MAINTENANCE: "planned maintenance"}
