"""Downtime by design: a product is down on purpose while another product does not run at its primary site.

The time at another site lasts from a recorded failover to the next recorded failback (estimated instants). Downtime by
design is the part of it in which the product's own point state is down. It counts as downtime in all measured figures;
an agreement may exclude it from the contractual figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.exclusion import Cause, Exclusion, point_downtime
from sla.interval import Interval
from sla.sites import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.sites import SiteChange
    from sla.state_history import History


def time_at_another_site(changes: Iterable[SiteChange], until: int) -> Iterator[Interval]:
    """Yield the intervals in which the product ran at another site, from its site changes in chronological order.

    The last one ends at `until` if no failback was recorded. A failback without a recorded failover is ignored, because
    the start of the interval is not known.
    """
    since = None
    for change in changes:
        if change.kind is ChangeKind.FAILOVER:
            since = change.point if since is None else since
        elif since is not None:
            yield Interval(since, max(since, change.point))
            since = None
    if since is not None and since < until:
        yield Interval(since, until)


def downtime_by_design(history: History, elsewhere: Iterable[Interval], window: Interval) -> Iterator[Interval]:
    """Yield the product's point downtime in the window while the other product ran at another site."""
    for time_elsewhere in elsewhere:
        start, end = max(time_elsewhere.start, window.start), min(time_elsewhere.end, window.end)
        if start < end:
            yield from point_downtime(history, Interval(start, end))


def excluded_by_design(
    history: History, changes: Iterable[SiteChange], window: Interval, other: str
) -> Iterator[Exclusion]:
    """Yield an exclusion for each downtime by design in the window. `changes` are the site changes of `other`."""
    for span in downtime_by_design(history, time_at_another_site(changes, window.end), window):
        yield Exclusion(span, Cause.DOWN_BY_DESIGN, other, reason="runs at another site")
