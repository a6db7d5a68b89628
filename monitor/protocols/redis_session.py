"""Send commands to Redis and read replies (RESP). hiredis implements the protocol without I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from monitor.network.buffered_stream import try_send
from monitor.network.failure import ProbeFailure, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.connection import Connection

_MAX_REPLY = 65_536  # bytes; PONG has 7
# A list, map, set or push with 1,000 or more elements. The parser would allocate all elements, up to 10^9, at once, and
# no expected reply is that long.
_LONG_LIST = re.compile(rb"(?:^|\n)[*%~>|]\d{4}")


class Session:
    """A connection that sends one command after another."""

    def __init__(self, connection: Connection) -> None:
        import hiredis

        self._connection, self._hiredis, self._reader = connection, hiredis, hiredis.Reader()

    async def command(self, *command: Any) -> Any:
        """Return the reply to a command.

        Raises:
            ProbeFailure: `redis_error` and the other reasons of error replies; `redis_malformed`, `hung_up`,
                `answer_too_long`.
        """
        send_failure = await try_send(self._connection, self._hiredis.pack_command(command))
        received = bytearray()
        while (reply := self._parse_reply()) is False:
            data = await self._connection.receive()
            received += data
            if not data and send_failure is not None:
                raise send_failure
            if not data or len(received) > _MAX_REPLY:
                problem = f"{len(received)} bytes" if data else "the connection was closed"
                reason = "answer_too_long" if data else "hung_up"
                raise ProbeFailure(reason, f"{problem}, waiting for the reply to {command[0]}")
            if _LONG_LIST.search(received):
                raise ProbeFailure("redis_malformed", f"a list of 1,000 or more elements in reply to {command[0]}")
            self._reader.feed(data)
        if isinstance(reply, self._hiredis.ReplyError):
            raise _error_failure(command[0], str(reply))
        return reply

    def _parse_reply(self) -> Any:
        try:
            return self._reader.gets()
        except (self._hiredis.HiredisError, ValueError, TypeError, OverflowError, MemoryError) as error:
            raise ProbeFailure("redis_malformed", f"not RESP: {quoted(str(error))}") from None


# Prefix of an error -> reason code and outcome. A permission error is unknown, because it concerns only this client.
_ERRORS = {
    "LOADING": ("redis_loading", Outcome.BAD),
    "MASTERDOWN": ("redis_master_down", Outcome.BAD),
    "NOAUTH": ("credentials_refused", Outcome.UNKNOWN),
    "WRONGPASS": ("credentials_refused", Outcome.UNKNOWN),
    "NOPERM": ("credentials_refused", Outcome.UNKNOWN),
    # A password or user for a server without authentication: Redis 6 and later, then earlier versions.
    "ERR AUTH <password> called without": ("credentials_refused", Outcome.UNKNOWN),
    "ERR Client sent AUTH, but no password is set": ("credentials_refused", Outcome.UNKNOWN),
    "ERR wrong number of arguments for 'auth'": ("credentials_refused", Outcome.UNKNOWN),
}


def _error_failure(command: str, reply: str) -> ProbeFailure:
    entry = next((entry for prefix, entry in _ERRORS.items() if f"{reply} ".startswith(prefix)), None)
    reason, outcome = entry or ("redis_error", Outcome.BAD)
    return ProbeFailure(reason, f"{command}: {quoted(reply)}", outcome=outcome)
