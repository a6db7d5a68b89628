"""The sites of a product: how to recognize the active site, how to probe each site directly, and the failover time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from monitor.config.base import Model
from monitor.config.check import CheckBase
from monitor.config.values import Duration, Id, Text, Within, problem_at
from sla.interval import DAY, MINUTE, SECOND

SettleTime = Annotated[Duration, AfterValidator(Within(SECOND, DAY, "between 1s and 1d"))]


class Site(Model):
    """A site (data centre, cluster) that a product can run at. The first site of a product is its primary site."""

    id: Id
    """Identifies the site within its product, in metrics and in the record."""

    name: Text = Field(default_factory=lambda known: known.get("id", ""))
    """Display name. Default: the id."""

    active: CheckBase
    """A check that is good while this site is the active one: a DNS answer, a response header, a value in the body, a
    certificate. It does not affect the figures of the product and opens no incidents."""

    direct: CheckBase | None = None
    """A check of this site whether or not it is active: `http` with `resolve_to`, or the site's own host name. It
    does not affect the figures of the product and opens no incidents."""

    @property
    def checks(self) -> Iterator[CheckBase]:
        """The checks of the site."""
        yield self.active
        if self.direct is not None:
            yield self.direct

    @model_validator(mode="before")
    @classmethod
    def _reject_heartbeats(cls, value: Any) -> Any:
        """Reject heartbeats: the daemon does not probe them, so they cannot show which site is active."""
        for key in ("active", "direct"):
            if isinstance(value, Mapping) and isinstance(value.get(key), Mapping) and "heartbeat" in value[key]:
                raise problem_at(key, "is a heartbeat; use a check that probes the site, such as http or dns")
        return value

    @model_validator(mode="after")
    def _reject_rechecks(self) -> Site:
        """Reject re-checks: they confirm incidents, and the checks of a site open none."""
        for key, check in (("active", self.active), ("direct", self.direct)):
            if check is not None and check.recheck not in (None, "never"):
                raise problem_at(key, "has a recheck, which has no effect on a check that opens no incident; remove it")
        return self


class DownByDesign(Model):
    """The condition under which the product is down by design.

    The measured figures count this as downtime; see `agreement.excludes`.
    """

    failover_of: Id
    """A product with `sites`. While it runs at another site than its primary one, downtime of this product is by
    design."""


class FailoverBlock(Model):
    """The promised duration of a failover between sites, and the time after which a failover has ended."""

    within: Duration | None = None
    """Promised failover time: `15m`. It is compared with the duration of each failover and failback."""

    settle: SettleTime = 5 * MINUTE
    """A failover has ended once the product is up for this time. Downtime within this time of the site change, or of
    other downtime of the failover, is part of the failover."""
