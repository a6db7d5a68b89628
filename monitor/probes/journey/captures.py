"""Capture values from a response and its certificate."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from monitor.config.json_path import JsonPath
from monitor.config.placeholders import fill
from monitor.http.body import decode_text, decompress
from monitor.http.json_body import document
from monitor.network.failure import ProbeFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.placeholders import Value
    from monitor.config.steps import Capture
    from monitor.http.response import Response


def captured(
    response: Response, captures: Mapping[str, Capture], value: Value, certificate: Mapping[str, str]
) -> dict[str, str]:
    """Return the captured values by name. `value` returns the values of placeholders in JSON paths.

    Raises:
        ProbeFailure: `capture_missing`, `value_unusable`, `body_mismatch` (not JSON), or any reason of `decompress`.
    """
    values = {}
    for name, capture in captures.items():
        texts = values_of(response, capture, value, certificate)
        if not texts:
            detail = f"the response has no value for {name}"
            raise ProbeFailure("capture_missing", detail, status=response.status)
        values[name] = texts[0]
    return values


def values_of(
    response: Response, capture: Capture, value: Value, certificate: Mapping[str, str], limit: int = 1
) -> list[str]:
    """Return all values that the capture selects, as text, with at most `limit` matches of `regex` per source."""
    texts = _sources(response, capture, value, certificate)
    if capture.regex is None:
        return texts
    return [match for text in texts for match in capture.regex.captures(text, limit)]


def _sources(response: Response, capture: Capture, value: Value, certificate: Mapping[str, str]) -> list[str]:
    if capture.json_path is not None:
        matches = _path(capture.json_path, value).values(document(response))
        return [_as_text(match) for match in matches if match is not None]
    if capture.header is not None:
        header = response.headers.get(capture.header.lower())
    elif capture.cookie is not None:
        header = response.cookies.get(capture.cookie)
    elif capture.certificate is not None:
        header = certificate.get(capture.certificate)
    else:
        decompress(response)
        header = bytes(decode_text(response).text).decode(errors="replace")
    return [] if header is None else [header]


def _path(template: str, value: Value) -> JsonPath:
    try:
        return JsonPath(fill(template, lambda name: value(name).replace("'", "").replace('"', "")))
    except ValueError:
        raise ProbeFailure("value_unusable", "a captured value cannot be used in a JSON path") from None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def certificate_fields(connection: ssl.SSLSocket) -> dict[str, str]:
    """Return the fields of the server's certificate. Without verification, only the fingerprint is known."""
    data, fields = connection.getpeercert(binary_form=True), connection.getpeercert()
    summary = {} if data is None else {"sha256": sha256(data).hexdigest()}
    if fields:
        expiry = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(fields["notAfter"])), UTC)
        summary |= {"serial": str(fields["serialNumber"]), "not_after": f"{expiry:%Y-%m-%dT%H:%M:%SZ}"}
        summary |= {name: _common_name(fields.get(name)) for name in ("subject", "issuer")}
    return summary


def _common_name(name: Any) -> str:
    """Return the common name, or all attributes if there is none."""
    attributes = [pair for part in name or () for pair in part]
    common = [value for key, value in attributes if key == "commonName"]
    return common[0] if common else ", ".join(f"{key}={value}" for key, value in attributes)
