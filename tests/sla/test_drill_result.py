"""Tests of the measured result of a drill. The worked example: probes per second, three of which are bad."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sla.drill import Drill, DrillKind, DrillSource
from sla.drill_facts import (
    drill_detected,
    drill_end,
    drill_finding,
    drill_recovery_point,
    drill_sign_off,
    drills,
)
from sla.drill_result import DrillResult, drill_result
from sla.interval import SECOND
from sla.observation import Outcome
from sla.timeline import Timeline

if TYPE_CHECKING:
    from sla.availability import Bounds

GOOD, BAD = Outcome.GOOD, Outcome.BAD
START, END, HOLD = 100 * SECOND, 200 * SECOND, 10 * SECOND
DRILL = Drill(START, "Ada", "sso", DrillKind.FAILOVER, 15 * SECOND, 0, "Gold is lost", ("Ada",))


def probed_timeline(bad: set[int], last: int = 240, hold: int = HOLD) -> Timeline:
    """Return a timeline of one probe per second from 90 s on; those at the seconds in `bad` are bad."""
    return Timeline.of_pairs(((n * SECOND, BAD if n in bad else GOOD) for n in range(90, last + 1)), hold)


def result(
    history: Timeline, at: int = END + SECOND, *, drill: Drill = DRILL, lost: float | None = 0.0, **fields: Any
) -> DrillResult:
    facts = [drill.fact(), drill_detected(drill.id, "sso", 112 * SECOND, "monitor", "i")]
    facts.append(drill_end(drill.id, "sso", END, "Ada"))
    if lost is not None:
        facts.append(drill_recovery_point(drill.id, "sso", END, "Ada", round(lost * SECOND), "ledger"))
    (record,) = drills(facts, at)
    return drill_result(record, history, at, **fields)


def seconds(bounds: Bounds[int | None]) -> tuple[float | None, ...]:
    return tuple(None if bound is None else bound / SECOND for bound in bounds)


def test_recovery_time_of_a_failover_is_bounded_by_adjacent_probes() -> None:
    """Good at 109, bad at 110 to 112, good at 113: down for at least 2 s, at most 4 s."""
    measured = result(probed_timeline({110, 111, 112}))
    assert (seconds(measured.recovery), seconds(measured.downtime)) == ((2.0, 3.0, 4.0), (2.0, 3.0, 4.0))
    assert (measured.failed, measured.detection) == (109_500_000, 2_500_000)
    assert (measured.recovered, measured.provisional, measured.met) == (True, False, True)


@pytest.mark.parametrize("kind", [DrillKind.FAILOVER, DrillKind.TABLETOP])
def test_revoked_drill_has_no_verdict_and_keeps_its_figures(kind: DrillKind) -> None:
    history, drill = probed_timeline({110, 111, 112}), replace(DRILL, kind=kind)
    before = result(history, drill=drill)
    revoked = drill_result(replace(before.record, revoked="wrong product"), history, before.at)
    assert (revoked.met, revoked.reason) == (None, "the drill was revoked: wrong product")
    assert (revoked.recovery, revoked.downtime) == (before.recovery, before.downtime)


def test_failure_of_an_observed_site_change_may_have_begun_before_the_drill() -> None:
    """The drill begins at the estimated failure, in the middle of two probes. A stated start is exact."""
    history = probed_timeline({110, 111, 112})
    stated = replace(DRILL, made=109_500_000)
    observed = replace(stated, source=DrillSource.SITE_CHANGE)
    assert seconds(result(history, drill=stated).recovery) == (2.0, 3.0, 3.5)
    measured = result(history, drill=observed)
    assert (seconds(measured.recovery), seconds(measured.downtime)) == ((2.0, 3.0, 4.0), (2.0, 3.0, 4.0))
    quiet = result(probed_timeline(set()), drill=observed, site_changed=True)
    assert seconds(quiet.recovery) == (0.0, 0.0, 0.0)


def test_recovery_ends_when_the_product_stays_up() -> None:
    """Two outages with 7 s between them: the downtime excludes these, the recovery time does not."""
    measured = result(probed_timeline({110, 111, 120, 121}))
    assert seconds(measured.recovery) == (11.0, 12.0, 13.0)
    assert seconds(measured.downtime) == (2.0, 4.0, 6.0)


@pytest.mark.parametrize(
    ("bad", "changes", "met", "reason"),
    [
        (set(range(110, 130)), {}, False, "recovery took at least 19 s; the RTO is 15 s"),
        (set(range(110, 126)), {}, None, "the RTO is between the bounds of the recovery time"),
        (set(range(190, 250)), {}, False, "the product was down when the drill ended"),
        (set(range(195, 200)), {}, None, "the RTO is between the bounds of the recovery time"),
        (set(), {}, None, "neither downtime nor a change of site was observed"),
        (set(), {"site_changed": True}, True, "kept the promised limits"),
        (set(), {"drill": replace(DRILL, kind=DrillKind.DEPLOY)}, True, "kept the promised limits"),
        ({110, 111}, {"lost": 1.5}, False, "1.5 s of data were lost; the RPO is 0 s"),
        ({110, 111}, {"lost": None}, None, "the recovery point was not measured"),
        (
            {110, 111},
            {"lost": None, "drill": replace(DRILL, rpo=None)},
            True,
            "the recovery time kept the RTO; no RPO was stated",
        ),
        ({110, 111}, {"drill": replace(DRILL, rto=None)}, True, "the recovery point kept the RPO; no RTO was stated"),
        ({110, 111}, {"drill": replace(DRILL, rto=None, rpo=None)}, None, "neither an RTO nor an RPO was stated"),
    ],
)
def test_verdict_and_its_reason(bad: set[int], changes: dict[str, Any], met: bool | None, reason: str) -> None:
    history = probed_timeline(bad, 239 if 239 in bad else 240)
    measured = result(history, **changes)
    assert measured.met is met
    assert reason in measured.reason


MICROSECOND = 1 / SECOND


@pytest.mark.parametrize(
    ("rpo", "bounds", "met", "reason"),
    [
        (0, (0, 0, 0), True, "kept the promised limits"),
        (0, (0, 0, 21), True, "kept the promised limits"),
        (0, (0, 0, None), True, "kept the promised limits"),
        (0, (0, MICROSECOND, 21), False, "acknowledged data were lost; the RPO is 0 s"),
        (30, (0, 5, 21), True, "kept the promised limits"),
        (10, (0, 5, 21), None, "the RPO is between the bounds of the recovery point"),
        (4, (4.5, 5, 21), False, "4.5 s of data were lost; the RPO is 4 s"),
    ],
)
def test_bounds_of_the_recovery_point_decide_the_verdict(
    rpo: int, bounds: tuple[float, float, float | None], met: bool | None, reason: str
) -> None:
    drill = replace(DRILL, rpo=rpo * SECOND)
    low, length, high = (None if bound is None else round(bound * SECOND) for bound in bounds)
    assert low is not None
    assert length is not None
    point = drill_recovery_point(drill.id, "sso", END, "ninewatch", length, "probe", (low, high))
    (record,) = drills([drill.fact(), drill_end(drill.id, "sso", END, "Ada"), point], END + SECOND)
    measured = drill_result(record, probed_timeline({110, 111}), END + SECOND)
    assert (measured.met, measured.lost) == (met, length)
    assert reason in measured.reason


@pytest.mark.parametrize("kind", [DrillKind.TABLETOP, DrillKind.ISOLATED])
def test_tabletop_and_isolated_drills_have_no_figures_and_prove_nothing(kind: DrillKind) -> None:
    measured = result(probed_timeline({110, 111, 112}), drill=replace(DRILL, kind=kind))
    assert (measured.met, measured.failed, measured.detection, measured.recovered) == (None, None, None, None)
    assert (measured.recovery, measured.downtime) == ((None, None, None), (None, None, None))
    assert "proves no RTO" in measured.reason


def test_drill_in_progress_has_certain_figures_only() -> None:
    (record,) = drills([DRILL.fact()], 113 * SECOND)
    result = drill_result(record, probed_timeline({110, 111, 112, 113}, 113), 113 * SECOND + 1)
    assert (seconds(result.recovery), result.recovered, result.provisional) == ((3.0, None, None), False, True)
    assert (result.met, result.reason) == (None, "the drill has not ended")
    (record,) = drills([DRILL.fact()], 130 * SECOND)
    late = drill_result(record, probed_timeline(set(range(110, 131)), 130), 130 * SECOND + 1)
    assert late.met is False


def test_result_is_provisional_until_an_observation_after_the_end_or_until_the_last_one_expired() -> None:
    history = probed_timeline({110, 111, 112}, 199)
    measured = result(history, END)
    assert (measured.provisional, measured.met, measured.reason) == (
        True,
        None,
        "observations until its end have not arrived yet",
    )
    late = result(history, END + HOLD)
    assert (late.provisional, late.recovered) == (False, True)  # in doubt, but the estimate is up
    assert (seconds(late.recovery), late.met) == ((2.0, 3.0, None), None)


def test_time_without_observations_is_unknown_and_decides_nothing() -> None:
    history = probed_timeline({110, 111, 112}, 150)
    measured = result(history, END + HOLD)
    assert (measured.recovered, measured.provisional, measured.met) == (None, False, None)
    assert seconds(measured.recovery) == (2.0, None, None)
    assert seconds(measured.downtime) == (2.0, 3.0, 54.0)


def test_product_that_was_never_observed_has_an_unknown_recovery() -> None:
    measured = result(Timeline(HOLD))
    assert (seconds(measured.recovery), measured.failed, measured.met) == ((0.0, None, None), None, None)


def test_drill_without_elapsed_time_has_no_figures() -> None:
    (record,) = drills([DRILL.fact()], START)
    result = drill_result(record, probed_timeline(set(), 100), START)
    assert (result.recovery, result.downtime, result.recovered) == ((None, None, None), (None, None, None), None)
    assert (result.detection, result.lost) == (None, None)


def test_detection_is_unknown_without_a_failure_and_never_negative() -> None:
    assert result(probed_timeline(set())).detection is None
    assert result(probed_timeline({150, 151})).detection == 0
    (record,) = drills([DRILL.fact(), drill_end(DRILL.id, "sso", END, "Ada")], END)
    assert drill_result(record, probed_timeline({150}), END).detection is None


def test_json_has_the_documented_keys_in_seconds() -> None:
    measured = result(probed_timeline({110, 111, 112})).as_json()
    assert {name: measured[name] for name in list(measured)[:11]} | {"met": measured["met"]} == {
        "id": DRILL.id,
        "product": "sso",
        "kind": "failover",
        "started": "1970-01-01T00:01:40Z",
        "ended": "1970-01-01T00:03:20Z",
        "rto_seconds": 15.0,
        "rta_seconds": {"low": 2.0, "point": 3.0, "high": 4.0},
        "rpo_seconds": 0.0,
        "rpa_seconds": 0.0,
        "downtime_seconds": {"low": 2.0, "point": 3.0, "high": 4.0},
        "detected_seconds": 2.5,
        "met": True,
    }
    assert measured["end"] == {"at": "1970-01-01T00:03:20Z", "by": "Ada", "reason": ""}
    assert measured["recovery_points"] == [
        {"seconds": 0.0, "source": "ledger", "by": "Ada", "made": "1970-01-01T00:03:20Z"}
    ]


def test_json_of_an_open_drill_has_null_for_unknown_figures() -> None:
    drill = replace(DRILL, rto=None, rpo=None, kind=DrillKind.TABLETOP)
    facts = [
        drill.fact(),
        drill_finding(drill.id, "sso", START + 1, "Bo", "x", "Cy", "1970-01-01"),
        drill_sign_off(drill.id, "sso", START + 2, "Di", "ok"),
    ]
    (record,) = drills(facts, START + SECOND)
    measured = drill_result(record, probed_timeline(set()), START + SECOND).as_json()
    nothing = ("ended", "end", "rto_seconds", "rpo_seconds", "rpa_seconds", "detected_seconds", "failed", "met")
    assert [measured[name] for name in nothing] == [None] * 8
    assert [measured["sign_offs"][0]["by"], measured["findings"][0]["due"]] == ["Di", "1970-01-01"]
