"""What kinds share that read something over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from monitor.config.model import CheckBase, HttpUrl
from monitor.http.check import HttpCheck, Requesting

AS_WHOM = ("headers", "basic", "bearer", "oauth2")  # keys that say so, besides a certificate of ours


def _bare(url: str) -> str:
    if "?" in url:
        raise ValueError("what is asked is put behind it, so that it takes no query; send a key in headers")
    return url


BaseUrl = Annotated[HttpUrl, AfterValidator(_bare)]
"""The URL of a server, behind which its kind puts the path."""


class FetchingCheck(Requesting):
    """A check that reads something over HTTP."""

    def request(self, url: HttpUrl, *, bare: bool = False, **more: Any) -> HttpCheck:
        """Return the request for a URL, made as whom and by which way the check says; `bare`, as nobody.

        Raises:
            ValueError: the URL is none.
        """
        shared = self.model_fields_set & (set(Requesting.model_fields) - set(CheckBase.model_fields))
        written = {name: getattr(self, name) for name in shared.difference(AS_WHOM if bare else ())}
        if bare:
            written["tls"] = self.tls.model_copy(update={"server_name": None, "certificate": None, "key": None})
        if not self.may_speak_tls(url, more.get("redirects", 0)):
            written.pop("tls", None)
        return HttpCheck.model_validate({"id": self.id, "http": url, **written, **more})
