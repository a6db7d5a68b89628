"""The state of a sign-in in progress: it is kept in a signed cookie, so that requests cannot fill the memory.

The key is created at start: a sign-in that a restart interrupts has to be started again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import astuple, dataclass
from typing import Final

from monitor.clock import secret_bytes
from sla.interval import MINUTE

VALID_FOR: Final = 15 * MINUTE
_MAX_LENGTH: Final = 4_000  # characters of a cookie


@dataclass(frozen=True, slots=True)
class Transaction:
    """A sign-in in progress. `expires` is microseconds since the epoch.

    The provider returns `state` in the redirect and `nonce` in the ID token. `verifier` is the secret of PKCE.
    """

    state: str
    nonce: str
    verifier: str
    return_to: str
    expires: int

    @classmethod
    def new(cls, return_to: str, now: int) -> Transaction:
        """Return a transaction with new random values."""
        state, nonce, verifier = (base64.urlsafe_b64encode(secret_bytes(32)).decode().rstrip("=") for _ in range(3))
        return cls(state, nonce, verifier, return_to, now + VALID_FOR)

    def has_state(self, state: str) -> bool:
        """Return whether the state of the redirect is that of the transaction."""
        return hmac.compare_digest(self.state.encode(), state.encode(errors="replace"))


class TransactionSigner:
    """Creates and verifies the cookies of transactions."""

    def __init__(self) -> None:
        self._key = secret_bytes(32)

    def cookie(self, transaction: Transaction) -> str:
        """Return the value of the cookie."""
        content = base64.urlsafe_b64encode(json.dumps(astuple(transaction)).encode()).decode()
        return f"{content}.{self._mac(content)}"

    def read(self, cookie: str, now: int) -> Transaction | None:
        """Return the transaction of a cookie. None if the signature is wrong or it has expired."""
        content, _, mac = cookie.partition(".")
        if len(cookie) > _MAX_LENGTH or not hmac.compare_digest(
            mac.encode(errors="replace"), self._mac(content).encode()
        ):
            return None
        transaction = Transaction(*json.loads(base64.urlsafe_b64decode(content)))
        return transaction if now < transaction.expires else None

    def _mac(self, content: str) -> str:
        digest = hmac.new(self._key, content.encode(errors="replace"), hashlib.sha256).digest()
        return binascii.hexlify(digest).decode()
