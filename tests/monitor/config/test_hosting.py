"""Hosting tiers and outage limits in a configuration: errors and warnings with their position."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.hosting import shipped_tiers
from sla.interval import DAY, HOUR, MINUTE
from sla.objective import Objective
from sla.outage import LimitKind, OutageLimit
from tests.monitor.config.kinds import examine_text, load_text, problems_of, with_check


def with_keys(*lines: str) -> str:
    return with_check('tcp: "h:1", interval: 9s') + "".join(f"    {line}\n" for line in lines)


def warnings(folder: Path, text: str) -> list[str]:
    result = examine_text(folder, text)
    assert not result.problems
    return [str(warning).removeprefix(f"{folder}/") for warning in result.warnings]


def test_shipped_tiers_match_the_published_ones() -> None:
    """Silver offers 99.5 % and no outage over 4 h; only GoldDR offers 99.95 % and no outage over 22 min."""
    tiers = shipped_tiers()
    tier_values = {name: (str(tiers.of(name).highest), tiers.of(name).longest_outage) for name in tiers.names}
    assert tier_values == {
        "silver-single-node": ("90%", 4 * HOUR),
        "silver": ("99.5%", 4 * HOUR),
        "gold": ("99.5%", None),
        "gold-dr": ("99.95%", 22 * MINUTE),
        "emerald": ("99.5%", None),
    }
    assert tiers.of("gold-dr").highest == Objective.parse("99.95%")


@pytest.mark.parametrize("tier", ["silver", "gold", "emerald"])
def test_objective_above_its_hosting_tier_gets_a_warning(tmp_path: Path, tier: str) -> None:
    (warning,) = warnings(tmp_path, with_keys(f"hosting: {tier}"))
    assert warning.startswith(f"c.yaml:3:16: products.p.objective: 99.9% is above what the hosting tier {tier} (")
    assert warning.endswith("offers, 99.5%: promise at most 99.5%, or move to a higher tier")


def test_objective_within_its_hosting_tier_gets_no_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path, with_keys("hosting: gold-dr")) == []
    assert warnings(tmp_path, with_keys("hosting: silver").replace("99.9%", "99.5%")) == []


def test_outage_limit_below_the_tiers_gets_a_warning(tmp_path: Path) -> None:
    text = with_keys("hosting: silver", "agreement: {longest_outage: 22m}").replace("99.9%", "99.5%")
    (warning,) = warnings(tmp_path, text)
    assert (
        "the limit of 22m on an outage is below that of the hosting tier silver (OpenShift Silver, several nodes)"
        in warning
    )
    assert warning.endswith(", 4h: promise 4h or more, or move to a higher tier")
    assert warnings(tmp_path, text.replace("22m", "4h")) == []


def test_unknown_tier_is_rejected_with_the_known_ones(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, with_keys("hosting: platinum"))
    assert problem.endswith(
        'hosting: unknown hosting tier "platinum"; known tiers: silver-single-node, silver, gold, gold-dr, emerald'
    )


def test_portfolio_may_define_its_own_tiers(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "ours.yaml").write_text(
        "id: ours\ntitle: Ours\ntiers:\n  - {id: rack, title: Our rack, highest: 99%, source: the contract}\n"
    )
    text = "hosting_tiers: ours\n" + with_keys("hosting: rack")
    (warning,) = warnings(tmp_path, text)
    assert "99.9% is above what the hosting tier rack (Our rack) offers, 99%" in warning
    assert problems_of(tmp_path, text.replace("rack", "gold"))[0].endswith("known tiers: rack")


@pytest.mark.parametrize(
    ("tiers", "expected_text"),
    [
        ("[]", "tiers"),
        ("[{id: a, title: A, highest: 99%, source: s}, {id: a, title: B, highest: 98%, source: s}]", "two tiers a"),
        ("[{id: a, title: A, highest: 100%, source: s}]", "100%"),
    ],
)
def test_invalid_tiers_are_rejected(tmp_path: Path, tiers: str, expected_text: str) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "ours.yaml").write_text(f"id: ours\ntitle: Ours\ntiers: {tiers}\n")
    (problem,) = problems_of(tmp_path, "hosting_tiers: ours\n" + with_keys("hosting: a"))
    assert "invalid file of hosting tiers" in problem
    assert expected_text in problem


def test_outage_limits_are_read(tmp_path: Path) -> None:
    text = with_keys("agreement: {longest_outage: 22m, total_outage: {limit: 4h, per: 30d}}")
    assert list(load_text(tmp_path, text).products[0].agreement.limits()) == [
        OutageLimit(LimitKind.LONGEST, 22 * MINUTE),
        OutageLimit(LimitKind.TOTAL, 4 * HOUR, 30 * DAY),
    ]


def test_limit_that_cannot_be_exceeded_is_rejected(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, with_keys("agreement: {total_outage: {limit: 30d, per: 30d}}"))
    assert "agreement.total_outage.limit: must be shorter than the period" in problem


@pytest.mark.parametrize(("timeout", "expected"), [("5s", True), ("4600ms", True), ("4500ms", False), ("4s", False)])
def test_timeout_close_to_the_interval_gets_a_warning(tmp_path: Path, timeout: str, expected: bool) -> None:
    """A probe that uses the full timeout is still running when the next one is due, so the next one is skipped."""
    all_warnings = warnings(tmp_path, with_check(f'tcp: "h:1", interval: 5s, timeout: {timeout}'))
    assert [
        warning.partition(": during an outage every other probe is skipped; use 4s or less")[1] != ""
        for warning in all_warnings
    ] == ([True] * expected)


@pytest.mark.parametrize("interval", ["1s", "5s", "10s", "1m"])
def test_default_timeout_gets_no_warning(tmp_path: Path, interval: str) -> None:
    assert warnings(tmp_path, with_check(f'tcp: "h:1", interval: {interval}')) == []
