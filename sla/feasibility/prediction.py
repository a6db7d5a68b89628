"""The exact expected availability of a design, and the contributors to its downtime."""

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

# Gauss-Legendre quadrature on (0, 1): exact for polynomials up to degree 15, that is for up to 16 leaves down at once;
# further terms are products of 17 probabilities. (point, weight) pairs, symmetric about 1/2.
_HALF = (
    (0.09171732124782490, 0.18134189168918100),
    (0.26276620495816450, 0.15685332293894365),
    (0.39833323870681335, 0.11119051722668724),
    (0.48014492824876810, 0.05061426814518813),
)
_QUADRATURE = tuple((0.5 + side * x, weight) for x, weight in _HALF for side in (-1, 1))


@dataclass(frozen=True, slots=True)
class Contributor:
    """A leaf of the design with its downtime in microseconds per year and its share of all downtime."""

    id: str
    name: str
    downtime: float
    share: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """Long-run figures of a design. `down` is the unavailability, which 1 - availability would round."""

    down: float
    contributors: tuple[Contributor, ...]

    @property
    def availability(self) -> float:
        """The availability, as a share of the counted time."""
        return 1.0 - self.down

    @property
    def exact(self) -> Fraction:
        """The availability without rounding of the subtraction, for printing and nines."""
        return 1 - Fraction(self.down)

    @property
    def downtime(self) -> float:
        """Downtime in microseconds per year of 365 days."""
        return self.down * YEAR


def expected_down(design: Design) -> float:
    """Return the unavailability of the design in the counted time.

    Exact for the model: independent parts with their failure processes, combined by the decision diagram. Maintenance
    that is not counted is independent of the rest, so its exclusion changes nothing else.

    Raises:
        EntangledError: too many shared parts.
    """
    model = model_of(design)
    return Diagram(model.structure).down(model.chances())


def predict(design: Design) -> Prediction:
    """Return the expected availability and the contributors, largest first.

    A contribution is the Aumann-Shapley share (Aumann and Shapley, "Values of Non-Atomic Games", 1974): what the leaf's
    probability adds while all probabilities increase together from 0 to their values. Shares add up to the whole; parts
    that cause downtime only together share it.

    Raises:
        EntangledError: see `expected_down`.
    """
    model = model_of(design)
    diagram = Diagram(model.structure)
    down = diagram.down(model.chances())
    parts = _shares(model, diagram)
    # Correct the rounding error of the quadrature, so that the contributions add up.
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
            # A failure never brings anything up, so a negative slope is a rounding error.
            parts[leaf] += weight * max(0.0, slopes[leaf]) * model.leaves[leaf].down
    return parts


def _names(design: Design) -> dict[str, str]:
    called = {part.id: part.name for part in design.parts} | {site.id: site.name for site in design.sites}
    called |= {deployments_of(part.id): f"deployments of {part.name}" for part in design.parts}
    return called | {MAINTENANCE: "planned maintenance"}
