"""Signed links: an HMAC over an alert, a receiver and an expiry.

The key is in a file next to the record with mode 0600, so that the links of earlier messages work after a restart. A
link only permits acknowledging one alert and rating its page.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from monitor.clock import secret_bytes
from monitor.errors import NinewatchError
from sla.interval import DAY, SECOND

log = structlog.get_logger()

VALID_FOR: Final = 7 * DAY  # from the decision on the message; a reminder has a new link
MAX_TOKEN_LENGTH: Final = 1_000  # characters
_SIGNATURE_PURPOSE: Final = b"ninewatch acknowledge 1\0"
_KEY_BYTES: Final = 32
_OWNER_ONLY: Final = 0o600


class LinkError(Exception):
    """The token of a link was rejected: `invalid` or `expired`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The content of a link: it permits acknowledging the alert `key`, which was sent to `receiver`, until `expires`.

    `product` is empty for an alert about the monitor itself. `expires` is in microseconds since the epoch, a multiple
    of a second.
    """

    key: str
    receiver: str
    product: str
    expires: int


class LinkSigner:
    """Creates and verifies the tokens of links."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, claim: Claim) -> str:
        """Return the token for a URL: the claim and its HMAC-SHA256, both in base64url."""
        content = json.dumps(
            [claim.key, claim.receiver, claim.product, claim.expires // SECOND], separators=(",", ":")
        ).encode()
        return f"{_base64url(content)}.{_base64url(self._mac(content))}"

    def claim(self, token: str, now: int) -> Claim:
        """Return the claim of a token valid at `now`. The HMAC is verified before the content is parsed.

        Raises:
            LinkError: the token was made with another key, or has expired.
        """
        content, mac = _parts(token)
        if not hmac.compare_digest(mac, self._mac(content)):
            raise LinkError("invalid")
        key, receiver, product, seconds = json.loads(content)
        claim = Claim(key, receiver, product, seconds * SECOND)
        if claim.expires <= now:
            raise LinkError("expired")
        return claim

    def signature(self, purpose: str, content: str) -> str:
        """Return the HMAC-SHA256 (base64url) of `content` for another purpose. Neither text contains a NUL."""
        return _base64url(hmac.new(self._key, f"{purpose}\0{content}".encode(), hashlib.sha256).digest())

    def _mac(self, content: bytes) -> bytes:
        return hmac.new(self._key, _SIGNATURE_PURPOSE + content, hashlib.sha256).digest()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _parts(token: str) -> tuple[bytes, bytes]:
    content, dot, mac = token.partition(".")
    if not dot or len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise LinkError("invalid")
    try:
        return _from_base64url(content), _from_base64url(mac)
    except ValueError:
        raise LinkError("invalid") from None


def _from_base64url(text: str) -> bytes:
    """Decode base64url without padding; only the canonical encoding is accepted."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _base64url(raw) != text:
        raise ValueError("not canonical")
    return raw


def key_path(record: Path) -> Path:
    """Return the path of a record's key."""
    return record.with_name(record.name + ".link-key")


def load_signer(record: Path) -> LinkSigner:
    """Return the signer of a record; the key is created if it does not exist.

    Raises:
        NinewatchError: the key cannot be read or written, or is too short.
    """
    path = key_path(record)
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            log.warning("link_key_readable", file=str(path), advice=f"chmod 600 {path}")
    except OSError as error:
        raise NinewatchError(f"cannot use {path}: {(error.strerror or 'unreadable').lower()}") from None
    if len(key) < _KEY_BYTES:
        raise NinewatchError(f"{path} is too short for a key; remove it, and a new key is created")
    return LinkSigner(key)


def _create(path: Path) -> None:
    """Create the key file atomically: after a crash it is complete or does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secret_bytes(6).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process created it first; use its key
            os.link(draft, path)
    finally:
        draft.unlink()
