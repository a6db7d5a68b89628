"""The status of a vantage: whether it can observe, and the last answers of its references."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sla.vantage import blind_families

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FAMILY_NAMES: Final = {"ip4": "IPv4", "ip6": "IPv6"}


@dataclass(frozen=True, slots=True)
class ReferenceStatus:
    """A reference with its last result: `good` is None before the first one, `at` is its instant, `latency` in seconds.

    `system`: detected on this machine rather than configured.
    """

    id: str
    kind: str
    target: str
    near: bool
    system: bool
    at: int | None = None
    good: bool | None = None
    reason: str = ""
    detail: str = ""
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class VantageStatus:
    """Whether a vantage can observe. `sees` is by address family: None while undecided, absent without references.

    `since` is the instant of the last change, initially of the start; `blind_until` the end of the last blind time.
    `blind_since` has since when each blind family is blind (default: `since`). `via` is the named network, None for the
    uplink.
    """

    id: str
    via: str | None
    since: int
    sees: Mapping[str, bool | None]
    references: tuple[ReferenceStatus, ...]
    blind_until: int | None = None
    blind_since: Mapping[str, int] = field(default_factory=dict)

    def blind_from(self, family: str) -> int:
        """Return the instant at which a blind family became blind."""
        return self.blind_since.get(family, self.since)

    def blind_before(self, instant: int) -> VantageStatus:
        """Return the status with only those families blind that have been blind since the instant or earlier."""
        sees = {family: sees is not False or self.blind_from(family) > instant for family, sees in self.sees.items()}
        return replace(self, sees=sees)

    @property
    def blind(self) -> tuple[str, ...]:
        """The families over which nothing can be observed."""
        return blind_families(self.sees)

    @property
    def fully_blind(self) -> bool:
        """Whether nothing can be observed over any family."""
        return bool(self.blind) and len(self.blind) == len(self.sees)

    @property
    def summary(self) -> str:
        """The blind families as a clause for messages."""
        families = " and ".join(FAMILY_NAMES[family] for family in self.blind)
        network = "" if self.via is None else f" of the network {self.via}"
        return f"no far reference{network} answers over {families}"

    @property
    def location(self) -> str:
        """The location of the network failure, derived from the near references. Empty without near references."""
        near = [reference for reference in self.references if reference.near and reference.good is not None]
        reached, silent = (_ids(reference for reference in near if reference.good is good) for good in (True, False))
        if reached:
            return f"the failure is beyond {reached}" + (f"; no answer from {silent}" if silent else "")
        return f"also no answer from {silent}: the failure is in the local network" if silent else ""


def _ids(references: Iterable[ReferenceStatus]) -> str:
    return ", ".join(reference.id for reference in references)
