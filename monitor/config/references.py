"""Keys of `references`: targets that show whether this vantage can observe (measurement.md, section 1: unknown)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, create_model, field_validator

from monitor.config.check import CheckBase, ProbeInterval
from monitor.config.values import Duration, Flag, Id, Within
from sla.interval import MILLISECOND, SECOND

SYSTEM_IDS = IP4_GATEWAY, IP6_GATEWAY, SYSTEM_RESOLVER = "system-gateway", "system-gateway-ip6", "system-resolver"
REFERENCE_KINDS = ("tcp", "dns", "http", "icmp")
LONGEST_WAIT = 2 * SECOND  # a bad outcome is recorded after this time at the latest
_DEFAULT_TIMEOUT = 1_800 * MILLISECOND  # above the first retransmission of TCP (1 s), below LONGEST_WAIT

ReferenceTimeout = Annotated[
    Duration,
    AfterValidator(
        Within(10 * MILLISECOND, LONGEST_WAIT, "between 10ms and 2s, because a bad outcome waits at most 2s for it")
    ),
]


def _default_timeout(known: Mapping[str, Any]) -> int:
    return min(_DEFAULT_TIMEOUT, int(known.get("interval", 5 * SECOND)) * 4 // 5)


class ReferenceBase(CheckBase):
    """A target outside of the products: if all of them fail, this vantage is blind."""

    is_reference: ClassVar[bool] = True

    interval: ProbeInterval = 5 * SECOND
    """Time between probes. After a bad outcome of a product's check, the references are probed immediately."""

    timeout: ReferenceTimeout = Field(default_factory=_default_timeout)
    """Time for one probe, at most 2s. Default 1.8s, or four fifths of the interval if shorter."""

    near: Flag = False
    """`true`: a target of the local network, such as the gateway. It shows where the connection fails; only far
    references decide whether the vantage is blind.
    """

    via: Id | None = None
    """The named network that this reference tests, for products with the same `via`. Default: the uplink."""

    @field_validator("enabled")
    @classmethod
    def _reject_disabled(cls, enabled: bool) -> bool:
        if not enabled:
            raise ValueError("a reference cannot be disabled; remove the reference")
        return enabled

    @field_validator("recheck")
    @classmethod
    def _reject_rechecks(cls, recheck: str | int | None) -> str | int | None:
        """Reject re-checks: they confirm incidents, and references have none."""
        if recheck not in (None, "never"):
            raise ValueError("has no effect on a reference, which opens no incident; remove it")
        return recheck


@lru_cache(maxsize=8)
def reference_types(kinds: Sequence[type[CheckBase]]) -> tuple[type[ReferenceBase], ...]:
    """Return the classes of references: those of the checks whose kind can be a reference, with the keys above."""
    own = {
        name: (field.annotation, field)
        for name, field in ReferenceBase.model_fields.items()
        if name in ReferenceBase.__annotations__
    }
    return tuple(
        create_model(kind.__name__.replace("Check", "Reference"), __base__=(kind, ReferenceBase), **own)  # type: ignore[call-overload]
        for kind in kinds
        if kind.kind in REFERENCE_KINDS
    )
