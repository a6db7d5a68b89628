"""The module file of blackbox_exporter, with the same keys and defaults.

Keys of versions after 0.23 are accepted if ninewatch supports them. Unsupported keys are rejected with a remedy.
Unknown keys are rejected like in blackbox_exporter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from monitor.blackbox.dns_module import DnsModule
from monitor.blackbox.http_module import HttpModule
from monitor.blackbox.module_options import IpOptions, SourceOptions, TlsConfig
from monitor.blackbox.values import (
    Block,
    Body,
    Flag,
    GoDuration,
    Pattern,
    Str,
    full_match,
    never_has_credentials,
)
from monitor.config.values import problem_at
from monitor.protocols.grpc_health import is_reserved

_METADATA = re.compile(r"[0-9A-Za-z_.-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


class Label(Block):
    """A label of `probe_expect_info`."""

    name: Annotated[Str, full_match("[A-Za-z_][A-Za-z0-9_]*", "a label name; use letters, digits and _")]
    value: Str = ""


class Step(Block):
    """An entry of `query_response`."""

    expect: Pattern | None = None
    expect_bytes: Str = ""
    labels: tuple[Label, ...] = ()
    send: Body = ""
    starttls: Flag = False

    @model_validator(mode="after")
    def _has_one_expectation(self) -> Self:
        if self.expect is not None and self.expect_bytes:
            raise problem_at("expect_bytes", "conflicts with expect; keep one")
        if self.labels and self.expect is None:
            raise problem_at("labels", "has no effect without expect; add expect")
        return self


class TcpModule(SourceOptions):
    """The `tcp:` options of a blackbox_exporter module."""

    query_response: tuple[Step, ...] = ()
    tls: Flag = False
    tls_config: TlsConfig = TlsConfig()


class IcmpModule(SourceOptions):
    """The `icmp:` options of a blackbox_exporter module."""

    dont_fragment: Flag = False
    payload_size: Annotated[int, Field(ge=0, le=65_507, strict=True)] = 0
    ttl: Annotated[int, Field(ge=0, le=255, strict=True)] = 64


class GrpcModule(IpOptions):
    """The `grpc:` options of a blackbox_exporter module."""

    service: Str = ""
    tls: Flag = False
    tls_config: TlsConfig = TlsConfig()
    metadata: dict[str, tuple[Body, ...]] = Field(default_factory=dict)

    @field_validator("metadata")
    @classmethod
    def _are_valid_headers(cls, metadata: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, values in metadata.items():
            if not _METADATA.fullmatch(name):
                raise problem_at(name, "is not a metadata name; use letters, digits, -, _ and .")
            if is_reserved(name):
                raise problem_at(name, "reserved for the call itself; remove it")
            if not all(map(_PRINTABLE.fullmatch, values)):
                raise problem_at(name, "contains invalid characters; use printable ASCII on one line")
        return metadata


class Module(Block):
    """A module, selected by `?module=`."""

    prober: Literal["http", "tcp", "dns", "icmp", "grpc"]
    timeout: GoDuration = 0.0
    http: HttpModule = HttpModule()
    tcp: TcpModule = TcpModule()
    dns: DnsModule | None = None
    icmp: IcmpModule = IcmpModule()
    grpc: GrpcModule = GrpcModule()

    def concealed_values(self) -> Iterator[str]:
        """Yield values that are sent and may be credentials, but are not secrets; `debug=true` hides them."""
        for name, value in self.http.headers.items():
            if isinstance(value, str) and not never_has_credentials(name):
                yield value
        for values in self.grpc.metadata.values():
            yield from values
        if self.http.oauth2 is not None:
            yield from (value for _, value in parse_qsl(urlsplit(self.http.oauth2.token_url).query))

    @model_validator(mode="after")
    def _has_query(self) -> Self:
        if self.prober == "dns" and self.dns is None:
            return self.model_copy(update={"dns": DnsModule(query_name=".")})  # like blackbox_exporter
        return self


class ModuleFile(Block):
    """The content of a module file."""

    go_yaml: ClassVar[bool] = True
    modules: dict[str, Module] = Field(default_factory=dict)
