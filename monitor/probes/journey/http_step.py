"""An http step of a journey: fill its request, send it, and evaluate the response."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from pydantic import ValidationError

from monitor.config.placeholders import fill, names_in
from monitor.config.steps import origin_of
from monitor.http.check import HttpCheck
from monitor.http.expectation import Expectation
from monitor.http.oauth2 import Tokens
from monitor.http.rate_limit import RateLimit
from monitor.http.request import request_of
from monitor.network.failure import ProbeFailure
from monitor.probes.http import apply_rate_limit, exchange_of
from monitor.probes.journey.captures import captured, certificate_fields, values_of
from monitor.probes.journey.definition import fill_keys, validated
from monitor.probes.journey.names import allowed_origins, secret_names

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from monitor.http.exchange import Exchange
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt
    from monitor.probes.journey.run_state import RunState
    from monitor.probes.steps import Find, Step, StepsCheck

MAX_FOUND_VALUES = 100  # maximum number of values of one run that are looked up and removed
_CONTENT_TYPES = {"form": "application/x-www-form-urlencoded", "json_body": "application/json"}


class _Prepared(NamedTuple):
    check: HttpCheck
    send: Exchange
    expectation: Expectation


class HttpStep:
    """The requests of one step, for all runs."""

    def __init__(self, step: Step | Find, journey: StepsCheck) -> None:
        check = step.definition.check
        assert isinstance(check, HttpCheck)  # noqa: S101 - for mypy
        self._definition, self._traced, self._timeout = step.definition, journey.traceparent, journey.timeout
        self._secrets = secret_names(journey)
        self._origins = allowed_origins(journey) if self._definition.carries(self._secrets) else None
        self._check = check.model_copy(update={"timeout": journey.timeout})
        self._tokens, self._limit = Tokens.of(self._check), RateLimit()
        self._fixed = self._prepare(self._check) if self._definition.is_fixed else None

    def _prepare(self, check: HttpCheck) -> _Prepared:
        cookies = any(capture.cookie for capture in self._definition.captures.values())
        send = exchange_of(check, self._tokens, cookies=cookies)
        return _Prepared(check, send, Expectation(check.expect, check.compression))

    async def send(self, attempt: Attempt, state: RunState, responses: list[Response]) -> int:
        """Send the request, store the captured values, and return the status. The response is appended to `responses`.

        Raises:
            ProbeFailure: the response is not as expected, or the request was not sent.
        """
        response, certificate = await self._respond(attempt, state, responses)
        self._store(captured(response, self._definition.captures, state.value, certificate), state)
        return response.status

    async def search(self, attempt: Attempt, state: RunState) -> list[str]:
        """Return all values that the only capture selects, at most MAX_FOUND_VALUES.

        Raises:
            ProbeFailure: the response is not as expected.
        """
        response, certificate = await self._respond(attempt, state, [])
        (capture,) = self._definition.captures.values()
        return list(dict.fromkeys(values_of(response, capture, state.value, certificate, MAX_FOUND_VALUES)))[
            :MAX_FOUND_VALUES
        ]

    async def _respond(
        self, attempt: Attempt, state: RunState, responses: list[Response]
    ) -> tuple[Response, Mapping[str, str]]:
        """Send the request, and return the response if it is as expected, and the fields of the certificate."""
        prepared = self._fixed or self._prepare(self._fill(state))
        request = self.request(prepared.check, state)
        self._check_origin(request)
        self._limit.check_wait(attempt.now())
        certificate: dict[str, str] = {}
        if any(capture.certificate for capture in self._definition.captures.values()):
            attempt.on_tls = _recorder(certificate)
        response = await prepared.send(attempt, request)
        attempt.enter("transfer")  # a later failure must count as one after sending
        responses.append(response)
        failure = prepared.expectation.failure(response)
        if failure is not None:
            raise apply_rate_limit(failure, response, self._limit, attempt.now())
        return response, certificate

    def describe(self, state: RunState) -> tuple[str, tuple[str, ...]]:
        """Return the request without secrets and without the query of its URL, and the references of its secrets."""
        keys = self._definition.keys

        def value(name: str) -> str:
            return f"{{{{{name}}}}}" if name in self._secrets else state.value(name)

        url = fill(str(keys["http"]).partition("?")[0], value)
        body = next((fill(keys[key], value) for key in ("form", "json_body") if key in keys), None)
        text = f"{self._check.method} {url}" + ("" if body is None else f" {json.dumps(body)}")
        secrets = {**state.secrets, **{name: totp.secret for name, totp in state.totp.items()}}
        used = sorted(self._definition.names & set(secrets))
        return text, (*self._definition.references, *(secrets[name].source for name in used))

    def _store(self, values: Mapping[str, str], state: RunState) -> None:
        for name, value in values.items():
            state.capture(name, value, secret=name in self._secrets)

    def _fill(self, state: RunState) -> HttpCheck:
        """Return the check with the values of the run.

        Raises:
            ProbeFailure: `value_unusable`: a captured value makes it invalid.
        """
        try:
            keys = fill_keys("http", self._definition.template, state.value)
            check = validated(self._check.id, HttpCheck, keys)
        except ValueError as error:
            raise ProbeFailure("value_unusable", problem_text(error)) from None
        return check.model_copy(update={"timeout": self._timeout})  # type: ignore[return-value]

    def request(self, check: HttpCheck, state: RunState) -> Request:
        """Return the request with the parts that have placeholders.

        Raises:
            ProbeFailure: `value_unusable`: a value has a line break.
        """
        request, parts = request_of(check), self._definition.parts
        added = {**fill(parts.get("headers", {}), state.value)}
        if "bearer" in parts:
            added["Authorization"] = f"Bearer {fill(parts['bearer'], state.value)}"
        if self._traced:
            added["traceparent"] = state.traceparent()
        cookies = {**dict(request.cookies), **fill(parts.get("cookies", {}), state.value)}
        _reject_line_breaks({**added, **cookies})
        body, content_type = _body(parts, state)
        typed = "content-type" in {name.lower() for name in (*added, *dict(request.headers))}
        if content_type and not typed:
            added["Content-Type"] = content_type
        return replace(
            request,
            headers=_merge_headers(request.headers, added),
            cookies=tuple(cookies.items()),
            body=request.body if body is None else body,
            secret_headers=request.secret_headers | self._secret_headers(parts.get("headers", {})),
            secret_body=request.secret_body or self._has_secret_body(parts),
        ).ready()

    def _secret_headers(self, headers: Mapping[str, str]) -> set[str]:
        return {name.lower() for name, text in headers.items() if names_in(text) & self._secrets}

    def _has_secret_body(self, parts: Mapping[str, Any]) -> bool:
        return bool(names_in([parts.get(key) for key in ("body", "form", "json_body")]) & self._secrets)

    def _check_origin(self, request: Request) -> None:
        """Check that a request with a secret is sent to an allowed origin.

        Raises:
            ProbeFailure: `secret_withheld`.
        """
        if self._origins is not None and (origin := origin_of(request.url.geturl())) not in self._origins:
            origin_text = "{}://{}:{}".format(*origin)
            raise ProbeFailure("secret_withheld", f"{origin_text} is not in secrets_to; no request was sent")


def _recorder(certificate: dict[str, str]) -> Any:
    def record(connection: ssl.SSLSocket) -> None:
        certificate.clear()
        certificate.update(certificate_fields(connection))

    return record


def problem_text(error: ValueError) -> str:
    """Return the key and the message of the first error, without values."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"{key}: {first['msg'].removeprefix('Value error, ')}"


def _reject_line_breaks(texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if re.search(r"[\r\n\x00]", text):
            raise ProbeFailure("value_unusable", f"a captured value in {name} has a line break")


def _body(parts: Mapping[str, Any], state: RunState) -> tuple[bytes | None, str]:
    """Return the body and its content type. The body is None if no body has placeholders."""
    if "form" in parts:
        return urlencode(fill(parts["form"], state.value)).encode(), _CONTENT_TYPES["form"]
    if "json_body" in parts:
        return json.dumps(fill(parts["json_body"], state.value)).encode(), _CONTENT_TYPES["json_body"]
    return (fill(parts["body"], state.value).encode(), "") if "body" in parts else (None, "")


def _merge_headers(headers: tuple[tuple[str, str], ...], added: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    names = {name.lower() for name in added}
    return (*((name, value) for name, value in headers if name.lower() not in names), *added.items())
