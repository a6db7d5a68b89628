"""Product incidents: one incident per outage of a product, regardless of the number of failing checks.

A product incident opens with the product's first check incident, is resolved with the last one, and has their ids. Its
severity is `page` while the product is down by its rule, else `ticket`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sla.fact import content_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.incident import Incident


class Severity(StrEnum):
    """The urgency of an alert: `page` requires action now, `ticket` in working hours, `note` requires no action."""

    PAGE = "page"
    TICKET = "ticket"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ProductIncident:
    """An incident of a product, from `opened` to `resolved` (None while it is open); microseconds since the epoch.

    `members` has the ids of its check incidents, oldest first. `suppressed_up_to` is the
    highest severity at which the incident is not announced, None if it is always announced. It is set for incidents
    that were open when the record was migrated to this version, so that they do not cause a page.
    """

    id: str
    product: str
    opened: int
    resolved: int | None
    severity: Severity
    members: tuple[str, ...]
    suppressed_up_to: Severity | None = None


def severity_of(*, down: bool | None) -> Severity:
    """Return the severity of an open incident. `down`: whether the product is down by its rule, None if unknown."""
    return Severity.PAGE if down else Severity.TICKET


def update_product_incident(
    current: ProductIncident | None,
    product: str,
    ongoing: Sequence[Incident],
    now: int,
    *,
    down: bool | None,
    previous_end: int = 0,
) -> ProductIncident | None:
    """Return the product's incident after a change of its check incidents. None if there is no incident.

    `current` is the open product incident, `ongoing` are the open check incidents. If no check incident is open, the
    product incident ends at `now`. Incidents do not overlap: a new one opens at `previous_end` at the earliest.
    """
    if not ongoing:
        return None if current is None else replace(current, resolved=max(now, current.opened))
    opened = max(previous_end, min(incident.opened for incident in ongoing))
    if current is None:
        current = ProductIncident(
            content_id("product-incident", product, opened), product, opened, None, Severity.TICKET, ()
        )
    members = dict.fromkeys(
        (*current.members, *(incident.id for incident in sorted(ongoing, key=lambda incident: incident.opened)))
    )
    opened = min(current.opened, opened)
    return replace(current, opened=opened, severity=severity_of(down=down), members=tuple(members))
