"""Downtime by design: the time at another site, and the downtime of another product in it."""

from __future__ import annotations

import pytest

from sla.down_by_design import downtime_by_design, excluded_by_design, time_at_another_site
from sla.exclusion import Cause, Exclusion
from sla.interval import Interval
from sla.observation import Outcome
from sla.sites import ChangeKind, SiteChange
from sla.timeline import Timeline

TO, BACK = ChangeKind.FAILOVER, ChangeKind.FAILBACK


def changes(*instants: tuple[ChangeKind, int]) -> list[SiteChange]:
    """Return site changes whose estimated instants are these."""
    return [SiteChange(kind, "a", "b", at - 5, at + 5) for kind, at in instants]


@pytest.mark.parametrize(
    ("recorded", "away"),
    [
        ([], []),
        ([(TO, 100), (BACK, 300)], [(100, 300)]),
        ([(TO, 100), (TO, 200), (BACK, 300)], [(100, 300)]),  # to a third site in between
        ([(BACK, 300)], []),
        ([(TO, 100), (BACK, 300), (TO, 400)], [(100, 300), (400, 1000)]),
        ([(TO, 1000)], []),
        ([(TO, 100), (BACK, 90)], [(100, 100)]),  # bounds that overlap
    ],
)
def test_time_at_another_site_lasts_from_a_failover_to_the_next_failback(
    recorded: list[tuple[ChangeKind, int]], away: list[tuple[int, int]]
) -> None:
    assert [(span.start, span.end) for span in time_at_another_site(changes(*recorded), 1000)] == away


def timeline() -> Timeline:
    """Return a product that was down from 90 to 190 and from 450, by the point estimate; known until 500."""
    good, bad = [0, 80, 200, 300, 400], [100, 180, 500]
    return Timeline.of_pairs([*((at, Outcome.GOOD) for at in good), *((at, Outcome.BAD) for at in bad)], 130)


def test_only_downtime_while_the_other_product_is_away_is_by_design() -> None:
    away = [Interval(120, 160), Interval(170, 300), Interval(440, 900), Interval(2000, 3000)]
    spans = downtime_by_design(timeline(), away, Interval(130, 1000))
    assert [(span.start, span.end) for span in spans] == [(130, 160), (170, 190), (450, 500)]


def test_exclusions_name_the_product_that_failed_over() -> None:
    exclusions = excluded_by_design(timeline(), changes((TO, 100), (BACK, 150)), Interval(0, 1000), "sso")
    expected = Exclusion(Interval(100, 150), Cause.DOWN_BY_DESIGN, "sso", reason="runs at another site")
    assert list(exclusions) == [expected]
