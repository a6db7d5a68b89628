"""Validate a response against the rules of an `http` module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.blackbox.http_module import HeaderMatch, HttpModule
    from monitor.blackbox.http_response import ProbeResponse
    from monitor.blackbox.prober import BlackboxProbe

_REGEX = "probe_failed_due_to_regex"


def validate_response(probe: BlackboxProbe, response: ProbeResponse) -> None:
    """Check status, headers, compression, body and connection, in this order.

    Raises:
        ProbeFailure: a rule is not met; describes the first such rule.
    """
    config = probe.module.http
    failure = _status(config, response)
    if failure is None and (config.fail_if_header_matches or config.fail_if_header_not_matches):
        failure = _headers(config, response)
        probe.gauges.set(_REGEX, failure is not None)
    if failure is None and response.decoding_error:
        failure = ProbeFailure("compression_malformed", response.decoding_error)
    if failure is None and (config.fail_if_body_matches_regexp or config.fail_if_body_not_matches_regexp):
        failure = _body(config, response)
        probe.gauges.set(_REGEX, failure is not None)
    failure = failure or _too_long(config, response) or _connection(config, response)
    if failure is not None:
        raise failure


def _status(config: HttpModule, response: ProbeResponse) -> ProbeFailure | None:
    valid = config.valid_status_codes or range(200, 300)
    if response.status in valid:
        return None
    return ProbeFailure("http_status", f"status {response.status} is not in valid_status_codes", status=response.status)


def _headers(config: HttpModule, response: ProbeResponse) -> ProbeFailure | None:
    for match in (*config.fail_if_header_matches, *config.fail_if_header_not_matches):
        if not match.allow_missing and match.header.lower() not in response.headers:
            return ProbeFailure("header_mismatch", f"no header {quoted(match.header)}")
    for match in config.fail_if_header_matches:
        if _matches(match, response):
            return ProbeFailure("header_mismatch", f"{quoted(match.header)} matches {quoted(match.regexp.text)}")
    for match in config.fail_if_header_not_matches:
        if match.header.lower() in response.headers and not _matches(match, response):
            return ProbeFailure("header_mismatch", f"{quoted(match.header)} does not match {quoted(match.regexp.text)}")
    return None


def _matches(match: HeaderMatch, response: ProbeResponse) -> bool:
    return any(match.regexp.search(value) for value in response.values(match.header.lower()))


def _body(config: HttpModule, response: ProbeResponse) -> ProbeFailure | None:
    if (failure := _too_long(config, response)) is not None:
        return failure
    for pattern in config.fail_if_body_matches_regexp:
        if pattern.search(response.body):
            return ProbeFailure("body_mismatch", f"the body matches {quoted(pattern.text)}")
    for pattern in config.fail_if_body_not_matches_regexp:
        if not pattern.search(response.body):
            return ProbeFailure("body_mismatch", f"the body does not match {quoted(pattern.text)}")
    return None


def _too_long(config: HttpModule, response: ProbeResponse) -> ProbeFailure | None:
    if not (config.body_size_limit and response.truncated):
        return None
    return ProbeFailure("body_too_large", f"larger than body_size_limit, {config.body_size_limit} bytes")


def _connection(config: HttpModule, response: ProbeResponse) -> ProbeFailure | None:
    version = "HTTP/2.0" if response.version == "2" else f"HTTP/{response.version}"
    if config.valid_http_versions and version not in config.valid_http_versions:
        return ProbeFailure("http_version", f"{version} is not in valid_http_versions")
    if response.encrypted and config.fail_if_ssl:
        return ProbeFailure("tls_forbidden", "the response came over TLS")
    if not response.encrypted and config.fail_if_not_ssl:
        return ProbeFailure("tls_required", "the response came without TLS")
    return None
