"""Links that prove by themselves what they permit: an HMAC over an alert, a receiver and an expiry.

The key lies in a file of its own next to the record, with mode 0600, so that links of earlier messages work after a
restart. A link permits to acknowledge one alert and to mark its page, nothing else.
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

VALID_FOR: Final = 7 * DAY  # microseconds from the decision of the message; a reminder has a new link
LONGEST: Final = 1_000  # characters of a token
_PURPOSE: Final = b"ninewatch acknowledge 1\0"
_KEY_BYTES: Final = 32
_OWNER_ONLY: Final = 0o600


class LinkError(Exception):
    """The token of a link is not valid: `wrong`, or `expired`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link permits: to acknowledge the alert of `key`, of which `receiver` was notified, until `expires`.

    `product` is that of the alert, empty for one about the monitor itself. `expires` is microseconds since the epoch,
    whole seconds.
    """

    key: str
    receiver: str
    product: str
    expires: int


class LinkSigner:
    """Makes tokens of links and verifies them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, claim: Claim) -> str:
        """Return the token for a URL: the claim and its HMAC-SHA256, both in base64url."""
        content = json.dumps(
            [claim.key, claim.receiver, claim.product, claim.expires // SECOND], separators=(",", ":")
        ).encode()
        return f"{_encoded(content)}.{_encoded(self._mac(content))}"

    def claim(self, token: str, now: int) -> Claim:
        """Return what a token permits at the instant.

        Raises:
            LinkError: it was not made with this key, or has expired. Nothing in it is read before its HMAC is verified.
        """
        content, mac = _parts(token)
        if not hmac.compare_digest(mac, self._mac(content)):
            raise LinkError("wrong")
        key, receiver, product, seconds = json.loads(content)
        claim = Claim(key, receiver, product, seconds * SECOND)
        if claim.expires <= now:
            raise LinkError("expired")
        return claim

    def _mac(self, content: bytes) -> bytes:
        return hmac.new(self._key, _PURPOSE + content, hashlib.sha256).digest()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _parts(token: str) -> tuple[bytes, bytes]:
    content, dot, mac = token.partition(".")
    if not dot or len(token) > LONGEST or not token.isascii():
        raise LinkError("wrong")
    try:
        return _decoded(content), _decoded(mac)
    except ValueError:
        raise LinkError("wrong") from None


def _decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding; of several texts for the same bytes only one is accepted."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encoded(raw) != text:
        raise ValueError("not canonical")
    return raw


def key_path(record: Path) -> Path:
    """Return the file of the key of a record."""
    return record.with_name(record.name + ".link-key")


def load_signer(record: Path) -> LinkSigner:
    """Return the signer of a record; its key is created if there is none.

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
        raise NinewatchError(f"{path} is too short for a key; remove it, and a new one is created")
    return LinkSigner(key)


def _create(path: Path) -> None:
    """Write a key that is complete or not there, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secret_bytes(6).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was faster: its key counts
            os.link(draft, path)
    finally:
        draft.unlink()
