"""Who may read pages, API and metrics."""

from __future__ import annotations

from typing import Literal

from monitor.config.base import Model


class AccessBlock(Model):
    """Access over HTTP. Writing always needs an API token; sign-in for people is not part of it."""

    read: Literal["anyone", "token"] = "anyone"
    """Who may read pages, figures and metrics: `anyone` who can reach the address, or a `token` of the scope `read`."""
