"""Identify the target of a transaction, so that runs are read back only where they were written."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.continuity import ContinuityTransaction

_DIGEST_DIGITS: Final = 16  # hexadecimal digits
_STEPS: Final = ("begin", "finish", "read", "find", "clean")
# Kind -> keys of its block that identify the target.
_IDENTITY_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "postgres": ("address", "database", "table"),
    "redis": ("address", "prefix"),
    "keycloak": ("realm", "client_id"),
    "chefs": ("url", "form"),
}


def fingerprint(transaction: ContinuityTransaction) -> str:
    """Return a fingerprint of the target's addresses and names, which does not depend on credentials and intervals."""
    identity = {"kind": transaction.kind, **_target(getattr(transaction, transaction.kind), transaction.kind)}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:_DIGEST_DIGITS]


def _target(block: Any, kind: str) -> dict[str, str]:
    if kind == "http":
        steps = {step: getattr(block, step) for step in _STEPS}
        return {step: str(request.url) for step, request in steps.items() if request is not None}
    return {name: str(getattr(block, name)) for name in _IDENTITY_KEYS[kind]}
