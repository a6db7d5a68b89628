"""The active site of a product over time, and its changes, from one history per site.

A site's history is that of a check that is good while the site is active. Only certain states decide: a site is active
while its history is up, and inactive while it is down. In doubt and unknown time the active site is unknown, so a
change has bounds: the last instant at which the old site was certainly the only active one, and the first instant at
which the new site was.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sla.interval import Interval
    from sla.state_history import History


class SiteState(StrEnum):
    """The number of active sites."""

    ONE = "one"
    SEVERAL = "several"
    NONE = "none"
    UNKNOWN = "unknown"


class ActiveSite(NamedTuple):
    """The state of the sites; `site` is the id of the active site, empty unless exactly one is active."""

    state: SiteState
    site: str = ""


class SitePiece(NamedTuple):
    """An interval [start, end), microseconds, in which the active site does not change."""

    start: int
    end: int
    active: ActiveSite


UNKNOWN_SITE: Final = ActiveSite(SiteState.UNKNOWN)


def active_site(states: Mapping[str, State]) -> ActiveSite:
    """Return the active site from the states of the sites' histories at one instant.

    If two or more sites are up, several are active. If one is up, it is the active site if all others are down.
    """
    up = [site for site, state in states.items() if state is State.UP]
    if len(up) > 1:
        return ActiveSite(SiteState.SEVERAL)
    if any(state not in (State.UP, State.DOWN) for state in states.values()):
        return UNKNOWN_SITE
    return ActiveSite(SiteState.ONE, up[0]) if up else ActiveSite(SiteState.NONE)


def site_pieces(sites: Mapping[str, History], window: Interval, *, estimate: bool = False) -> Iterator[SitePiece]:
    """Yield the active site over the window, adjacent equal pieces merged. `estimate`: use estimated states."""
    states = dict.fromkeys(sites, State.UNKNOWN)
    start, current = window.start, UNKNOWN_SITE
    changes = heapq.merge(*([(p.start, site, p.state) for p in h.pieces(window)] for site, h in sites.items()))
    for at, changed in _grouped(changes):
        states |= {site: state.estimate if estimate else state for site, state in changed}
        next_active = active_site(states)
        if next_active != current:
            if at > start:
                yield SitePiece(start, at, current)
            start, current = at, next_active
    if window.end > start:
        yield SitePiece(start, window.end, current)


def _grouped(changes: Iterable[tuple[int, str, State]]) -> Iterator[tuple[int, list[tuple[str, State]]]]:
    """Group the changes by instant."""
    at: int | None = None
    group: list[tuple[str, State]] = []
    for instant, site, state in changes:
        if at is not None and instant != at:
            yield at, group
            group = []
        at = instant
        group.append((site, state))
    if at is not None:
        yield at, group


def sites_final_until(sites: Mapping[str, History]) -> int | None:
    """Return the instant before which the sites' states are final. None if a site has no observations."""
    instants = [history.final_until for history in sites.values()]
    known = [at for at in instants if at is not None]
    return min(known) if known and len(known) == len(instants) else None


def current_site(sites: Mapping[str, History], now: int) -> ActiveSite:
    """Return the active site at the latest instant up to which all sites are final.

    It is unknown if a site's last observation has expired.
    """
    final_until = sites_final_until(sites)
    expirations = [history.expires_at for history in sites.values()]
    if final_until is None or any(at is None or at <= now for at in expirations):
        return UNKNOWN_SITE
    return active_site({site: history.state(final_until - 1) for site, history in sites.items()})


class ChangeKind(StrEnum):
    """The direction of a site change: to the primary site (failback), or to another one (failover)."""

    FAILOVER = "failover"
    FAILBACK = "failback"


@dataclass(frozen=True, slots=True)
class SiteChange:
    """A change of the active site. Instants are in microseconds since the epoch.

    `left` is the end of the last time in which the old site was certainly active, `arrived` the first instant at which
    the new site was certainly the only active one.
    """

    kind: ChangeKind
    source: str
    target: str
    left: int
    arrived: int

    @property
    def point(self) -> int:
        """The estimated instant of the change: the midpoint of its bounds."""
        return (self.left + self.arrived) // 2


def site_changes(
    sites: Mapping[str, History], window: Interval, known: tuple[str, int] | None = None
) -> Iterator[SiteChange]:
    """Yield the changes of the active site in the window. The first site of the mapping is the primary one.

    `known` is the site that was active before the window, and until when. Without it (new configuration, restart), the
    first active site is not a change.
    """
    last = known
    for piece in site_pieces(sites, window):
        if piece.active.state is not SiteState.ONE:
            continue
        site = piece.active.site
        if last is not None and last[0] != site:
            yield SiteChange(_kind(site, list(sites)), last[0], site, last[1], piece.start)
        last = site, piece.end


def _kind(target: str, sites: Sequence[str]) -> ChangeKind:
    return ChangeKind.FAILBACK if target == sites[0] else ChangeKind.FAILOVER


def last_active(sites: Mapping[str, History], window: Interval) -> tuple[str, int] | None:
    """Return the last site that was the only active one in the window, and until when; or None."""
    last = None
    for piece in site_pieces(sites, window):
        if piece.active.state is SiteState.ONE:
            last = piece.active.site, piece.end
    return last
