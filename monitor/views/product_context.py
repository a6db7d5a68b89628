"""The context of a product's figures: stage, dependencies, clients, and the cost of downtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.dependent_clients import DependentClient, all_dependencies, dependent_clients, violations_of
from monitor.ledger.product_readiness import readiness_of
from monitor.views.formatting import StateBadge, state_badge
from monitor.views.impact import client_json
from sla.downtime_cost import Line, Value, cost_lines, value

if TYPE_CHECKING:
    from fractions import Fraction

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.availability import Bounds
    from sla.dependency_paths import DependencyPath
    from sla.stage import Violation


@dataclass(frozen=True, slots=True)
class Dependency:
    """A product that another product needs, with the path to it and its availability in the other product's window.

    `part`: whether the path begins with a part instead of a dependency.
    """

    product: Product
    path: DependencyPath
    part: bool
    badge: StateBadge
    bounds: Bounds[Fraction | None]

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "product": self.product.id,
            "name": self.product.name,
            "component": self.product.component,
            "part": self.part,
            "path": list(self.path),
            "state": self.badge.style,
            "objective": float(self.product.objective.ratio),
            "availability": {
                name: None if bound is None else float(bound) for name, bound in self.bounds._asdict().items()
            },
        }


@dataclass(frozen=True, slots=True)
class ProductContext:
    """The context of one product's figures. `value` compares the product's own window with the previous window."""

    product: Product
    violations: tuple[Violation, ...]
    dependencies: list[Dependency]
    dependent_clients: list[DependentClient]
    value: Value | None

    @property
    def lines(self) -> list[Line]:
        """The cost of downtime as text; empty if `value_per_hour` is not set."""
        return [] if self.value is None else cost_lines(self.value)

    @property
    def stage(self) -> str:
        """The stage and the kind of component as text; empty if neither is configured."""
        component = {"simple": "simple component", "complex": "complex component"}.get(
            self.product.component or "", self.product.component
        )
        stage = self.product.stage and self.product.stage.replace("-", " ")
        return ", ".join(filter(None, (stage, component)))

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the API, without contact details."""
        return {
            "stage": self.product.stage and self.product.stage.value,
            "misfits": [violation.as_json() for violation in self.violations],
            "component": self.product.component,
            "parts": list(self.product.parts),
            "dependencies": [dependency.as_json() for dependency in self.dependencies],
            "clients": [client_json(dependent) for dependent in self.dependent_clients],
            "value": None if self.value is None else self.value.as_json(),
        }


async def product_context(ledger: Ledger, product: Product, now: int, slices: TimeSlices) -> ProductContext:
    """Return the context of the product's figures as of now."""
    window = ledger.own_window(product.id, now).measured
    dependencies = []
    for name, path in all_dependencies(ledger.portfolio, product.id).items():
        bounds = ledger.measured(name, window, now).availability
        badge = state_badge(ledger.state(name, now))
        dependencies.append(Dependency(ledger.products[name], path, path[1] in product.parts, badge, bounds))
        await slices.yield_if_spent()
    clients = list(dependent_clients(ledger.portfolio, product.id))
    violations = violations_of(ledger.portfolio, product, readiness_of(ledger, product.id, now))
    return ProductContext(product, violations, dependencies, clients, _value(ledger, product, now))


def _value(ledger: Ledger, product: Product, now: int) -> Value | None:
    if product.value_per_hour is None:
        return None
    measured = ledger.measured(product.id, ledger.own_window(product.id, now), now)
    previous = ledger.measured(product.id, product.window.before(now, ledger.portfolio.zone), now)
    return value(product.value_per_hour.rate, measured, previous)
