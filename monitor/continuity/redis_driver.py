"""Transactions of two messages in a list of Redis or Valkey, one list per transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.continuity.driver import CapturedValues, Description, ReadResult, RefusedError
from monitor.network.failure import ProbeFailure
from monitor.network.tls_connection import connector
from monitor.probes.redis import RedisCheck
from monitor.protocols.redis_session import Session
from sla.continuity import BEGIN, FINISH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.continuity import ContinuityTransaction
    from monitor.config.continuity_kinds import QueuePair
    from monitor.network.attempt import Attempt
    from sla.intent import Run

_ERROR_REPLIES: Final = frozenset({"redis_error", "redis_loading", "redis_master_down", "credentials_refused"})
_LAST_MESSAGE: Final = 99  # index of the last message to read


@dataclass(frozen=True, slots=True)
class RedisDriver:
    """Sends the commands of one transaction, each over a separate connection."""

    check: RedisCheck
    prefix: str
    finishes: bool = True
    finds: bool = True

    def describe(self, step: str, run: str, values: Mapping[str, str]) -> Description:
        """Return the command of a write for the intent log."""
        del values
        password = self.check.password
        return Description(f"RPUSH {self.prefix}{run} {step}", () if password is None else (password.source,))

    async def write(self, attempt: Attempt, step: str, run: Run, secrets: object) -> CapturedValues:
        """Append the message of a step to the list of the run."""
        del secrets
        await self._command(attempt, "RPUSH", f"{self.prefix}{run.id}", step)
        return CapturedValues()

    async def read(self, attempt: Attempt, run: Run, secrets: object) -> ReadResult:
        """Return the number of messages of each step, without removing them."""
        del secrets
        messages = await self._command(attempt, "LRANGE", f"{self.prefix}{run.id}", 0, _LAST_MESSAGE)
        if not isinstance(messages, list):
            raise ProbeFailure("redis_malformed", "the reply to LRANGE is not a list")
        counts = Counter(message.decode(errors="replace") for message in messages if isinstance(message, bytes))
        return ReadResult({step: counts[step] for step in (BEGIN, FINISH)})

    async def clean(self, attempt: Attempt, run: Run, secrets: object) -> None:
        """Remove the list of the run."""
        del secrets
        await self._command(attempt, "DEL", f"{self.prefix}{run.id}")

    async def _command(self, attempt: Attempt, *command: Any) -> Any:
        """Return the reply to a command.

        Raises:
            RefusedError: the reply is an error; the command was not executed.
            ProbeFailure: the connection failed.
        """
        connect = connector(self.check, self.check.redis, encrypted=self.check.encrypted)
        with await connect(attempt) as connection:
            session = Session(connection)
            try:
                if self.check.password is not None:
                    attempt.enter("connect")  # no command is sent yet
                    await session.command("AUTH", *self._user(), self.check.password.reveal())
                attempt.enter("first_byte")
                return await session.command(*command)
            except ProbeFailure as failure:
                if failure.reason in _ERROR_REPLIES:
                    raise RefusedError(failure.detail, final=False) from None
                raise

    def _user(self) -> list[str]:
        return [self.check.user] if self.check.user else []


def redis_driver(transaction: ContinuityTransaction, pair: QueuePair) -> RedisDriver:
    """Return the driver of a configured transaction."""
    check = RedisCheck.model_construct(
        id=transaction.id,
        interval=transaction.every,
        timeout=transaction.timeout,
        redis=pair.address,
        user=pair.user,
        password=pair.password,
        encrypted=pair.encrypted,
        tls=pair.tls,
    )
    return RedisDriver(check, pair.prefix)
