"""The blocks `expect` and `unknown`: conditions of a good answer. They are validated when the file is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from monitor.config.base import Model
from monitor.config.expect_values import (
    VERSIONS,
    Contained,
    ExpectedCookies,
    ExpectedHeaders,
    ExpectedJson,
    Expressions,
    HeaderExpectation,
    JsonExpectation,
    Statuses,
    StatusRange,
    Versions,
)
from monitor.config.json_path import JsonPath
from monitor.config.regex import Regex, RegexField
from monitor.config.sizes import SizeRangeField
from monitor.config.values import Flag, problem_at

__all__ = [
    "VERSIONS",
    "Expect",
    "HeaderExpectation",
    "JsonExpectation",
    "JsonPath",
    "Regex",
    "RegexField",
    "StatusRange",
    "Unknown",
    "UnknownField",
]


class Unknown(Model):
    """Conditions of a response without information about the target, such as a rejection of the check's own
    credentials.

    If all conditions are met, the outcome is `unknown`, with the reason `inconclusive`.
    """

    status: Statuses = ()
    """Status codes: `401`, `4xx` or `400-403`, one or a list. Default any."""

    header: ExpectedHeaders = ()
    """Conditions on headers, as in `expect`."""

    json_values: ExpectedJson = Field((), alias="json")
    """Conditions on values of a JSON body, as in `expect`. A body that is not JSON does not meet them."""

    @model_validator(mode="after")
    def _has_condition(self) -> Self:
        if not (self.status or self.header or self.json_values):
            raise ValueError("has no condition; specify status, header or json")
        return self

    def accepts_status(self, status: int) -> bool:
        """Return whether the status is in `status`, or `status` is not set."""
        return not self.status or any(status in statuses for statuses in self.status)


class Degraded(Unknown):
    """Conditions of a good response that reports the target as degraded, such as a status page.

    If all conditions are met, the outcome stays good, with the reason `degraded`.
    """


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, Mapping | Unknown) else value


UnknownField = Annotated[tuple[Unknown, ...], BeforeValidator(_as_list)]
"""One `Unknown` block, or a list of them."""

DegradedField = Annotated[tuple[Degraded, ...], BeforeValidator(_as_list)]
"""One `Degraded` block, or a list of them."""


OK = (StatusRange(200, 299),)


class Expect(Model):
    """Conditions of a good response. All must be met."""

    status: Statuses = OK
    """Status codes of a good response: `200`, `2xx` or `200-204`, one or a list. Default `2xx`."""

    version: Versions = ()
    """HTTP versions of a good response: `1.0`, `1.1` or `2`, one or a list. Default any."""

    encrypted: Flag | None = None
    """`true`: the final response, after redirects, must use TLS. `false`: it must not use TLS."""

    header: ExpectedHeaders = ()
    """Headers by name: text that the header must contain (case-insensitive), `true` present, `false` absent, or
    conditions:
    `contains`, `not_contains`, `matches`, `not_matches` (RE2), `exists`, `optional`.
    """

    cookie: ExpectedCookies = ()
    """Cookies by name, set by the response or by a redirect to it from the same host. The syntax is that of
    `header`."""

    contains: Contained = ()
    """Text that the body must contain, case-sensitive; one or a list."""

    not_contains: Contained = ()
    """Text that the body must not contain; one or a list."""

    matches: Expressions = ()
    """Regular expressions (RE2) that must occur in the body; one or a list."""

    not_matches: Expressions = ()
    """Regular expressions (RE2) that must not occur in the body; one or a list."""

    json_values: ExpectedJson = Field((), alias="json")
    """Paths into a JSON body (RFC 9535), each with the expected value of everything that the path finds, or conditions:
    `<`, `<=`, `>`, `>=`, `!=`, `in`, `matches`, `not_matches`, `length`, `exists`, `optional`."""

    body_size: SizeRangeField | None = None
    """Size of the body in bytes, after decompression: `<= 100kB`, `>= 1kB` or `1kB-100kB`."""

    unknown: UnknownField = ()
    """Responses without information about the target, such as `{status: 401, json: {"$.error": invalid_client}}`;
    one or a list. They are checked first, and make the outcome `unknown` (`inconclusive`). Even without an entry,
    429 with a `Retry-After` is `unknown` (`rate_limited`) unless `status` allows 429, and no request is sent before
    that time."""

    degraded: DegradedField = ()
    """Good responses that report the target as degraded, such as `{json: {"$.status": degraded}}`; one or a list. The
    product is up and degraded. The other conditions of `expect` must be met."""

    @property
    def needs_body(self) -> bool:
        """Whether a condition requires the body."""
        conditions = (self.contains, self.not_contains, self.matches, self.not_matches, self.json_values)
        return (
            any(conditions)
            or self.body_size is not None
            or any(response.json_values for response in (*self.unknown, *self.degraded))
        )

    def accepts_status(self, status: int) -> bool:
        """Return whether the status is in `status`."""
        return any(status in statuses for statuses in self.status)

    @model_validator(mode="after")
    def _has_no_status_both_good_and_unknown(self) -> Self:
        if "status" in self.model_fields_set:
            for response in self.unknown:
                good_and_unknown = (
                    []
                    if response.header or response.json_values
                    else [one for one in response.status if one in self.status]
                )
                if good_and_unknown:
                    raise problem_at(
                        "unknown",
                        f"status {good_and_unknown[0]} is also in status as a good one; remove it from one of the two",
                    )
        return self
