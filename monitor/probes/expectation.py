"""What an HTTP answer must look like, compiled once and judged in the order status, headers, body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from monitor.probes.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.config.model import Expect, JsonExpectation
    from monitor.probes.http_response import Response


class Expectation:
    """`expect:` of a check, ready to judge. Patterns run in linear time, whatever the target sends."""

    def __init__(self, expect: Expect) -> None:
        self._expect = expect
        self._statuses = ", ".join(map(str, expect.status))
        self._needle = expect.contains.encode() if expect.contains is not None else None

    def failure(self, response: Response) -> ProbeFailure | None:
        """Return why the response is not the expected one, or None when it is."""
        return self._status(response) or self._header(response) or self._body(response)

    def _status(self, response: Response) -> ProbeFailure | None:
        if self._expect.accepts_status(response.status):
            return None
        location = response.headers.get("location")
        moved = f" to {quoted(location, 120)}" if location else ""
        return ProbeFailure("http_status", f"status {response.status}{moved}, expected {self._statuses}")

    def _header(self, response: Response) -> ProbeFailure | None:
        for wanted in self._expect.header:
            found = response.headers.get(wanted.name.lower())
            if found is None:
                return ProbeFailure("header_mismatch", f"no header {wanted.name}, expected {quoted(wanted.text)}")
            if not wanted.holds([found]):
                detail = f"{wanted.name} is {quoted(found)}, expected {quoted(wanted.text)}"
                return ProbeFailure("header_mismatch", detail)
        return None

    def _body(self, response: Response) -> ProbeFailure | None:
        failure = self._text(response) or (self._json(response) if self._expect.json_values else None)
        if failure is not None and response.cut:
            return ProbeFailure("body_too_large", f"not decided within {len(response.body)} bytes: {failure.detail}")
        return failure

    def _text(self, response: Response) -> ProbeFailure | None:
        if self._needle is not None and self._needle not in response.body:
            return ProbeFailure("body_mismatch", f"the body does not contain {quoted(self._needle.decode())}")
        pattern = self._expect.matches
        if pattern is not None and not pattern.search(bytes(response.body)):
            return ProbeFailure("body_mismatch", f"the body does not match {quoted(pattern.text)}")
        return None

    def _json(self, response: Response) -> ProbeFailure | None:
        try:
            document = json.loads(response.body)
        except (ValueError, RecursionError):
            return ProbeFailure("body_mismatch", "the body is not JSON")
        try:
            unmet = next((each for each in self._expect.json_values if not each.holds(document)), None)
            said = _found(unmet, document) if unmet is not None else ""
        except RecursionError:
            return ProbeFailure("body_mismatch", "the body is JSON nested too deeply to be searched")
        if unmet is not None:
            return ProbeFailure("body_mismatch", f"{said}, expected {_shown(unmet.value)}")
        return None


def _found(wanted: JsonExpectation, document: Any) -> str:
    values = wanted.path.values(document)
    said = ", ".join(_shown(value) for value in values[:3]) if values else "not there"
    return f"{wanted.path.text} is {said}"


def _shown(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else quoted(json.dumps(value)).strip('"')
