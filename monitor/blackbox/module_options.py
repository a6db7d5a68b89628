"""Module options of several probers: TLS and address selection."""

from __future__ import annotations

import ssl
from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from monitor.blackbox.values import (
    Block,
    ClientCertificate,
    ClientKey,
    Flag,
    Protocol,
    SourceAddress,
    TrustedAuthorities,
    Unsupported,
)
from monitor.config.addresses import HostName
from monitor.config.tls import load_client_certificate
from monitor.config.values import problem_at

_Version = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
_NotInline = Annotated[None, Unsupported("save it to a file, and use ca_file, cert_file or key_file")]
NoSecretManager = Annotated[None, Unsupported("use the value or a file")]
_EMPTY_MEANS_UNSET = {"ca_file", "cert_file", "key_file", "server_name"}


class TlsConfig(Block):
    """TLS options."""

    insecure_skip_verify: Flag = False
    ca_file: TrustedAuthorities | None = None
    cert_file: ClientCertificate | None = None
    key_file: ClientKey | None = None
    server_name: HostName | None = None
    min_version: _Version | None = None
    max_version: _Version | None = None
    ca: _NotInline = None
    cert: _NotInline = None
    key: _NotInline = None
    ca_ref: NoSecretManager = None
    cert_ref: NoSecretManager = None
    key_ref: NoSecretManager = None

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: Any) -> Any:
        """Remove keys with an empty text, which means unset in Go."""
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value != "" or key not in _EMPTY_MEANS_UNSET}

    @property
    def only_version(self) -> Literal["TLSv1.2", "TLSv1.3"] | None:
        """The only allowed TLS version, None if 1.2 and 1.3 are allowed. Older versions are never allowed."""
        if self.min_version == "TLS13":
            return "TLSv1.3"
        return "TLSv1.2" if self.max_version == "TLS12" else None

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            raise problem_at(
                "key_file" if self.key_file is None else "cert_file",
                "is missing; cert_file and key_file are both required",
            )
        if self.max_version in ("TLS10", "TLS11"):
            raise problem_at("max_version", "is not supported; use TLS12 or later")
        if self.min_version == "TLS13" and self.max_version == "TLS12":
            raise problem_at("max_version", "is below min_version; raise it")
        if self.cert_file is not None and self.key_file is not None:
            try:
                load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self.cert_file.pem, self.key_file)
            except ValueError as error:
                raise problem_at("key_file", str(error)) from None
        return self


class IpOptions(Block):
    """Options that select the address to probe."""

    preferred_ip_protocol: Protocol = "ip6"
    ip_protocol_fallback: Flag = True


class SourceOptions(IpOptions):
    """Options that select the address to probe and the source address."""

    source_ip_address: SourceAddress = ""
