"""The active site from one history per site: its states, and changes with their bounds."""

from __future__ import annotations

import pytest

from sla.interval import SECOND, Interval
from sla.observation import Outcome
from sla.sites import (
    UNKNOWN_SITE,
    ActiveSite,
    ChangeKind,
    SiteChange,
    SitePiece,
    SiteState,
    active_site,
    current_site,
    last_active,
    site_changes,
    site_pieces,
    sites_final_until,
)
from sla.states import State
from sla.timeline import Timeline

UP, DOWN, DOUBT, UNKNOWN = State.UP, State.DOWN, State.DOUBT_UP, State.UNKNOWN
GOLD, DR = ActiveSite(SiteState.ONE, "gold"), ActiveSite(SiteState.ONE, "dr")
NONE, SEVERAL = ActiveSite(SiteState.NONE), ActiveSite(SiteState.SEVERAL)
OUTCOMES = {"+": Outcome.GOOD, "-": Outcome.BAD, "?": Outcome.UNKNOWN}


def line(text: str, first: int = 0) -> Timeline:
    """Return a timeline with an observation every 10 s: + good, - bad, ? unknown, a space for none."""
    instants = ((first + 10 * n) * SECOND for n in range(len(text)))
    pairs = [(at, OUTCOMES[mark]) for at, mark in zip(instants, text, strict=True) if mark != " "]
    return Timeline.of_pairs(pairs, 25 * SECOND)


def seconds(*values: int) -> Interval:
    return Interval(*(value * SECOND for value in values))


@pytest.mark.parametrize(
    ("gold", "dr", "expected"),
    [
        (UP, DOWN, GOLD),
        (DOWN, UP, DR),
        (UP, UP, SEVERAL),
        (DOWN, DOWN, NONE),
        (UP, DOUBT, UNKNOWN_SITE),
        (DOWN, UNKNOWN, UNKNOWN_SITE),
    ],
)
def test_only_certain_states_decide(gold: State, dr: State, expected: ActiveSite) -> None:
    assert active_site({"gold": gold, "dr": dr}) == expected


def test_two_active_sites_are_several_whatever_the_third_is() -> None:
    assert active_site({"a": UP, "b": UP, "c": UNKNOWN}) == SEVERAL


def test_change_is_unknown_between_the_observations_around_it() -> None:
    sites = {"gold": line("+++---"), "dr": line("---+++", 2)}
    pieces = list(site_pieces(sites, seconds(0, 50)))
    assert pieces == [
        SitePiece(0, 2 * SECOND, UNKNOWN_SITE),
        SitePiece(2 * SECOND, 20 * SECOND, GOLD),
        SitePiece(20 * SECOND, 32 * SECOND, UNKNOWN_SITE),
        SitePiece(32 * SECOND, 50 * SECOND, DR),
    ]
    change = SiteChange(ChangeKind.FAILOVER, "gold", "dr", 20 * SECOND, 32 * SECOND)
    assert list(site_changes(sites, seconds(0, 50))) == [change]
    assert change.point == 26 * SECOND


def test_estimate_decides_in_doubt() -> None:
    sites = {"gold": line("++--"), "dr": line("--++")}
    pieces = list(site_pieces(sites, seconds(0, 30), estimate=True))
    assert pieces == [SitePiece(0, 15 * SECOND, GOLD), SitePiece(15 * SECOND, 30 * SECOND, DR)]


def test_window_without_length_has_no_piece() -> None:
    assert list(site_pieces({"gold": line("++"), "dr": line("--")}, seconds(5, 5))) == []


STATE_TABLE = [  # the state table of the switchover agent of Keycloak, in both directions and through an error
    ("+++---", "---+++", [(ChangeKind.FAILOVER, "gold", "dr")]),
    ("---+++", "+++---", [(ChangeKind.FAILBACK, "dr", "gold")]),
    ("+++-----", "------++", [(ChangeKind.FAILOVER, "gold", "dr")]),
    ("++---+++", "--------", []),
    ("++-----", "-------", []),
    ("      +++", "      ---", []),
    ("++----++", "--++++--", [(ChangeKind.FAILOVER, "gold", "dr"), (ChangeKind.FAILBACK, "dr", "gold")]),
    ("++        --", "--        ++", [(ChangeKind.FAILOVER, "gold", "dr")]),
]


@pytest.mark.parametrize(("gold", "dr", "expected"), STATE_TABLE)
def test_state_table_of_keycloak(gold: str, dr: str, expected: list[tuple[ChangeKind, str, str]]) -> None:
    """A first active site is no change; an error in between is none; a change while blind is one."""
    sites = {"gold": line(gold), "dr": line(dr)}
    changes = list(site_changes(sites, seconds(0, 10 * len(gold))))
    assert [(change.kind, change.source, change.target) for change in changes] == expected


def test_site_that_was_active_before_the_window_is_compared() -> None:
    sites = {"gold": line("++---"), "dr": line("--+++")}
    window = seconds(30, 40)
    assert list(site_changes(sites, window)) == []
    (change,) = site_changes(sites, window, ("gold", 10 * SECOND))
    assert (change.left, change.arrived) == (10 * SECOND, 30 * SECOND)
    assert list(site_changes(sites, window, ("dr", 20 * SECOND))) == []


def test_last_active_site_ends_with_the_certain_time() -> None:
    sites = {"gold": line("++--"), "dr": line("----")}
    assert last_active(sites, seconds(0, 30)) == ("gold", 10 * SECOND)
    assert last_active(sites, seconds(20, 30)) is None


def test_current_site_is_that_of_the_newest_final_instant() -> None:
    sites = {"gold": line("+++"), "dr": line("---")}
    assert sites_final_until(sites) == 20 * SECOND
    assert current_site(sites, 30 * SECOND) == GOLD
    assert current_site(sites, 45 * SECOND) == UNKNOWN_SITE  # the observations have expired


def test_one_probe_of_skew_is_no_second_site() -> None:
    """Between the probes of the two sites a change shows as two active sites: one more probe of each decides."""
    sites = {"gold": line("++"), "dr": line("--+", 2)}
    assert current_site(sites, 23 * SECOND) == GOLD
    assert current_site({"gold": line("+++"), "dr": line("--++", 2)}, 35 * SECOND) == UNKNOWN_SITE
    assert current_site({"gold": line("++++"), "dr": line("-+++", 2)}, 35 * SECOND) == SEVERAL


def test_site_without_observations_leaves_the_active_site_unknown() -> None:
    sites = {"gold": line("+++"), "dr": Timeline(25 * SECOND)}
    assert sites_final_until(sites) is None
    assert current_site(sites, 21 * SECOND) == UNKNOWN_SITE
    assert current_site({"gold": line("???"), "dr": line("+++")}, 21 * SECOND) == UNKNOWN_SITE
