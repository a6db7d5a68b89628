"""The interface of a kind of transaction, and the outcome of a write that failed."""

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

_PHASES_BEFORE_SENDING: Final = frozenset({"", "resolve", "connect", "tls"})  # phases in which no request was sent


class RefusedError(ProbeFailure):
    """The target refused a request, which certainly had no effect. `final`: a repetition will be refused too."""

    def __init__(self, detail: str, *, final: bool) -> None:
        super().__init__("refused", detail)
        self.final = final


class MissingValueError(Exception):
    """A request needs a secret value that only an earlier process of the daemon had."""


@dataclass(frozen=True, slots=True)
class CapturedValues:
    """Values of a response: those that may be stored, and those that are kept in memory only."""

    values: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, TemporarySecret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of reading back: the number of copies per write, and secret values that replace those of the run."""

    copies: Mapping[str, int]
    secrets: Mapping[str, TemporarySecret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    """A resolved request without secrets, and the references of the secrets that it uses."""

    request: str
    secrets: tuple[str, ...] = ()


class Driver(Protocol):
    """Send the requests of one configured transaction. `secrets` are the secret values captured for the run."""

    @property
    def finishes(self) -> bool:
        """Whether a transaction has a write that finishes it."""
        ...

    @property
    def finds(self) -> bool:
        """Whether writes can be looked up by run id, without values captured from a response."""
        ...

    def describe(self, step: str, run: str, values: Mapping[str, str]) -> Description:
        """Return the request of a write for the intent log."""
        ...

    async def write(
        self, attempt: Attempt, step: str, run: Run, secrets: Mapping[str, TemporarySecret]
    ) -> CapturedValues:
        """Send a write and return the values captured from its acknowledgement.

        Raises:
            ProbeFailure, OSError, MissingValueError: it was not acknowledged.
        """
        ...

    async def read(self, attempt: Attempt, run: Run, secrets: Mapping[str, TemporarySecret]) -> ReadResult:
        """Return the number of copies of each write that the target has, and new secret values of the run.

        Raises:
            ProbeFailure, OSError, MissingValueError: it could not be read.
        """
        ...

    async def clean(self, attempt: Attempt, run: Run, secrets: Mapping[str, TemporarySecret]) -> None:
        """Remove everything that the run wrote. It is not a failure if there is nothing to remove.

        Raises:
            ProbeFailure, OSError, MissingValueError: some writes may still exist.
        """
        ...


def outcome_of(error: Exception, phase: str) -> WriteOutcome:
    """Return the outcome of a write that failed in a phase of its attempt: FAILED if it certainly had no effect."""
    refused = isinstance(error, ProbeFailure) and error.reason in ("refused", "rate_limited")
    failed = refused or isinstance(error, MissingValueError) or phase in _PHASES_BEFORE_SENDING
    return WriteOutcome.FAILED if failed else WriteOutcome.INDETERMINATE
