"""Commands and replies of Redis (RESP). hiredis parses; the wire is ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from monitor.network.buffered_stream import offer
from monitor.network.failure import ProbeFailure, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.connection import Wire

_LIMIT = 65_536  # bytes of a reply; PONG takes seven
# A list (or map, set, push) of a thousand or more. No reply that we ask for is one, and the parser sets up all places
# of a list that is announced, which may be a thousand million.
_LONG_LIST = re.compile(rb"(?:^|\n)[*%~>|]\d{4}")


class Session:
    """One connection: a command, its reply, and so on."""

    def __init__(self, wire: Wire) -> None:
        import hiredis

        self._wire, self._hiredis, self._reader = wire, hiredis, hiredis.Reader()

    async def ask(self, *command: Any) -> Any:
        """Return the reply to a command.

        Raises:
            ProbeFailure: `redis_error`, ...: it is an error; `redis_malformed`, `hung_up`, `answer_too_long`.
        """
        broken = await offer(self._wire, self._hiredis.pack_command(command))
        heard = bytearray()
        while (reply := self._taken()) is False:
            data = await self._wire.receive()
            heard += data
            if not data and broken is not None:
                raise broken
            if not data or len(heard) > _LIMIT:
                what = f"{len(heard)} bytes" if data else "the connection was closed"
                word = "answer_too_long" if data else "hung_up"
                raise ProbeFailure(word, f"{what}, waiting for the reply to {command[0]}")
            if _LONG_LIST.search(heard):
                raise ProbeFailure("redis_malformed", f"a list without end in reply to {command[0]}")
            self._reader.feed(data)
        if isinstance(reply, self._hiredis.ReplyError):
            raise _refusal(command[0], str(reply))
        return reply

    def _taken(self) -> Any:
        try:
            return self._reader.gets()
        except (self._hiredis.HiredisError, ValueError, TypeError, OverflowError, MemoryError) as error:
            raise ProbeFailure("redis_malformed", f"no RESP: {quoted(str(error))}") from None


# How an error begins -> reason and whose fault it is. What we may not is our credentials' fault, until the
# server says more: nothing is known of what others get from it.
_ERRORS = {
    "LOADING": ("redis_loading", Outcome.BAD),
    "MASTERDOWN": ("redis_master_down", Outcome.BAD),
    "NOAUTH": ("credentials_refused", Outcome.UNKNOWN),
    "WRONGPASS": ("credentials_refused", Outcome.UNKNOWN),
    "NOPERM": ("credentials_refused", Outcome.UNKNOWN),
    # A password, or a user, that this server has no use for: Redis since 6, and before.
    "ERR AUTH <password> called without": ("credentials_refused", Outcome.UNKNOWN),
    "ERR Client sent AUTH, but no password is set": ("credentials_refused", Outcome.UNKNOWN),
    "ERR wrong number of arguments for 'auth'": ("credentials_refused", Outcome.UNKNOWN),
}


def _refusal(command: str, said: str) -> ProbeFailure:
    known = next((what for words, what in _ERRORS.items() if f"{said} ".startswith(words)), None)
    reason, outcome = known or ("redis_error", Outcome.BAD)
    return ProbeFailure(reason, f"{command}: {quoted(said)}", outcome=outcome)
