"""Changes of a product, and the part of its recorded downtime that each change would have avoided.

Causes are not recorded, so a change has three results for each instant: `certain`, `estimated` and `possible`. Under
the change's assumptions, the truth is between `certain` and `possible`. Downtime is attributed by the dependencies that
were down at the same time, as in `sla/downtime_split.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from sla.duration import format_exact_duration
from sla.interval import MINUTE
from sla.states import State
from sla.window import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.interval import Interval
    from sla.whatif_outage import Outage

FAILOVER_WITHIN: Final = 15 * MINUTE
FORMS: Final = "decouple/DEPENDENCY, failover/15m, zero-downtime, replica"


class ChangeKind(StrEnum):
    """A kind of change. Its value is the first part of the change's id."""

    DECOUPLE = "decouple"
    FAILOVER = "failover"
    ZERO_DOWNTIME = "zero-downtime"
    REPLICA = "replica"


class ChangeName(NamedTuple):
    """The parts of a change's id. `dependency` is set for `decouple`, `within` (microseconds) for `failover`."""

    kind: ChangeKind
    dependency: str = ""
    within: int = 0

    @classmethod
    def parse(cls, text: str) -> ChangeName:
        """Parse an id: `decouple/mail`, `failover/15m`, `failover` (15 minutes), `zero-downtime`, `replica`.

        Raises:
            ValueError: the text has another form. The message lists the forms.
        """
        kind, slash, target = text.strip().partition("/")
        if kind == ChangeKind.DECOUPLE and target:
            return cls(ChangeKind.DECOUPLE, dependency=target)
        if kind == ChangeKind.FAILOVER:
            within = parse_duration(target) if slash else FAILOVER_WITHIN
            return cls(ChangeKind.FAILOVER, within=within)
        if kind in (ChangeKind.ZERO_DOWNTIME, ChangeKind.REPLICA) and not slash:
            return cls(ChangeKind(kind))
        raise ValueError(f'unknown change "{text}"; use one of {FORMS}')

    def __str__(self) -> str:
        """Return the id, with the exact duration in its normal form."""
        within = format_exact_duration(self.within).replace(" ", "") if self.kind is ChangeKind.FAILOVER else ""
        target = self.dependency or within
        return f"{self.kind}/{target}" if target else str(self.kind)


class Avoided(NamedTuple):
    """The instants from which a change avoids a piece of an outage: possibly, by estimate, certainly.

    None if it does not avoid any of it. The instants are in ascending order.
    """

    possible: int | None = None
    estimated: int | None = None
    certain: int | None = None


class Change(ABC):
    """A change of a product. `avoided` is called for pieces in which the product is not up, cut at all `edges`."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> ChangeName:
        """The id."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The change as an imperative sentence, without a period."""

    @property
    @abstractmethod
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions of the estimate, as sentences."""

    @property
    def edges(self) -> Sequence[int]:
        """The ordered instants at which the answer may change within a piece."""
        return ()

    @property
    def has_estimate(self) -> bool:
        """Whether the record supports an estimate. Without one, only the bounds are known."""
        return True

    @abstractmethod
    def avoided(self, outage: Outage, at: int) -> Avoided:
        """Return what the change avoids of the piece that begins at the instant."""


@dataclass(frozen=True, slots=True)
class Decoupling(Change):
    """The product stays up while the dependency is down. `title` is the display name of the dependency."""

    dependency: str
    title: str

    @property
    def name(self) -> ChangeName:
        """The id."""
        return ChangeName(ChangeKind.DECOUPLE, dependency=self.dependency)

    @property
    def text(self) -> str:
        """The change as an imperative sentence."""
        return f"Decouple from {self.title}"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions of the estimate."""
        return (
            f"Minimum and estimate: downtime while {self.title}, and no other dependency, was down had its cause "
            "there. The record shows that both were down, not the cause.",
            f"The maximum adds downtime while {self.title} may have been down, and the rest of those outages.",
        )

    def avoided(self, outage: Outage, at: int) -> Avoided:
        """Return what the change avoids of the piece that begins at the instant."""
        state = outage.dependencies[self.dependency]
        others = [state for name, state in outage.dependencies.items() if name != self.dependency]
        possible = self.dependency in outage.affected_dependencies
        estimated = state.estimate is State.DOWN and all(state.estimate is not State.DOWN for state in others)
        certain = state is State.DOWN and all(state is State.UP for state in others)
        return Avoided(*(at if holds else None for holds in (possible, estimated, certain)))


@dataclass(frozen=True, slots=True)
class Failover(Change):
    """A second site takes over `within` microseconds of a failure of the product itself."""

    within: int = FAILOVER_WITHIN

    @property
    def name(self) -> ChangeName:
        """The id."""
        return ChangeName(ChangeKind.FAILOVER, within=self.within)

    @property
    def text(self) -> str:
        """The change as an imperative sentence."""
        return f"Fail over to a second site within {format_exact_duration(self.within)}"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions of the estimate."""
        return (
            "Every failover works, and every outage of the product itself ends after "
            f"{format_exact_duration(self.within)} at the latest.",
            "A failover does not help while a dependency is down. Outages in which a dependency may have been down "
            "before count in the estimate and the maximum only, with the failover after the dependency is up.",
        )

    def avoided(self, outage: Outage, at: int) -> Avoided:
        """Return what the change avoids of the piece that begins at the instant."""
        possible = None if outage.with_dependency else outage.not_up_since
        certain = None if outage.affected_dependencies else outage.certain
        starts = (possible, outage.own, certain)
        return Avoided(*(None if start is None else max(at, start + self.within) for start in starts))


@dataclass(frozen=True, slots=True)
class DeploymentsWithoutDowntime(Change):
    """Deployments cause no downtime.

    `spans` are the settling times after the marked deployments up to the window's end, in order, including earlier
    ones, because an outage may have begun before the window. `marked` is the number of deployments in the window.
    """

    spans: tuple[Interval, ...]
    settle: int
    marked: int

    @property
    def name(self) -> ChangeName:
        """The id."""
        return ChangeName(ChangeKind.ZERO_DOWNTIME)

    @property
    def text(self) -> str:
        """The change as an imperative sentence."""
        return "Deploy without downtime"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions of the estimate."""
        return (
            f"Deployments that are not marked are unknown; {self.marked} in the window are marked.",
            f"Minimum and estimate: outages that begin within {format_exact_duration(self.settle)} of a mark, while no "
            "dependency was down, have their cause in the deployment, up to that time.",
            "The maximum has the complete outage, and outages that may have begun in that time.",
        )

    @property
    def edges(self) -> Sequence[int]:
        """The ordered instants at which the answer may change within a piece."""
        return sorted({edge for span in self.spans for edge in (span.start, span.end)})

    def avoided(self, outage: Outage, at: int) -> Avoided:
        """Return what the change avoids of the piece that begins at the instant."""
        start, latest = outage.not_up_since, at if outage.certain is None else outage.certain
        assert start is not None, "the product is not up"  # noqa: S101 - for the type checker
        possible = not outage.with_dependency and any(s.start <= latest and start < s.end for s in self.spans)
        estimated = not outage.estimated_with_dependency and self._caused(outage.estimated, at)
        certain = not outage.affected_dependencies and self._caused(start, at)
        return Avoided(*(at if holds else None for holds in (possible, estimated, certain)))

    def _caused(self, start: int | None, at: int) -> bool:
        """Return whether the instant, and the start of its outage, are in the settling time of one deployment."""
        return start is not None and any(span.start <= start and at < span.end for span in self.spans)


@dataclass(frozen=True, slots=True)
class SecondReplica(Change):
    """A second replica serves when one fails."""

    @property
    def name(self) -> ChangeName:
        """The id."""
        return ChangeName(ChangeKind.REPLICA)

    @property
    def text(self) -> str:
        """The change as an imperative sentence."""
        return "Run a second replica"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions of the estimate."""
        return (
            "The record does not show whether an outage was of one replica or of all that replicas share (release, "
            "database, platform), so there is no estimate.",
            "The maximum has all downtime while no dependency was certainly down.",
        )

    @property
    def has_estimate(self) -> bool:
        """Whether the record supports an estimate."""
        return False

    def avoided(self, outage: Outage, at: int) -> Avoided:
        """Return what the change avoids of the piece that begins at the instant."""
        return Avoided() if outage.with_dependency else Avoided(possible=at)
