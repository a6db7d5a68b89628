"""Keys of all kinds of checks.

A kind is one class, in the file of its probe:

    class TcpCheck(CheckBase):
        kind: ClassVar[str] = "tcp"
        tcp: HostPortField

Its key (`tcp`) distinguishes it from the others. Field docstrings become the JSON Schema's descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator

from monitor.config.base import Model
from monitor.config.former_ids import FormerIds
from monitor.config.latency_objectives import LatencyObjectiveBlock
from monitor.config.outbound import Family, FamilyField
from monitor.config.values import Count, Duration, Flag, Id, Within, problem_at
from monitor.probe_result import VANTAGE
from sla.interval import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from sla.votes import Quorum

_DEFAULT_TIMEOUT = 10 * SECOND
_DEFAULT_RECHECK = SECOND
_ALONE = Quorum(1, 1)

ProbeInterval = Annotated[Duration, AfterValidator(Within(100 * MILLISECOND, DAY, "between 100ms and 1d"))]
ProbeTimeout = Annotated[Duration, AfterValidator(Within(10 * MILLISECOND, 5 * MINUTE, "between 10ms and 5m"))]
RecheckDelay = Annotated[Duration, AfterValidator(Within(100 * MILLISECOND, HOUR, "between 100ms and 1h, or never"))]
Streak = Annotated[Count, Field(le=100)]


def _default_timeout(known: Mapping[str, Any]) -> int:
    """Return 10 s, or 80 % of the interval if shorter, so that a probe ends before the next one is due."""
    return min(_DEFAULT_TIMEOUT, int(known.get("interval", MINUTE)) * 4 // 5)


class CheckBase(Model):
    """Keys of all kinds of checks. A subclass adds a field with the name of its `kind`, and further fields."""

    kind: ClassVar[str]
    is_reference: ClassVar[bool] = False

    id: Id
    """Identifies the check within its product. A changed id starts a new history, unless `was` has the former id."""

    was: FormerIds = ()
    """A former id, or a list of former ids. The check continues their history."""

    enabled: Flag = True
    """`false`: no probes are sent. The check stays a member of the product; its time is unknown, never downtime."""

    interval: ProbeInterval = MINUTE
    """Time between probes."""

    timeout: ProbeTimeout = Field(default_factory=_default_timeout)
    """Time for one probe, from name lookup to last byte. Default 10s, or four fifths of the interval if shorter."""

    hold: Duration | None = None
    """How long an observation is valid if no other observation follows. Default 2 x interval + timeout."""

    slow_after: Duration | None = None
    """Latency above which a good observation is marked `slow`. It stays good; only `timeout` makes it bad."""

    objectives: tuple[LatencyObjectiveBlock, ...] = ()
    """Latency objectives of the check, such as `{latency: 95% under 400ms, window: 30d}`. Default: none."""

    fall: Streak = 2
    """Number of consecutive bad probes that open an incident. Measured downtime does not depend on it."""

    rise: Streak = 2
    """Number of consecutive good probes that resolve an incident."""

    recheck: Literal["never"] | RecheckDelay | None = None
    """Time from a probe that may open or resolve an incident until the re-check that confirms it, so that an incident
    opens after `fall` quick probes instead of `fall` intervals. `never`: only regular probes. Default 1s; `never` if a
    probe may write, is costly, or would evaluate the same measurement again. If the next regular probe is due sooner,
    there is no re-check."""

    _longest_wait: int = PrivateAttr(0)
    _vantages: tuple[str, ...] = PrivateAttr((VANTAGE,))
    _quorum: Quorum = PrivateAttr(_ALONE)

    @property
    def effective_hold(self) -> int:
        """Time after which an observation is no longer valid, in microseconds (measurement.md, section 2)."""
        return 2 * self.interval + self.timeout if self.hold is None else self.hold

    @property
    def recheck_delay(self) -> int | None:
        """Time from a probe to its re-check, in microseconds. None without re-checks."""
        if self.recheck is None:
            return _DEFAULT_RECHECK if self.rechecks else None
        return None if self.recheck == "never" else self.recheck

    @property
    def lateness(self) -> int:
        """Longest time from sending a probe to its final outcome, in microseconds."""
        return self.timeout + self._longest_wait

    def wait_for_references(self, longest_wait: int) -> None:
        """Add the longest wait of a bad outcome for references, in microseconds, to `lateness`."""
        self._longest_wait = longest_wait

    def set_vantages(self, others: tuple[str, ...], quorum: Quorum) -> None:
        """Set the other vantages that may probe the check, and the quorum of all vantages including this daemon."""
        self._vantages, self._quorum = ((VANTAGE, *others), quorum) if self.elsewhere else ((VANTAGE,), _ALONE)

    @property
    def vantages(self) -> tuple[str, ...]:
        """The ids of the vantages that decide the check's state, this daemon first."""
        return self._vantages

    @property
    def quorum(self) -> Quorum:
        """The number of vantages that must see the check down."""
        return self._quorum

    @property
    def elsewhere(self) -> bool:
        """Whether other vantages can make the observations of this check too."""
        return True

    @property
    def tightens(self) -> bool:
        """Whether extra probes are allowed, in drills and as re-checks. False if a probe writes or is costly."""
        return True

    @property
    def rechecks(self) -> bool:
        """Whether re-checks are made by default. False if they would evaluate the same measurement again."""
        return self.tightens

    def missing_permission(self) -> str:
        """Return why this process lacks the permission for these probes, with a remedy; empty if it has it."""
        return ""

    @property
    def target(self) -> str:
        """The target of the probes for display, without secrets."""
        return str(getattr(self, self.kind))

    @classmethod
    def matches(cls, raw: Mapping[str, Any]) -> bool:
        """Return whether the raw mapping of a check has the key of this kind.

        If the key's value is a mapping without `target`, it is a block of options (`tls: {ca: ...}` of an http check).
        """
        options = raw.get(cls.kind)
        return cls.kind in raw and (not isinstance(options, Mapping) or "target" in options)

    @field_validator("timeout")
    @classmethod
    def _within_interval(cls, timeout: int, info: ValidationInfo) -> int:
        """Reject a timeout above the interval: in an outage, probes would overlap or the interval would not be met."""
        if timeout > info.data.get("interval", timeout):
            raise ValueError("is longer than the interval; shorten the timeout, or lengthen the interval")
        return timeout

    @field_validator("slow_after")
    @classmethod
    def _before_the_timeout(cls, slow_after: int | None, info: ValidationInfo) -> int | None:
        if slow_after is not None and slow_after >= info.data.get("timeout", slow_after + 1):
            raise ValueError("must be shorter than the timeout, otherwise no observation is ever slow; shorten it")
        return slow_after

    @field_validator("objectives")
    @classmethod
    def _decidable_before_the_timeout(
        cls, objectives: tuple[LatencyObjectiveBlock, ...], info: ValidationInfo
    ) -> tuple[LatencyObjectiveBlock, ...]:
        for number, block in enumerate(objectives):
            if block.latency.limit > info.data.get("timeout", block.latency.limit):
                raise problem_at(
                    str(number), "the limit is longer than the timeout, so no answer exceeds it; shorten it"
                )
        return objectives

    @field_validator("hold")
    @classmethod
    def _beyond_interval(cls, hold: int | None, info: ValidationInfo) -> int | None:
        """Reject a hold below the interval: all time between probes would be unknown."""
        if hold is not None and hold < info.data.get("interval", hold):
            raise ValueError("is shorter than the interval, so the time between probes would be unknown; lengthen it")
        return hold


class NetworkCheck(CheckBase):
    """A check that connects to the address of a host."""

    family: FamilyField = Family.ANY
    """Address family: `any`, only `ip4` or `ip6`, or both with the given one first: `ip4-first`, `ip6-first`."""
