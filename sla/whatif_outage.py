"""The outage in progress at an instant of a replay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Outage:
    """The states of a product and its dependencies at an instant, and since when they last.

    `not_up_since`: the product may be down since then (None: it is up). `estimated` and `certain`: it is down since
    then by estimate, or certainly. `own`: by estimate, it is down and all dependencies are up since then.
    `affected_dependencies`: the dependencies that may have been down since `not_up_since`.
    """

    product: State = State.UNKNOWN
    dependencies: Mapping[str, State] = field(default_factory=dict)
    not_up_since: int | None = None
    estimated: int | None = None
    certain: int | None = None
    own: int | None = None
    affected_dependencies: set[str] = field(default_factory=set)

    def advance(self, at: int, product: State, dependencies: Mapping[str, State]) -> None:
        """Set the states from the instant on."""
        self.product, self.dependencies = product, dependencies
        if product is State.UP:
            self.not_up_since = self.estimated = self.certain = self.own = None
            self.affected_dependencies.clear()
            return
        down = product.estimate is State.DOWN
        self.not_up_since = _since(self.not_up_since, at, holds=True)
        self.certain = _since(self.certain, at, holds=product is State.DOWN)
        self.estimated = _since(self.estimated, at, holds=down)
        all_up = all(state.estimate is State.UP for state in dependencies.values())
        self.own = _since(self.own, at, holds=down and all_up)
        self.affected_dependencies |= {name for name, state in dependencies.items() if state is not State.UP}

    @property
    def with_dependency(self) -> bool:
        """Whether a dependency is certainly down."""
        return State.DOWN in self.dependencies.values()

    @property
    def estimated_with_dependency(self) -> bool:
        """Whether a dependency is estimated to be down."""
        return any(state.estimate is State.DOWN for state in self.dependencies.values())


def _since(since: int | None, at: int, *, holds: bool) -> int | None:
    return (at if since is None else since) if holds else None
