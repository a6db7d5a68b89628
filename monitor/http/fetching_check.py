"""Base class of checks that read a value over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from monitor.config.model import CheckBase, HttpUrl
from monitor.http.check import HttpCheck, HttpClientCheck

CREDENTIALS = ("headers", "basic", "bearer", "oauth2")  # keys with credentials, besides a client certificate


def _without_query(url: str) -> str:
    if "?" in url:
        raise ValueError("a base URL must not contain a query, because one is appended; send a key in headers")
    return url


BaseUrl = Annotated[HttpUrl, AfterValidator(_without_query)]
"""The base URL of a server, to which the kind appends a path."""


class FetchingCheck(HttpClientCheck):
    """A check that reads a value over HTTP."""

    def request(self, url: HttpUrl, *, without_credentials: bool = False, **options: Any) -> HttpCheck:
        """Return the request for a URL with the check's credentials, proxy and TLS options.

        `without_credentials` omits headers, credentials and the client certificate. `options` are further keys.

        Raises:
            ValueError: the URL is invalid.
        """
        shared = self.model_fields_set & (set(HttpClientCheck.model_fields) - set(CheckBase.model_fields))
        keys = {name: getattr(self, name) for name in shared.difference(CREDENTIALS if without_credentials else ())}
        if without_credentials:
            keys["tls"] = self.tls.model_copy(update={"server_name": None, "certificate": None, "key": None})
        if not self.may_use_tls(url, options.get("redirects", 0)):
            keys.pop("tls", None)
        return HttpCheck.model_validate({"id": self.id, "http": url, **keys, **options})
