"""What is behind a product's figures: its stage, what it rests on, who relies on it, and what downtime costs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.dependent_clients import Reliant, reliants, rests_on, unfit
from monitor.views.formatting import Look, look
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
class Rest:
    """A product that another one needs, and the way to it; its figures are over the other one's window."""

    product: Product
    way: DependencyPath
    part: bool
    look: Look
    bounds: Bounds[Fraction | None]

    def as_json(self) -> dict[str, Any]:
        """Return it as the API tells it. `part`: the way begins with a part, not with a dependency."""
        return {
            "product": self.product.id,
            "name": self.product.name,
            "component": self.product.component,
            "part": self.part,
            "way": list(self.way),
            "state": self.look.style,
            "objective": float(self.product.objective.ratio),
            "availability": {n: None if b is None else float(b) for n, b in self.bounds._asdict().items()},
        }


@dataclass(frozen=True, slots=True)
class Behind:
    """What is behind one product's figures; `value` is over its own window, held against the one before."""

    product: Product
    unfit: tuple[Misfit, ...]
    rests: list[Rest]
    reliants: list[Reliant]
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
            "unfit": [{"about": each.about.value, "text": each.text} for each in self.unfit],
            "component": self.product.component,
            "parts": list(self.product.parts),
            "rests_on": [each.as_json() for each in self.rests],
            "clients": [_client(each) for each in self.reliants],
            "value": None if self.value is None else self.value.as_json(),
        }


async def behind(ledger: Ledger, product: Product, now: int, slices: TimeSlices) -> Behind:
    """Return what is behind the product's figures as of now."""
    window = Interval(now - product.window, now)
    rests = []
    for name, way in rests_on(ledger.portfolio, product.id).items():
        needed = ledger.products[name]
        figures = ledger.measured(name, window, now).availability
        rests.append(Rest(needed, way, way[1] in product.parts, look(ledger.state(name, now)), figures))
        await slices.yield_if_spent()
    found = list(reliants(ledger.portfolio, product.id))
    misfits = unfit(ledger.portfolio, product, now)
    return Behind(product, misfits, rests, found, _value(ledger, product, now))


def _value(ledger: Ledger, product: Product, now: int) -> Value | None:
    if product.value_per_hour is None:
        return None
    start = now - product.window
    own = ledger.measured(product.id, Interval(start, now), now)
    before = ledger.measured(product.id, Interval(start - product.window, start), now)
    return value(product.value_per_hour.rate, own, before)


@dataclass(frozen=True, slots=True)
class Affected:
    """A client whom an incident reached. `downtime` (microseconds, point) is that of the product they use, while the
    incident lasted: what was seen, where the way alone says what may have been.
    """

    reliant: Reliant
    downtime: int

    def as_json(self) -> dict[str, Any]:
        """Return it as the API tells it."""
        return _client(self.reliant) | {"product_downtime_seconds": self.downtime / SECOND}


def affected(ledger: Ledger, incident: Incident, found: Iterable[Reliant], now: int) -> list[Affected]:
    """Return those of the reliants who relied on their product before the incident ended; up to now while it lasts."""
    end = max(incident.opened, now if incident.resolved is None else incident.resolved)
    span, zone = Interval(incident.opened, end), ledger.portfolio.zone
    return [
        Affected(each, downtime(ledger.compositions[each.product].durations(span)).point)
        for each in found
        if each.client.relies_by(end, zone)
    ]


def affected_by(ledger: Ledger, incident: Incident, now: int) -> list[Affected]:
    """Return whom the incident reached: the clients of its product, and of those that need it."""
    return affected(ledger, incident, reliants(ledger.portfolio, incident.product), now)


def _client(reliant: Reliant) -> dict[str, Any]:
    client = reliant.client
    return {
        "client": client.name,
        "count": client.count,
        "risk": client.risk,
        "since": None if client.since is None else client.since.isoformat(),
        "product": reliant.product,
        "way": list(reliant.way),
    }
