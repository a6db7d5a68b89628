"""Send commands to Redis and read replies (RESP). hiredis implements the protocol without I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from monitor.network.buffered_stream import try_send
from monitor.network.failure import ProbeFailure, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.connection import Connection

_LIMIT = 65_536  # bytes of a reply; PONG takes 7
# A list (or map, set, push) of 1,000 or more elements, which no expected reply is: the parser allocates all elements of
# an announced list, which may be 10^9.
_LONG_LIST = re.compile(rb"(?:^|\n)[*%~>|]\d{4}")


class Session:
    """A connection on which commands are sent one after the other."""

    def __init__(self, connection: Connection) -> None:
        import hiredis

        self._connection, self._hiredis, self._reader = connection, hiredis, hiredis.Reader()

    async def command(self, *command: Any) -> Any:
        """Return the reply to a command.

        Raises:
            ProbeFailure: `redis_error` and others: an error reply; `redis_malformed`, `hung_up`, `answer_too_long`.
        """
        broken = await try_send(self._connection, self._hiredis.pack_command(command))
        heard = bytearray()
        while (reply := self._parse_reply()) is False:
            data = await self._connection.receive()
            heard += data
            if not data and broken is not None:
                raise broken
            if not data or len(heard) > _LIMIT:
                what = f"{len(heard)} bytes" if data else "the connection was closed"
                word = "answer_too_long" if data else "hung_up"
                raise ProbeFailure(word, f"{what}, waiting for the reply to {command[0]}")
            if _LONG_LIST.search(heard):
                raise ProbeFailure("redis_malformed", f"an unexpectedly long list in reply to {command[0]}")
            self._reader.feed(data)
        if isinstance(reply, self._hiredis.ReplyError):
            raise _refusal(command[0], str(reply))
        return reply

    def _parse_reply(self) -> Any:
        try:
            return self._reader.gets()
        except (self._hiredis.HiredisError, ValueError, TypeError, OverflowError, MemoryError) as error:
            raise ProbeFailure("redis_malformed", f"not RESP: {quoted(str(error))}") from None


# Prefix of an error -> reason and outcome. A permission error is unknown, because other clients may be served.
_ERRORS = {
    "LOADING": ("redis_loading", Outcome.BAD),
    "MASTERDOWN": ("redis_master_down", Outcome.BAD),
    "NOAUTH": ("credentials_refused", Outcome.UNKNOWN),
    "WRONGPASS": ("credentials_refused", Outcome.UNKNOWN),
    "NOPERM": ("credentials_refused", Outcome.UNKNOWN),
    # A password or user that this server does not expect: Redis since 6, and before.
    "ERR AUTH <password> called without": ("credentials_refused", Outcome.UNKNOWN),
    "ERR Client sent AUTH, but no password is set": ("credentials_refused", Outcome.UNKNOWN),
    "ERR wrong number of arguments for 'auth'": ("credentials_refused", Outcome.UNKNOWN),
}


def _refusal(command: str, reply: str) -> ProbeFailure:
    known = next((what for words, what in _ERRORS.items() if f"{reply} ".startswith(words)), None)
    reason, outcome = known or ("redis_error", Outcome.BAD)
    return ProbeFailure(reason, f"{command}: {quoted(reply)}", outcome=outcome)
