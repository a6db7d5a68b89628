"""What an `http` module wants the answer to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.blackbox.http_response import Answer
    from monitor.blackbox.modules import HeaderMatch, HttpModule
    from monitor.blackbox.prober import Trial

_REGEX = "probe_failed_due_to_regex"


def judge(trial: Trial, response: Answer) -> None:
    """Hold the answer against all that the module wants of it, in the order status, headers, compression, body, way.

    Raises:
        ProbeFailure: the first thing that is not so.
    """
    config = trial.module.http
    wrong = _status(config, response)
    if wrong is None and (config.fail_if_header_matches or config.fail_if_header_not_matches):
        wrong = _headers(config, response)
        trial.gauges.set(_REGEX, wrong is not None)
    if wrong is None and response.garbled:
        wrong = ProbeFailure("compression_malformed", response.garbled)
    if wrong is None and (config.fail_if_body_matches_regexp or config.fail_if_body_not_matches_regexp):
        wrong = _body(config, response)
        trial.gauges.set(_REGEX, wrong is not None)
    wrong = wrong or _too_long(config, response) or _way(config, response)
    if wrong is not None:
        raise wrong


def _status(config: HttpModule, response: Answer) -> ProbeFailure | None:
    valid = config.valid_status_codes or range(200, 300)
    if response.status in valid:
        return None
    return ProbeFailure("http_status", f"status {response.status} is not a valid one", status=response.status)


def _headers(config: HttpModule, response: Answer) -> ProbeFailure | None:
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


def _matches(match: HeaderMatch, response: Answer) -> bool:
    return any(match.regexp.search(each) for each in response.values(match.header.lower()))


def _body(config: HttpModule, response: Answer) -> ProbeFailure | None:
    if (wrong := _too_long(config, response)) is not None:
        return wrong
    for pattern in config.fail_if_body_matches_regexp:
        if pattern.search(response.body):
            return ProbeFailure("body_mismatch", f"the body matches {quoted(pattern.text)}")
    for pattern in config.fail_if_body_not_matches_regexp:
        if not pattern.search(response.body):
            return ProbeFailure("body_mismatch", f"the body does not match {quoted(pattern.text)}")
    return None


def _too_long(config: HttpModule, response: Answer) -> ProbeFailure | None:
    if not (config.body_size_limit and response.cut):
        return None
    return ProbeFailure("body_too_large", f"longer than body_size_limit, {config.body_size_limit} bytes")


def _way(config: HttpModule, response: Answer) -> ProbeFailure | None:
    version = "HTTP/2.0" if response.version == "2" else f"HTTP/{response.version}"
    if config.valid_http_versions and version not in config.valid_http_versions:
        return ProbeFailure("http_version", f"{version} is not a valid one")
    if response.encrypted and config.fail_if_ssl:
        return ProbeFailure("tls_forbidden", "the answer came over TLS")
    if not response.encrypted and config.fail_if_not_ssl:
        return ProbeFailure("tls_required", "the answer came in the clear")
    return None
