"""What kinds share that read something over HTTP."""

from __future__ import annotations

from typing import Any

from monitor.config.model import CheckBase, HttpUrl
from monitor.http.check import HttpCheck, Requesting


class FetchingCheck(Requesting):
    """A check that reads something over HTTP."""

    def request(self, url: HttpUrl, **more: Any) -> HttpCheck:
        """Return the request for a URL, made as whom and by which way the check says.

        Raises:
            ValueError: the URL is none.
        """
        shared = self.model_fields_set & (set(Requesting.model_fields) - set(CheckBase.model_fields))
        written = {name: getattr(self, name) for name in shared}
        return HttpCheck.model_validate({"id": self.id, "http": url, **written, **more})
