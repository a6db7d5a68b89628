"""Base class of checks that read a value over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from monitor.config.model import CheckBase, HttpUrl
from monitor.http.check import HttpCheck, HttpClientCheck

CREDENTIALS = ("headers", "basic", "bearer", "oauth2")  # keys with credentials, besides a client certificate


def _bare(url: str) -> str:
    if "?" in url:
        raise ValueError("a base URL has no query, because the query is appended; send a key in headers")
    return url


BaseUrl = Annotated[HttpUrl, AfterValidator(_bare)]
"""The base URL of a server, to which the kind appends a path."""


class FetchingCheck(HttpClientCheck):
    """A check that reads a value over HTTP."""

    def request(self, url: HttpUrl, *, bare: bool = False, **more: Any) -> HttpCheck:
        """Return the request for a URL with the check's credentials, proxy and TLS; `bare` omits the credentials.

        Raises:
            ValueError: invalid URL.
        """
        shared = self.model_fields_set & (set(HttpClientCheck.model_fields) - set(CheckBase.model_fields))
        written = {name: getattr(self, name) for name in shared.difference(CREDENTIALS if bare else ())}
        if bare:
            written["tls"] = self.tls.model_copy(update={"server_name": None, "certificate": None, "key": None})
        if not self.may_speak_tls(url, more.get("redirects", 0)):
            written.pop("tls", None)
        return HttpCheck.model_validate({"id": self.id, "http": url, **written, **more})
