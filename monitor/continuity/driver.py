"""The interface of the kinds of transactions, and the outcome of failed writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from monitor.network.failure import ProbeFailure
from sla.intent import WriteOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.log import TemporarySecret
    from monitor.network.attempt import Attempt
    from sla.intent import Run

_PHASES_BEFORE_SENDING: Final = frozenset({"", "resolve", "connect", "tls"})  # phases before a request is sent


class RefusedError(ProbeFailure):
    """The target refused a request, which certainly had no effect. `final`: a retry would be refused too."""

    def __init__(self, detail: str, *, final: bool) -> None:
        super().__init__("refused", detail)
        self.final = final


class MissingValueError(Exception):
    """A request needs a secret value that was lost with an earlier process of the daemon."""


@dataclass(frozen=True, slots=True)
class CapturedValues:
    """Values captured from a response. `values` may be stored, `secrets` are kept in memory only."""

    values: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, TemporarySecret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of reading back: number of copies per write, and new secret values of the run."""

    copies: Mapping[str, int]
    secrets: Mapping[str, TemporarySecret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    """A resolved request without secrets, and the references of its secrets."""

    request: str
    secrets: tuple[str, ...] = ()


class Driver(Protocol):
    """Sends the requests of one configured transaction. `secrets` are the secret values captured for the run."""

    @property
    def finishes(self) -> bool:
        """Whether a transaction has a write that finishes it."""
        ...

    @property
    def finds(self) -> bool:
        """Whether writes can be looked up by run id alone, without captured values."""
        ...

    def describe(self, step: str, run: str, values: Mapping[str, str]) -> Description:
        """Return the request of a write for the intent log."""
        ...

    async def write(
        self, attempt: Attempt, step: str, run: Run, secrets: Mapping[str, TemporarySecret]
    ) -> CapturedValues:
        """Send a write and return the values captured from its acknowledgement.

        Raises:
            ProbeFailure, OSError, MissingValueError: the write was not acknowledged.
        """
        ...

    async def read(self, attempt: Attempt, run: Run, secrets: Mapping[str, TemporarySecret]) -> ReadResult:
        """Return the number of copies of each write on the target, and new secret values of the run.

        Raises:
            ProbeFailure, OSError, MissingValueError: the writes could not be read.
        """
        ...

    async def clean(self, attempt: Attempt, run: Run, secrets: Mapping[str, TemporarySecret]) -> None:
        """Remove everything that the run wrote. Having nothing to remove is not a failure.

        Raises:
            ProbeFailure, OSError, MissingValueError: some writes may still exist.
        """
        ...


def outcome_of(error: Exception, phase: str) -> WriteOutcome:
    """Return the outcome of a write that failed in this phase: FAILED if it certainly had no effect."""
    refused = isinstance(error, ProbeFailure) and error.reason in ("refused", "rate_limited")
    failed = refused or isinstance(error, MissingValueError) or phase in _PHASES_BEFORE_SENDING
    return WriteOutcome.FAILED if failed else WriteOutcome.INDETERMINATE
