"""How a target's certificate is judged."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, model_validator

from monitor.config.addresses import HostName
from monitor.config.base import Model
from monitor.config.values import Flag, LocalPath, problem_at


def _bundle(path: Path) -> Path:
    """Refuse a file that holds no certificate, which would fail every probe."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ValueError(f"cannot read {path}: {reason}; a relative path starts at this file") from None
    return path


class TlsOptions(Model):
    """How a target's certificate is judged. By default: by the system's authorities, for the host that is probed."""

    ca: Annotated[LocalPath, AfterValidator(_bundle)] | None = None
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
