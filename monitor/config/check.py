"""Keys of every kind of check.

A kind is one class, in the file of its probe:

    class TcpCheck(CheckBase):
        kind: ClassVar[str] = "tcp"
        tcp: HostPortField

Its key (`tcp`) distinguishes it from the others. Field docstrings become the JSON Schema's descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from monitor.config.base import Model
from monitor.config.former_ids import FormerIds
from monitor.config.outbound import Family, FamilyField
from monitor.config.values import Count, Duration, Id, Within
from sla.interval import DAY, MILLISECOND, MINUTE, SECOND

_PATIENCE = 10 * SECOND

Pace = Annotated[Duration, AfterValidator(Within(100 * MILLISECOND, DAY, "between 100ms and 1d"))]
Patience = Annotated[Duration, AfterValidator(Within(10 * MILLISECOND, 5 * MINUTE, "between 10ms and 5m"))]
Streak = Annotated[Count, Field(le=100)]


def _default_timeout(known: Mapping[str, Any]) -> int:
    """Return 10 s, or four fifths of the interval: a probe that times out then ends before the next one is due."""
    return min(_PATIENCE, int(known.get("interval", MINUTE)) * 4 // 5)


class CheckBase(Model):
    """Keys of every kind of check. A kind adds its own key, of its own name, and what belongs to it."""

    kind: ClassVar[str]

    id: Id
    """Identifies the check within its product. A changed id starts a new record, unless `was` has the former id."""

    was: FormerIds = ()
    """A former id, or a list of them: the check continues their record."""

    interval: Pace = MINUTE
    """Time between probes."""

    timeout: Patience = Field(default_factory=_default_timeout)
    """Time for one probe, from name lookup to last byte. Default 10s, or four fifths of the interval if shorter."""

    hold: Duration | None = None
    """How long an observation is valid if none follows. Default 2 x interval + timeout."""

    slow_after: Duration | None = None
    """A good answer that took longer is marked `slow`. It stays good; only `timeout` makes it bad."""

    fall: Streak = 2
    """Number of consecutive bad probes that open an incident. Measured downtime does not depend on it."""

    rise: Streak = 2
    """Number of consecutive good probes that resolve an incident."""

    @property
    def effective_hold(self) -> int:
        """Microseconds after which an observation is no longer trusted (measurement.md, section 2)."""
        return 2 * self.interval + self.timeout if self.hold is None else self.hold

    @property
    def lateness(self) -> int:
        """Microseconds after the instant of an observation until which its outcome may arrive."""
        return self.timeout

    @property
    def target(self) -> str:
        """What is probed, for people to read; holds no secret."""
        return str(getattr(self, self.kind))

    @classmethod
    def claims(cls, raw: Mapping[str, Any]) -> bool:
        """Return whether a check, as written, is of this kind: it has the kind's key.

        A mapping without `target` under that key is a block of options (`tls: {ca: ...}` of an http check).
        """
        given = raw.get(cls.kind)
        return cls.kind in raw and (not isinstance(given, Mapping) or "target" in given)

    @field_validator("timeout")
    @classmethod
    def _within_interval(cls, timeout: int, info: ValidationInfo) -> int:
        """Keep the interval true in an outage, when every probe takes the whole timeout and none may overlap."""
        if timeout > info.data.get("interval", timeout):
            raise ValueError("is longer than the interval; shorten it, or lengthen the interval")
        return timeout

    @field_validator("slow_after")
    @classmethod
    def _before_the_timeout(cls, slow_after: int | None, info: ValidationInfo) -> int | None:
        if slow_after is not None and slow_after >= info.data.get("timeout", slow_after + 1):
            raise ValueError("is no shorter than the timeout, so that nothing could ever be slow; shorten it")
        return slow_after

    @field_validator("hold")
    @classmethod
    def _beyond_interval(cls, hold: int | None, info: ValidationInfo) -> int | None:
        """Keep evenly spaced probes from leaving all time between them unknown."""
        if hold is not None and hold < info.data.get("interval", hold):
            raise ValueError("is shorter than the interval, so that no time would ever be known; lengthen it")
        return hold


class Reached(CheckBase):
    """A check of something that is reached by its address."""

    family: FamilyField = Family.ANY
    """Which of a name's addresses are tried: `any`, only `ip4` or `ip6`, or all with `ip4-first` or `ip6-first`."""
