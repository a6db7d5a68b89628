"""The state of a component of a public status page: one of five, without causes."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from monitor.alerting.mutes import in_maintenance
from monitor.language import ENGLISH, translatable
from monitor.ledger.degraded import DegradedCause, degradations
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.language import Language
    from monitor.ledger.ledger import Ledger

_AFFECTS_USERS = (DegradedCause.SLOW, DegradedCause.REPORTED)


class ServiceState(Enum):
    """The state of a component, the worst first. The value is its name in JSON."""

    OUTAGE = "outage"
    DEGRADED = "degraded"
    NO_DATA = "no_data"
    MAINTENANCE = "maintenance"
    OPERATIONAL = "operational"

    @property
    def word(self) -> str:
        """The state as the page shows it."""
        return _WORDS[self]

    @property
    def shape(self) -> str:
        """The name of the shape of its icon."""
        return _SHAPES[self]


_WORDS = {
    ServiceState.OUTAGE: translatable("Outage"),
    ServiceState.DEGRADED: translatable("Degraded"),
    ServiceState.NO_DATA: translatable("No current data"),
    ServiceState.MAINTENANCE: translatable("Under maintenance"),
    ServiceState.OPERATIONAL: translatable("Operational"),
}
_SHAPES = {
    ServiceState.OUTAGE: "cross",
    ServiceState.DEGRADED: "minus",
    ServiceState.NO_DATA: "query",
    ServiceState.MAINTENANCE: "wrench",
    ServiceState.OPERATIONAL: "tick",
}


def service_state(ledger: Ledger, product: str, now: int) -> ServiceState:
    """Return the measured state of the product. Planned maintenance in progress explains each state except no data."""
    state = ledger.state(product, now).point
    if state is State.UNKNOWN:
        return ServiceState.NO_DATA
    if in_maintenance(ledger, product, now):
        return ServiceState.MAINTENANCE
    if state is State.DOWN:
        return ServiceState.OUTAGE
    affects_users = any(cause.cause in _AFFECTS_USERS for cause in degradations(ledger, product, now))
    return ServiceState.DEGRADED if affects_users else ServiceState.OPERATIONAL


def worst(states: Sequence[ServiceState]) -> ServiceState:
    """Return the worst of the states; no data without one."""
    return min(states, key=list(ServiceState).index, default=ServiceState.NO_DATA)


def summary(states: Sequence[tuple[str, ServiceState]], language: Language = ENGLISH) -> str:
    """Return the state of all components, as pairs of name and state, in one sentence without a full stop.

    >>> summary([("Sign-in", ServiceState.OUTAGE), ("Forms", ServiceState.OPERATIONAL)])
    'Outage of 1 of 2 services: Sign-in'
    """
    state, total = worst([state for _, state in states]), len(states)
    if state is ServiceState.OPERATIONAL:
        text = language.ngettext("The service is operational", "All {total} services are operational", total)
        return text.format(total=total)
    names = [name for name, actual in states if actual is state]
    if state is ServiceState.NO_DATA and len(names) == total:
        return language.gettext("No current data: the state of the services is not known")
    text = language.gettext(_PHRASES[state])
    return text.format(count=len(names), total=total, names=", ".join(names))


_PHRASES = {
    ServiceState.OUTAGE: translatable("Outage of {count} of {total} services: {names}"),
    ServiceState.DEGRADED: translatable("Degraded: {count} of {total} services: {names}"),
    ServiceState.NO_DATA: translatable("No current data on {count} of {total} services: {names}"),
    ServiceState.MAINTENANCE: translatable("Planned maintenance of {count} of {total} services: {names}"),
}
