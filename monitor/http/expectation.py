"""Expectations of an HTTP response, compiled once and evaluated in the order status, connection, headers, body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from monitor.config.addresses import carries_credentials
from monitor.config.conditions import Conditions, is_number
from monitor.http.body import BodyText, decode_text, decompress
from monitor.http.json_body import document
from monitor.network.failure import ProbeFailure, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathNode

    from monitor.config.expect import Unknown
    from monitor.config.model import Expect, JsonExpectation
    from monitor.http.response import Response

_MAX_VALUES_IN_DETAIL = 3  # values of a JSON document in the detail of a failed expectation
ExpectationCheck = Callable[["Response"], ProbeFailure | None]


class Expectation:
    """The compiled `expect:` of a check. Patterns run in linear time, whatever the target sends.

    `coding` is the required compression. Only configured expectations cost time per response.
    """

    def __init__(self, expect: Expect, coding: str | None = None) -> None:
        self._expect, self._coding = expect, coding
        self._statuses = ", ".join(map(str, expect.status))
        self._required_texts = [text.encode() for text in expect.contains]
        self._forbidden_texts = [text.encode() for text in expect.not_contains]
        self._forbids_text = bool(expect.not_contains or expect.not_matches)
        self._needs_text = bool(self._forbids_text or expect.contains or expect.matches)
        checks: tuple[tuple[object, ExpectationCheck], ...] = (
            (expect.unknown, self._inconclusive),
            (True, self._status),
            (expect.version, self._version),
            (expect.encrypted is not None, self._check_encryption),
            (coding, self._check_compression),
            (expect.header, self._header),
            (expect.cookie, self._cookie),
            (expect.needs_body, self._body),
        )
        self._checks = tuple(check for expected, check in checks if expected)

    def failure(self, response: Response) -> ProbeFailure | None:
        """Return the first unmet expectation, None if all are met."""
        for check in self._checks:
            if (failure := check(response)) is not None:
                return failure
        return None

    def degradation(self, response: Response) -> str:
        """Return a description of a good response that matches `degraded`, otherwise an empty text."""
        matches = (match_description(degraded, response) for degraded in self._expect.degraded)
        return next((f"{match}: configured as degraded" for match in matches if match is not None), "")

    def _inconclusive(self, response: Response) -> ProbeFailure | None:
        """Return a failure with outcome unknown if the response matches `unknown`."""
        for unknown in self._expect.unknown:
            if (description := match_description(unknown, response)) is not None:
                return ProbeFailure("inconclusive", f"{description}: configured as unknown", outcome=Outcome.UNKNOWN)
        return None

    def _status(self, response: Response) -> ProbeFailure | None:
        if self._expect.accepts_status(response.status):
            return None
        location = response.headers.get("location")
        redirect = f" to {quoted(location, 120)}" if location else ""
        return ProbeFailure("http_status", f"status {response.status}{redirect}, expected {self._statuses}")

    def _version(self, response: Response) -> ProbeFailure | None:
        if response.version in self._expect.version:
            return None
        expected = " or ".join(self._expect.version)
        return ProbeFailure("http_version", f"the response is in HTTP/{response.version}, expected {expected}")

    def _check_encryption(self, response: Response) -> ProbeFailure | None:
        if response.encrypted is self._expect.encrypted:
            return None
        if response.encrypted:
            return ProbeFailure("tls_forbidden", "the response came over TLS, expected without TLS")
        return ProbeFailure("tls_required", "the response came without TLS, expected over TLS")

    def _check_compression(self, response: Response) -> ProbeFailure | None:
        """Check the compression; an absent or empty body (304, 204, HEAD) passes."""
        if response.decoding_error:
            return ProbeFailure("compression_malformed", response.decoding_error)
        if response.coding or not response.body:
            return None
        coding = response.headers.get("content-encoding")
        actual = "not compressed" if coding is None else f"compressed as {quoted(coding)}"
        return ProbeFailure("compression_mismatch", f"the body is {actual}, expected {self._coding}")

    def _header(self, response: Response) -> ProbeFailure | None:
        """Check the headers. Values of headers with credentials are not reported."""
        for expected in self._expect.header:
            value = response.headers.get(expected.name.lower())
            if not expected.is_met([] if value is None else [value]):
                value_text = (
                    "" if value is None else "different" if carries_credentials(expected.name) else quoted(value)
                )
                actual = f"{expected.name} is {value_text}" if value_text else f"no header {expected.name}"
                return ProbeFailure("header_mismatch", f"{actual}, expected {expected.description}")
        return None

    def _cookie(self, response: Response) -> ProbeFailure | None:
        """Check the cookies. Their values are not reported, because they may grant access to a session."""
        for expected in self._expect.cookie:
            value = response.cookies.get(expected.name)
            if not expected.is_met([] if value is None else [value]):
                actual = f"no cookie {expected.name}" if value is None else f"the cookie {expected.name} is different"
                return ProbeFailure("cookie_mismatch", f"{actual}, expected {expected.description}")
        return None

    def _body(self, response: Response) -> ProbeFailure | None:
        """Check the body. If it was truncated or cannot be decoded, only what was found in it is certain."""
        try:
            decompress(response)
        except ProbeFailure as unreadable:
            return unreadable
        read = decode_text(response) if self._needs_text else BodyText(b"")
        failure = self._check_forbidden_text(read.text) or self._size_mismatch(response)
        if failure is not None:
            return failure
        failure = self._check_required_text(read.text)
        if read.problem and not response.truncated and (failure is not None or self._forbids_text):
            return ProbeFailure("body_charset", f"undecided: {read.problem}")
        failure = failure or (self._json(response) if self._expect.json_values else None)
        return self._truncated_failure(response, failure) if response.truncated else failure

    def _truncated_failure(self, response: Response, failure: ProbeFailure | None) -> ProbeFailure | None:
        """Return the failure for a truncated body."""
        if failure is not None:
            return ProbeFailure("body_too_large", f"undecided within {len(response.body)} bytes: {failure.detail}")
        if self._forbids_text:
            return ProbeFailure("body_too_large", f"unwanted text may follow after {len(response.body)} bytes")
        return None

    def _size_mismatch(self, response: Response) -> ProbeFailure | None:
        size, expected = len(response.body) + response.truncated, self._expect.body_size
        if expected is None or size in expected:
            return None
        found_text = f"more than {len(response.body)}" if response.truncated else str(size)
        return ProbeFailure("body_size", f"the body has {found_text} bytes, expected {expected}")

    def _check_forbidden_text(self, body: bytes | bytearray) -> ProbeFailure | None:
        for text in self._forbidden_texts:
            if text in body:
                return ProbeFailure("body_mismatch", f"the body contains {quoted(text.decode())}")
        for pattern in self._expect.not_matches:
            if pattern.search(body):
                return ProbeFailure("body_mismatch", f"the body matches {quoted(pattern.text)}")
        return None

    def _check_required_text(self, body: bytes | bytearray) -> ProbeFailure | None:
        for text in self._required_texts:
            if text not in body:
                return ProbeFailure("body_mismatch", f"the body does not contain {quoted(text.decode())}")
        for pattern in self._expect.matches:
            if not pattern.search(body):
                return ProbeFailure("body_mismatch", f"the body does not match {quoted(pattern.text)}")
        return None

    def _json(self, response: Response) -> ProbeFailure | None:
        try:
            return _unmet(self._expect.json_values, document(response))
        except ProbeFailure as failure:
            return failure
        except RecursionError:
            return ProbeFailure("body_mismatch", "the body is JSON nested too deeply to be searched")


def match_description(expected: Unknown, response: Response) -> str | None:
    """Return a description of the response if it matches `expected`, None otherwise."""
    if not expected.accepts_status(response.status):
        return None
    headers = [(header, response.headers.get(header.name.lower())) for header in expected.header]
    if not all(header.is_met([] if value is None else [value]) for header, value in headers):
        return None
    try:
        if expected.json_values and _unmet(expected.json_values, document(response)) is not None:
            return None
    except (ProbeFailure, RecursionError):
        return None
    matched = [f"status {response.status}", *(f"{header.name}: {header.description}" for header in expected.header)]
    return ", ".join([*matched, *(f"{value.path.text} is {_expected_text(value)}" for value in expected.json_values)])


def _unmet(expected: Iterable[JsonExpectation], body_json: Any) -> ProbeFailure | None:
    for expectation in expected:
        nodes = expectation.path.nodes(body_json)
        values = [node.value for node in nodes]
        if not expectation.is_met(values):
            hint = _type_hint(expectation, values)
            detail = f"{_mismatch_text(expectation, nodes)}, expected {_expected_text(expectation)}{hint}"
            return ProbeFailure("body_mismatch", detail)
    return None


def _mismatch_text(unmet: JsonExpectation, nodes: Sequence[JSONPathNode]) -> str:
    """Return the first unexpected values, each with its normalized path (RFC 9535, 2.7)."""
    wrong = [node for node in nodes if not unmet.is_met([node.value])] or nodes
    if not wrong:
        return f"{unmet.path.text} is missing"
    mismatches = [
        f"{quoted(node.path(), 120)[1:-1]} is {_value_text(node.value)}" for node in wrong[:_MAX_VALUES_IN_DETAIL]
    ]
    return ", ".join(mismatches) + (
        f" and {len(wrong) - _MAX_VALUES_IN_DETAIL} more" if len(wrong) > _MAX_VALUES_IN_DETAIL else ""
    )


def _type_hint(unmet: JsonExpectation, values: list[Any]) -> str:
    """Return a remark if a string was compared with a number."""
    if isinstance(unmet.value, Conditions):
        numeric = any(condition.operator in ("<", "<=", ">", ">=") for condition in unmet.value.conditions)
    else:
        numeric = is_number(unmet.value)
    text = next((value for value in values if isinstance(value, str)), None) if numeric else None
    return "" if text is None else "; the value is a string, which never equals a number"


def _expected_text(unmet: JsonExpectation) -> str:
    return str(unmet.value) if isinstance(unmet.value, Conditions) else _value_text(unmet.value)


def _value_text(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else quoted(json.dumps(value)).strip('"')
