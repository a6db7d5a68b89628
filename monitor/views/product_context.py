"""What is behind a product's figures: its stage, what it rests on, who relies on it, and what downtime costs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.dependent_clients import DependentClient, all_dependencies, dependent_clients, misfits_of
from monitor.views.formatting import StateBadge, state_badge
from sla.availability import Bounds, downtime
from sla.downtime_cost import Line, Value, justification, value
from sla.interval import SECOND, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from monitor.config.model import Product
    from monitor.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.dependency_paths import DependencyPath
    from sla.incident import Incident
    from sla.stage import Misfit


@dataclass(frozen=True, slots=True)
class Dependency:
    """A product that another one needs, and the way to it; its figures are over the other one's window."""

    product: Product
    way: DependencyPath
    part: bool
    badge: StateBadge
    bounds: Bounds[Fraction | None]

    def as_json(self) -> dict[str, Any]:
        """Return it as the API tells it. `part`: the way begins with a part, not with a dependency."""
        return {
            "product": self.product.id,
            "name": self.product.name,
            "component": self.product.component,
            "part": self.part,
            "way": list(self.way),
            "state": self.badge.style,
            "objective": float(self.product.objective.ratio),
            "availability": {n: None if b is None else float(b) for n, b in self.bounds._asdict().items()},
        }


@dataclass(frozen=True, slots=True)
class ProductContext:
    """What is behind one product's figures; `value` is over its own window, held against the one before."""

    product: Product
    misfits: tuple[Misfit, ...]
    dependencies: list[Dependency]
    dependent_clients: list[DependentClient]
    value: Value | None

    @property
    def lines(self) -> list[Line]:
        """The value in words; none where no hour has a price."""
        return [] if self.value is None else justification(self.value)

    @property
    def stage(self) -> str:
        """The stage and the component in words; empty where neither is named."""
        component = {"simple": "simple component", "complex": "complex component"}.get(
            self.product.component or "", self.product.component
        )
        stage = self.product.stage and self.product.stage.replace("-", " ")
        return ", ".join(filter(None, (stage, component)))

    def as_json(self) -> dict[str, Any]:
        """Return it as the API tells it. No contact is in it."""
        return {
            "stage": self.product.stage and self.product.stage.value,
            "unfit": [{"about": each.about.value, "text": each.text} for each in self.misfits],
            "component": self.product.component,
            "parts": list(self.product.parts),
            "rests_on": [each.as_json() for each in self.dependencies],
            "clients": [_client(each) for each in self.dependent_clients],
            "value": None if self.value is None else self.value.as_json(),
        }


async def product_context(ledger: Ledger, product: Product, now: int, slices: TimeSlices) -> ProductContext:
    """Return what is behind the product's figures as of now."""
    window = Interval(now - product.window, now)
    dependencies = []
    for name, way in all_dependencies(ledger.portfolio, product.id).items():
        needed = ledger.products[name]
        figures = ledger.measured(name, window, now).availability
        dependencies.append(
            Dependency(needed, way, way[1] in product.parts, state_badge(ledger.state(name, now)), figures)
        )
        await slices.yield_if_spent()
    found = list(dependent_clients(ledger.portfolio, product.id))
    misfits = misfits_of(ledger.portfolio, product, now)
    return ProductContext(product, misfits, dependencies, found, _value(ledger, product, now))


def _value(ledger: Ledger, product: Product, now: int) -> Value | None:
    if product.value_per_hour is None:
        return None
    start = now - product.window
    own = ledger.measured(product.id, Interval(start, now), now)
    before = ledger.measured(product.id, Interval(start - product.window, start), now)
    return value(product.value_per_hour.rate, own, before)


@dataclass(frozen=True, slots=True)
class AffectedClient:
    """A client whom an incident reached. `downtime` (microseconds, point) is that of the product they use, while the
    incident lasted: what was seen, where the way alone says what may have been.
    """

    dependent: DependentClient
    downtime: int

    def as_json(self) -> dict[str, Any]:
        """Return it as the API tells it."""
        return _client(self.dependent) | {"product_downtime_seconds": self.downtime / SECOND}


def affected_clients(
    ledger: Ledger, incident: Incident, found: Iterable[DependentClient], now: int
) -> list[AffectedClient]:
    """Return those of the reliants who relied on their product before the incident ended; up to now while it lasts."""
    end = max(incident.opened, now if incident.resolved is None else incident.resolved)
    span, zone = Interval(incident.opened, end), ledger.portfolio.zone
    return [
        AffectedClient(each, downtime(ledger.compositions[each.product].durations(span)).point)
        for each in found
        if each.client.relies_by(end, zone)
    ]


def clients_affected(ledger: Ledger, incident: Incident, now: int) -> list[AffectedClient]:
    """Return whom the incident reached: the clients of its product, and of those that need it."""
    return affected_clients(ledger, incident, dependent_clients(ledger.portfolio, incident.product), now)


def _client(dependent: DependentClient) -> dict[str, Any]:
    client = dependent.client
    return {
        "client": client.name,
        "count": client.count,
        "risk": client.risk,
        "since": None if client.since is None else client.since.isoformat(),
        "product": dependent.product,
        "way": list(dependent.way),
    }
