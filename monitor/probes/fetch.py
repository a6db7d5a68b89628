"""What kinds share that read something over HTTP: credentials and TLS options."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from monitor.config.model import CheckBase, Headers, HttpUrl, Secret, TlsOptions
from monitor.probes.http_check import Basic, HttpCheck


class FetchingCheck(CheckBase):
    """A check that reads something over HTTP."""

    headers: Headers = Field(default_factory=dict)
    """Sent with the request."""

    basic: Basic | None = None
    """HTTP Basic credentials."""

    bearer: Secret | None = None
    """A bearer token."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged."""

    def request(self, url: HttpUrl, **more: Any) -> HttpCheck:
        """Return the request for a URL with these credentials.

        Raises:
            ValueError: the URL is none.
        """
        written = {"id": self.id, "http": url, "headers": self.headers, "tls": self.tls, **more}
        given = {"basic": self.basic, "bearer": self.bearer}
        return HttpCheck.model_validate(written | {key: value for key, value in given.items() if value is not None})
