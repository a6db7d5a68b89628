"""Callbacks: what a service reports back of a message, with the proof that it comes from there."""

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
_LONGEST_NAME: Final = 100


class CallbackRefused(Exception):  # noqa: N818 - an expected answer, not a defect
    """The callback has no valid signature, or is not what the service sends."""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A request as it arrived; names of headers are in lower case, `now` is microseconds since the epoch."""

    headers: Mapping[str, str]
    body: bytes
    now: int


@dataclass(frozen=True, slots=True)
class Callback:
    """What a person did: one of `ACTIONS` for the alert of `key`. Without an action there is nothing to do.

    An empty `key` means the only open alert of the receiver. `replies` is whether the service shows an answer as JSON.
    """

    action: str = ""
    key: str = ""
    by: str = ""
    replies: bool = field(default=False, kw_only=True)


def signed(secret: Secret | None, content: bytes) -> bytes:
    """Return the HMAC-SHA256 of the content by a configured secret.

    Raises:
        CallbackRefused: none is configured.
    """
    if secret is None:
        raise CallbackRefused("callbacks are not configured")
    return hmac.new(secret.reveal().encode(), content, hashlib.sha256).digest()


def signed_base64(secret: Secret | None, content: bytes) -> bytes:
    """Return the HMAC-SHA256 of the content by a secret that is written in base64.

    Raises:
        CallbackRefused: none is configured, or it is not base64.
    """
    if secret is None:
        raise CallbackRefused("callbacks are not configured")
    try:
        key = base64.b64decode(secret.reveal(), validate=True)
    except ValueError:
        raise CallbackRefused("the secret is not base64") from None
    return hmac.new(key, content, hashlib.sha256).digest()


def verify(given: Iterable[str], expected: str) -> None:
    """Compare signatures with the expected one, each in constant time.

    Raises:
        CallbackRefused: none is it.
    """
    found = [hmac.compare_digest(each.encode(errors="replace"), expected.encode()) for each in given]
    if not any(found):
        raise CallbackRefused("wrong signature")


def parsed(text: bytes | str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        CallbackRefused: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise CallbackRefused("not JSON") from None
    if not isinstance(found, dict):
        raise CallbackRefused("not a JSON object")
    return found


def at(found: Any, *path: str) -> Any:
    """Return what stands at a path of keys, None if there is nothing."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def person(name: Any) -> str:
    """Return a person's name as a service gives it: on one line, cut to length; empty if there is none."""
    text = name if isinstance(name, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_NAME].strip()
