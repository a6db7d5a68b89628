"""How a target's certificate is judged."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.addresses import HostName
from monitor.config.base import Model
from monitor.config.folder import opened
from monitor.config.values import Flag, local_path, problem_at

_LARGEST = 4 << 20  # bytes; the system's own bundle takes a quarter of one MiB


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificate authorities as the file held them at the load: a reload sees by the text that they were changed."""

    path: Path
    pem: str


def _authorities(value: Any, info: ValidationInfo) -> Authorities:
    """Return what the file holds, and refuse one without a certificate, which would fail every probe."""
    if isinstance(value, Authorities):
        return value
    path = local_path(value, info)
    try:
        with opened(path) as file:
            pem = file.read(_LARGEST).decode("ascii", errors="ignore")  # people write names beside the certificates
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ValueError(f"cannot read {path}: {reason}; a relative path starts at this file") from None
    return Authorities(path, pem)


AuthoritiesField = Annotated[Authorities, PlainValidator(_authorities), WithJsonSchema({"type": "string"})]


class TlsOptions(Model):
    """How a target's certificate is judged. By default: by the system's authorities, for the host that is probed."""

    ca: AuthoritiesField | None = None
    """PEM file of the authorities to trust instead of the system's. A relative path starts at this file."""

    verify: Flag = True
    """`false` accepts any certificate. The probe then says nothing about who answered."""

    server_name: HostName | None = None
    """The name to ask for (SNI) and to find in the certificate, in place of the host's."""

    @model_validator(mode="after")
    def _means_something(self) -> TlsOptions:
        if self.ca is not None and not self.verify:
            raise problem_at("ca", "has no effect with verify: false; leave one of the two out")
        return self
