"""The `dns:` options of a blackbox_exporter module, and their validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, Self

import dns.exception
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from monitor.blackbox.module_options import SourceOptions, TlsConfig
from monitor.blackbox.values import (
    Block,
    Flag,
    Pattern,
    Str,
)
from monitor.config.domain_names import to_ascii
from monitor.config.errors import quoted
from monitor.config.values import problem_at


class Records(Block):
    """Rules for the records of one section."""

    fail_if_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_all_match_regexp: tuple[Pattern, ...] = ()
    fail_if_not_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_none_matches_regexp: tuple[Pattern, ...] = ()


def _parsable_by(parse: Callable[[str], object], description: str) -> AfterValidator:
    """Return a validator that accepts the texts that `parse` accepts; `description` ends the error message."""

    def validate(value: str) -> str:
        try:
            parse(value)
        except dns.exception.DNSException:
            raise ValueError(f"{quoted(value)} is not a {description}") from None
        return value

    return AfterValidator(validate)


def _or_default(default: str) -> BeforeValidator:
    """Return a validator that replaces an empty text with the default, like Go."""
    return BeforeValidator(lambda value: default if value == "" else value)


_TYPE = _parsable_by(dns.rdatatype.from_text, "record type; use A, AAAA, MX, SOA, TXT, ...")
_CLASS = _parsable_by(dns.rdataclass.from_text, "record class; use IN, CH or HS")
_RCODE = _parsable_by(dns.rcode.from_text, "response code; use NOERROR, NXDOMAIN, SERVFAIL, ...")


class DnsModule(SourceOptions):
    """The `dns:` options of a blackbox_exporter module."""

    query_name: Annotated[Str, Field(min_length=1)]
    query_type: Annotated[Str, _or_default("ANY"), _TYPE] = "ANY"
    query_class: Annotated[Str, _or_default("IN"), _CLASS] = "IN"
    recursion_desired: Flag = True
    transport_protocol: Annotated[Literal["udp", "tcp"], _or_default("udp")] = "udp"
    dns_over_tls: Flag = False
    tls_config: TlsConfig = TlsConfig()
    valid_rcodes: tuple[Annotated[Str, _RCODE], ...] = ()
    validate_answer_rrs: Records = Records()
    validate_authority_rrs: Records = Records()
    validate_additional_rrs: Records = Records()

    @field_validator("query_name")
    @classmethod
    def _is_domain_name(cls, value: str) -> str:
        name = value if value.isascii() else to_ascii(value)
        try:
            dns.name.from_text(name)
        except dns.exception.DNSException:
            raise ValueError(f"{quoted(value)} is not a domain name") from None
        return name

    @model_validator(mode="after")
    def _uses_tcp_for_tls(self) -> Self:
        if self.dns_over_tls and self.transport_protocol != "tcp":
            raise problem_at("dns_over_tls", "requires TCP; add transport_protocol: tcp")
        return self
