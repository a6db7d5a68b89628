"""HTTP requests with placeholders: resolved without secrets for the intent log, with secrets for sending."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote, quote_plus

from monitor.config.json_path import JsonPath
from monitor.config.placeholders import fill_text, names_in
from monitor.config.secret import Secret
from monitor.config.tls import TlsOptions
from monitor.continuity.driver import MissingValueError, RefusedError
from monitor.http.check import Basic, HttpCheck
from monitor.http.exchange import exchange
from monitor.http.json_body import document
from monitor.http.rate_limit import RateLimit
from monitor.http.request import request_of
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.http.response import Response
    from monitor.log import TemporarySecret
    from monitor.network.attempt import Attempt

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
MISSING: Final = frozenset({404, 410})
# Statuses after which a later request may succeed.
_TEMPORARY_STATUSES: Final = frozenset({401, 403, 408, 421, 423, 425, 429})
_FORM_CONTENT_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class HttpStep:
    """A request with placeholders. `form` is sent instead of `body`.

    `capture` has the JSON paths of values to store, `capture_secrets` those of values that are never stored. `none` are
    the statuses that report a missing record, if the response also has the values `none_if`.
    """

    method: Method
    url: str
    body: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    status: tuple[int, ...] = ()
    capture: Mapping[str, str] = field(default_factory=dict)
    capture_secrets: Mapping[str, str] = field(default_factory=dict)
    none: frozenset[int] = MISSING
    none_if: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The content type of the request."""
        return _FORM_CONTENT_TYPE if self.form else self.content_type

    def accepts(self, status: int) -> bool:
        """Return whether a response with this status acknowledges the request."""
        return status in self.status if self.status else 200 <= status < 300

    def reports_none(self, response: Response) -> bool:
        """Return whether the response states that the record does not exist."""
        if response.status not in self.none or not self.none_if:
            return response.status in self.none
        try:
            parsed = document(response)
        except ProbeFailure:
            return False
        return all(JsonPath(path).values(parsed) == [value] for path, value in self.none_if.items())

    def resolved_url(self, value: Callable[[str], str]) -> str:
        """Return the URL with percent-encoded values."""
        return fill_text(self.url, lambda name: quote(value(name), safe=""))

    def resolved_body(self, value: Callable[[str], str]) -> str:
        """Return the body with values escaped as its content type requires."""
        if self.form:
            fields = ((name, fill_text(text, value)) for name, text in self.form.items())
            return "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name, text in fields)
        escaped = "json" in self.content_type
        return fill_text(self.body, lambda name: json.dumps(value(name))[1:-1] if escaped else value(name))

    @property
    def names(self) -> set[str]:
        """The names of all placeholders."""
        return names_in(" ".join((self.url, self.body, *self.form.values())))


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """The options common to all requests of a transaction. `limit` delays requests after a rate limit."""

    name: str
    timeout: int
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    user: str = ""
    password: Secret | None = None
    bearer: Secret | None = None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    tls: TlsOptions = field(default_factory=TlsOptions)
    limit: RateLimit = field(default_factory=RateLimit)

    @property
    def credentials(self) -> tuple[str, ...]:
        """The references of the secrets that every request contains."""
        secrets = [
            *(secret for secret in self.headers.values() if isinstance(secret, Secret)),
            self.password,
            self.bearer,
        ]
        return tuple(secret.source for secret in secrets if secret is not None)

    def public(self, step: HttpStep, values: Mapping[str, str]) -> str:
        """Return the request without secrets, and without the query of its URL, which may contain a key."""
        public_values = {name: value for name, value in values.items() if name not in self.secrets}

        def value(name: str) -> str:
            return public_values.get(name, f"{{{{{name}}}}}")

        url = fill_text(step.url.partition("?")[0], value)
        body = fill_text(step.body or json.dumps(dict(step.form)), value)
        return f"{step.method} {url}" + (f" {body}" if step.body or step.form else "")

    def references(self, step: HttpStep) -> tuple[str, ...]:
        """Return the references of all secrets of the request."""
        return (*self.credentials, *(self.secrets[name].source for name in sorted(step.names & set(self.secrets))))

    async def send(
        self,
        attempt: Attempt,
        step: HttpStep,
        values: Mapping[str, str],
        secrets: Mapping[str, TemporarySecret],
    ) -> Response:
        """Return the response that acknowledges the request, or one with a status of `step.none`.

        Raises:
            RefusedError: the status is another 3xx or 4xx.
            ProbeFailure: `http_status`: a status 5xx; `rate_limited`: the server requested a wait; or the network
                failed.
            MissingValueError: the value of a placeholder is unknown.
        """
        self.limit.check_wait(attempt.now())

        def value(name: str) -> str:
            if name in self.secrets:
                return self.secrets[name].reveal()
            if name in secrets:
                return secrets[name].value
            if name not in values:
                raise MissingValueError(f"{name} of the transaction is unknown")
            return values[name]

        request = request_of(self._check(step, step.resolved_url(value)))
        body = step.resolved_body(value).encode()
        response = await exchange(attempt, replace(request, body=body).ready())
        attempt.enter("transfer")  # `exchange` ended the phase; later failures must count as after sending
        if step.accepts(response.status) or step.reports_none(response):
            return response
        self.limit.check_response(response.status, response.headers, attempt.now())
        detail = f"status {response.status}: {quoted(bytes(response.body[:200]).decode(errors='replace'), 120)}"
        if 300 <= response.status < 500:
            raise RefusedError(detail, final=response.status not in _TEMPORARY_STATUSES)
        raise ProbeFailure("http_status", detail, status=response.status)

    def _check(self, step: HttpStep, url: str) -> HttpCheck:
        basic = None
        if self.password is not None:
            basic = Basic.model_construct(user=self.user, password=self.password)
        typed = {"Content-Type": step.type} if step.body or step.form else {}
        return HttpCheck.model_construct(
            id=self.name,
            timeout=self.timeout,
            http=url,
            method=step.method,
            headers={**typed, **self.headers},
            basic=basic,
            bearer=self.bearer,
            tls=self.tls,
        )


def check_no_page(response: Response) -> None:
    """Check that an acknowledging response is not an HTML page, such as a maintenance page.

    Raises:
        ProbeFailure: `body_mismatch`: the response is an HTML page.
    """
    if response.body and response.headers.get("content-type", "").strip().lower().startswith("text/html"):
        raise ProbeFailure("body_mismatch", "the response is an HTML page", status=response.status)


def capture_values(response: Response, paths: Mapping[str, str], run: str) -> dict[str, str]:
    """Return the first value at each JSON path of the response.

    Raises:
        ProbeFailure: `body_mismatch`: a path has no value, so the request was not acknowledged as expected.
    """
    parsed = document(response) if paths else None
    captured_values = {}
    for name, path in paths.items():
        values = values_at(parsed, path, run)
        if not values:
            raise ProbeFailure("body_mismatch", f"the response has no value at {path}", status=response.status)
        captured_values[name] = values[0]
    return captured_values


def values_at(parsed: Any, path: str, run: str) -> Sequence[str]:
    """Return the values at a JSON path with placeholders, as text."""
    query = JsonPath(fill_text(path, lambda _: run.replace("'", "")))
    return [value if isinstance(value, str) else json.dumps(value) for value in query.values(parsed)]
