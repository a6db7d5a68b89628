"""Sessions of people who signed in, in memory, by the SHA-256 of the cookie's value.

Nothing on disk grants access, and a signed-out session cannot be used again. After a restart people sign in again; a
provider that still has a session of the person does this without a form.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.clock import secret_bytes

if TYPE_CHECKING:
    from monitor.clock import Clock

MAX_SESSIONS: Final = 10_000
MAX_PER_PERSON: Final = 20
_ID_BYTES: Final = 32


@dataclass(slots=True)
class Session:
    """A session; instants are microseconds since the epoch.

    `issuer` and `subject` identify the person, `names` are the role names from the issuer. `id_token` is required for
    the issuer's logout. `seen` is the instant of the last request.
    """

    issuer: str
    subject: str
    name: str
    names: tuple[str, ...]
    id_token: str
    made: int
    seen: int

    def expired(self, now: int, idle: int, longest: int) -> bool:
        """Return whether the session has ended at the instant. The limits are microseconds."""
        return now >= self.seen + idle or now >= self.made + longest


class Sessions:
    """The sessions of the running daemon. Above the limit, the oldest one is removed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def create(self, issuer: str, subject: str, name: str, names: tuple[str, ...], id_token: str) -> str:
        """Add a session, and return the value of its cookie, which is not stored."""
        now = self._clock.now()
        own = [key for key, session in self._sessions.items() if (session.issuer, session.subject) == (issuer, subject)]
        for key in own[: max(0, len(own) - MAX_PER_PERSON + 1)]:
            del self._sessions[key]
        while len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        value = base64.urlsafe_b64encode(secret_bytes(_ID_BYTES)).decode().rstrip("=")
        self._sessions[_digest(value)] = Session(issuer, subject, name, names, id_token, now, now)
        return value

    def find(self, value: str, idle: int, longest: int) -> Session | None:
        """Return and extend the session of a cookie. None if it does not exist or has expired."""
        key, now = _digest(value), self._clock.now()
        session = self._sessions.get(key)
        if session is None:
            return None
        if session.expired(now, idle, longest):
            del self._sessions[key]
            return None
        session.seen = now
        return session

    def exists(self, value: str, idle: int, longest: int) -> bool:
        """Return whether the session of a cookie exists and has not expired. Does not extend it."""
        session = self._sessions.get(_digest(value))
        return session is not None and not session.expired(self._clock.now(), idle, longest)

    def end(self, value: str) -> Session | None:
        """Remove the session of a cookie, and return it."""
        return self._sessions.pop(_digest(value), None)

    def end_expired(self, idle: int, longest: int) -> None:
        """Remove all sessions that have expired."""
        now = self._clock.now()
        expired = [key for key, session in self._sessions.items() if session.expired(now, idle, longest)]
        for key in expired:
            del self._sessions[key]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode(errors="replace")).hexdigest()
