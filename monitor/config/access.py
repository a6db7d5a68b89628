"""Access to pages, API and metrics over HTTP."""

from __future__ import annotations

from typing import Literal

from monitor.config.base import Model


class AccessBlock(Model):
    """Access over HTTP. Write requests always require an API token. There is no sign-in for people."""

    read: Literal["anyone", "token"] = "anyone"
    """Clients that may read pages, figures and metrics: `anyone`, or with a `token` of the scope `read`."""
