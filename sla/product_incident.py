"""Product incidents: one outage of a product, however many of its checks fail.

A product incident opens with the first check incident of the product and resolves with the last one. The check
incidents keep their ids and stand inside it. Its severity is `page` while the product's rule says down, else `ticket`.
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
    """How urgent an alert is: `page` wakes a person, `ticket` waits for working hours, `note` asks for nothing."""

    PAGE = "page"
    TICKET = "ticket"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ProductIncident:
    """An incident of a product, from `opened` to `resolved` (None while it is open); microseconds since the epoch.

    `members` are the ids of its check incidents in the order in which they were decided. `unannounced` is the severity
    up to which the incident is not announced, None where it is announced at any: incidents that were open when the
    record was brought up to this version are continued without a page.
    """

    id: str
    product: str
    opened: int
    resolved: int | None
    severity: Severity
    members: tuple[str, ...]
    unannounced: Severity | None = None


def severity_of(*, down: bool | None) -> Severity:
    """Return the severity of an open incident of a product that is `down` by its rule; None is not known."""
    return Severity.PAGE if down else Severity.TICKET


def advanced(
    held: ProductIncident | None,
    product: str,
    ongoing: Sequence[Incident],
    now: int,
    *,
    down: bool | None,
    last: int = 0,
) -> ProductIncident | None:
    """Return the product's incident after a change of its check incidents, None if there is and was none.

    `held` is the open one, `ongoing` are the check incidents that are open, `now` is the instant at which the incident
    ends if none is. `last` is the end of the product's incident before: two of one product never overlap.
    """
    if not ongoing:
        return None if held is None else replace(held, resolved=max(now, held.opened))
    opened = max(last, min(each.opened for each in ongoing))
    if held is None:
        held = ProductIncident(
            content_id("product-incident", product, opened), product, opened, None, Severity.TICKET, ()
        )
    members = dict.fromkeys((*held.members, *(each.id for each in sorted(ongoing, key=lambda each: each.opened))))
    opened = min(held.opened, opened)
    return replace(held, opened=opened, severity=severity_of(down=down), members=tuple(members))
