"""Callbacks: verify and parse requests of a service about a message that was sent to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.config.secret import Secret

ACKNOWLEDGE: Final = "acknowledge"
USEFUL: Final = "useful"
NOISE: Final = "noise"
ACTIONS: Final = (ACKNOWLEDGE, USEFUL, NOISE)
_MAX_NAME_LENGTH: Final = 100


class CallbackRefused(Exception):  # noqa: N818 - an expected answer, not a defect
    """The callback has no valid signature, or an invalid format."""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A received request. Names of headers are in lower case; `now` is microseconds since the epoch."""

    headers: Mapping[str, str]
    body: bytes
    now: int


@dataclass(frozen=True, slots=True)
class Callback:
    """The action of a person, one of `ACTIONS`, for the alert with this key. An empty action has no effect.

    An empty `key` refers to the only open alert of the receiver. `replies`: the service shows a JSON response.
    """

    action: str = ""
    key: str = ""
    by: str = ""
    replies: bool = field(default=False, kw_only=True)


def sign(secret: Secret | None, content: bytes) -> bytes:
    """Return the HMAC-SHA256 of the content with a configured secret.

    Raises:
        CallbackRefused: no secret is configured.
    """
    if secret is None:
        raise CallbackRefused("callbacks are not configured")
    return hmac.new(secret.reveal().encode(), content, hashlib.sha256).digest()


def sign_base64(secret: Secret | None, content: bytes) -> bytes:
    """Return the HMAC-SHA256 of the content with a secret in base64.

    Raises:
        CallbackRefused: no secret is configured, or it is not base64.
    """
    if secret is None:
        raise CallbackRefused("callbacks are not configured")
    try:
        key = base64.b64decode(secret.reveal(), validate=True)
    except ValueError:
        raise CallbackRefused("the secret is not base64") from None
    return hmac.new(key, content, hashlib.sha256).digest()


def verify(signatures: Iterable[str], expected: str) -> None:
    """Compare signatures with the expected signature, each in constant time.

    Raises:
        CallbackRefused: no signature matches.
    """
    matches = [hmac.compare_digest(signature.encode(errors="replace"), expected.encode()) for signature in signatures]
    if not any(matches):
        raise CallbackRefused("wrong signature")


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        CallbackRefused: the text is not a JSON object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise CallbackRefused("not JSON") from None
    if not isinstance(value, dict):
        raise CallbackRefused("not a JSON object")
    return value


def value_at(value: Any, *path: str) -> Any:
    """Return the value at a path of keys, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def person_name(name: Any) -> str:
    """Return a person's name from a service, on one line and truncated. Empty without a name."""
    text = name if isinstance(name, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MAX_NAME_LENGTH].strip()
