"""Parse JSON from a target within limits: 1 MiB of JSON may take 30 MiB of memory and 1 s to search.

The limits are proportional to `body_limit`, so that a check can raise them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from monitor.http.body import decode_text, decompress
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.http.response import Response

_BYTES_PER_VALUE = 80  # of the limit; a value takes up to 300 bytes of memory and 4 microseconds of a search
_WIDE_CHARACTERS = (
    (re.compile(rb"[\xf0-\xff]"), 4),
    (re.compile(rb"[\xc4-\xef]"), 2),
)  # UTF-8 bytes -> bytes per character


def document(response: Response) -> Any:
    """Return the parsed JSON body.

    Raises:
        ProbeFailure: `body_too_large`; `body_mismatch`: not JSON; `body_charset`; or as `decompress`.
    """
    status, body = response.status, _to_utf_8(response)
    if response.truncated:
        raise ProbeFailure("body_too_large", f"more than {len(body)} bytes", status=status)
    values = sum(map(body.count, (b",", b"[", b"{")))
    if values > response.limit // _BYTES_PER_VALUE:
        detail = f"{values} values in JSON, at most {response.limit // _BYTES_PER_VALUE} are read; raise body_limit"
        raise ProbeFailure("body_too_large", detail, status=status)
    bytes_per_character = next((width for pattern, width in _WIDE_CHARACTERS if pattern.search(body)), 1)
    if bytes_per_character * len(body) > response.limit:
        size = bytes_per_character * len(body)
        detail = f"{size} bytes of JSON in memory, at most {response.limit} are read; raise body_limit"
        raise ProbeFailure("body_too_large", detail, status=status)
    try:
        return json.loads(body, parse_constant=_reject_non_number, object_pairs_hook=_members)
    except _AmbiguousError as error:
        raise ProbeFailure("body_mismatch", str(error), status=status) from None
    except (ValueError, RecursionError):
        raise ProbeFailure("body_mismatch", "the body is not JSON", status=status) from None


class _AmbiguousError(ValueError):
    """JSON that parsers interpret differently; the text describes the ambiguity."""


def _reject_non_number(name: str) -> Any:
    raise _AmbiguousError(f"the body is not JSON: {name} is not a JSON number (RFC 8259, 6)")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members.

    Reject a repeated name with different values, because parsers treat it differently.
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        for name, value in pairs:
            if type(value) is not type(members[name]) or value != members[name]:
                raise _AmbiguousError(f"the name {quoted(name)} occurs twice in one object of the JSON body")
    return members


def _to_utf_8(response: Response) -> bytes | bytearray:
    """Return the JSON text as UTF-8, from UTF-8, UTF-16, UTF-32 or the charset of Content-Type."""
    decompress(response)
    read = decode_text(response, json=True)
    if read.problem:
        raise ProbeFailure("body_charset", read.problem, status=response.status)
    return read.text


def members(response: Response) -> dict[str, Any]:
    """Return the members of a JSON object in the body, empty if the body is anything else."""
    try:
        parsed = document(response)
    except ProbeFailure:
        return {}
    return parsed if isinstance(parsed, dict) else {}
