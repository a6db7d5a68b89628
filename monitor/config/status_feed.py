"""The public status feed of a product's supplier."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, model_validator

from monitor.config.addresses import HttpUrl
from monitor.config.base import Model
from monitor.config.tls import TlsOptions
from monitor.config.values import Duration, Text, Within, problem_at
from sla.interval import DAY, MINUTE, SECOND

FORMATS: Final = ("statuspage", "atom", "gc_notify")


class StatusFeed(Model):
    """A public status feed: `statuspage`, `atom` or `gc_notify` with its URL. It does not change figures."""

    statuspage: HttpUrl | None = None
    """The URL of the incidents of a Statuspage: `https://status.example.org/api/v2/incidents.json`."""

    atom: HttpUrl | None = None
    """The URL of an Atom feed with an entry per incident: `https://status.example.org/history.atom`."""

    gc_notify: HttpUrl | None = None
    """The URL of a list of components with their current states, as GC Notify publishes it:
    `[{"id": "api", "status": "up"}]`, with the states up, degraded and down.
    """

    components: tuple[Text, ...] = ()
    """With `statuspage` and `gc_notify`: the names or ids of the components that the product needs. Default: all."""

    interval: Annotated[Duration, AfterValidator(Within(MINUTE, DAY, "between 1m and 1d"))] = 5 * MINUTE
    """Time between two requests."""

    timeout: Annotated[Duration, AfterValidator(Within(SECOND, MINUTE, "between 1s and 1m"))] = 10 * SECOND
    """Time for one request."""

    tls: TlsOptions = TlsOptions()
    """How the certificate of the feed's server is verified."""

    @property
    def format(self) -> str:
        """The format of the feed: one of `FORMATS`."""
        return next(name for name in FORMATS if getattr(self, name) is not None)

    @property
    def url(self) -> str:
        """The URL of the feed."""
        return str(getattr(self, self.format))

    @model_validator(mode="after")
    def _one_format(self) -> StatusFeed:
        configured = [name for name in FORMATS if getattr(self, name) is not None]
        if not configured:
            raise problem_at("interval", f"has no feed next to it; add one of {', '.join(FORMATS)} with its URL")
        if len(configured) > 1:
            raise problem_at(configured[1], f"excludes {configured[0]} in the same feed; keep one of them")
        if self.components and self.atom is not None:
            raise problem_at("components", "is not allowed for an Atom feed, which names no components; remove it")
        return self
