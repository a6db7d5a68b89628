"""Hosting tiers and limits on outages in a configuration: errors and warnings, each with its position."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.hosting import shipped_tiers
from sla.interval import DAY, HOUR, MINUTE
from sla.objective import Objective
from sla.outage import LimitKind, OutageLimit
from tests.monitor.config.kinds import check, complaints, examined, loaded


def with_keys(*lines: str) -> str:
    return check('tcp: "h:1", interval: 9s') + "".join(f"    {line}\n" for line in lines)


def warnings(folder: Path, text: str) -> list[str]:
    found = examined(folder, text)
    assert not found.problems
    return [str(each).removeprefix(f"{folder}/") for each in found.warnings]


def test_the_shipped_tiers_are_those_that_were_published() -> None:
    """Silver 99.5 % and no outage over 4 h; 99.95 % and none over 22 min only with GoldDR."""
    tiers = shipped_tiers()
    offered = {name: (str(tiers.of(name).highest), tiers.of(name).longest_outage) for name in tiers.names}
    assert offered == {
        "silver-single-node": ("90%", 4 * HOUR),
        "silver": ("99.5%", 4 * HOUR),
        "gold": ("99.5%", None),
        "gold-dr": ("99.95%", 22 * MINUTE),
        "emerald": ("99.5%", None),
    }
    assert tiers.of("gold-dr").highest == Objective.parse("99.95%")


@pytest.mark.parametrize("tier", ["silver", "gold", "emerald"])
def test_an_objective_above_its_hosting_tier_gets_a_warning(tmp_path: Path, tier: str) -> None:
    (only,) = warnings(tmp_path, with_keys(f"hosting: {tier}"))
    assert only.startswith(f"c.yaml:3:16: products.p.objective: 99.9% is above what the hosting tier {tier} (")
    assert only.endswith("offers, 99.5%: promise at most 99.5%, or move to a higher tier")


def test_an_objective_within_its_hosting_tier_gets_none(tmp_path: Path) -> None:
    assert warnings(tmp_path, with_keys("hosting: gold-dr")) == []
    assert warnings(tmp_path, with_keys("hosting: silver").replace("99.9%", "99.5%")) == []


def test_a_promised_longest_outage_shorter_than_the_tiers_gets_a_warning(tmp_path: Path) -> None:
    text = with_keys("hosting: silver", "agreement: {longest_outage: 22m}").replace("99.9%", "99.5%")
    (only,) = warnings(tmp_path, text)
    assert "no outage over 22m is more than the hosting tier silver (OpenShift Silver, several nodes) offers" in only
    assert only.endswith("none over 4h: promise 4h or more, or move to a higher tier")
    assert warnings(tmp_path, text.replace("22m", "4h")) == []


def test_a_tier_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    (only,) = complaints(tmp_path, with_keys("hosting: platinum"))
    assert only.endswith(
        'hosting: there is no hosting tier "platinum"; there are silver-single-node, silver, gold, gold-dr, emerald'
    )


def test_a_portfolio_may_have_tiers_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "ours.yaml").write_text(
        "id: ours\ntitle: Ours\ntiers:\n  - {id: rack, title: Our rack, highest: 99%, source: the contract}\n"
    )
    text = "hosting_tiers: ours\n" + with_keys("hosting: rack")
    (only,) = warnings(tmp_path, text)
    assert "99.9% is above what the hosting tier rack (Our rack) offers, 99%" in only
    assert complaints(tmp_path, text.replace("rack", "gold"))[0].endswith("there are rack")


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ("[]", "tiers"),
        ("[{id: a, title: A, highest: 99%, source: s}, {id: a, title: B, highest: 98%, source: s}]", "two tiers a"),
        ("[{id: a, title: A, highest: 100%, source: s}]", "100%"),
    ],
)
def test_tiers_that_cannot_be_used_are_refused(tmp_path: Path, tiers: str, said: str) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "ours.yaml").write_text(f"id: ours\ntitle: Ours\ntiers: {tiers}\n")
    (only,) = complaints(tmp_path, "hosting_tiers: ours\n" + with_keys("hosting: a"))
    assert "invalid file of hosting tiers" in only
    assert said in only


def test_limits_on_outages_are_read(tmp_path: Path) -> None:
    text = with_keys("agreement: {longest_outage: 22m, total_outage: {limit: 4h, per: 30d}}")
    assert list(loaded(tmp_path, text).products[0].agreement.limits()) == [
        OutageLimit(LimitKind.LONGEST, 22 * MINUTE),
        OutageLimit(LimitKind.TOTAL, 4 * HOUR, 30 * DAY),
    ]


def test_a_limit_that_could_never_be_exceeded_is_refused(tmp_path: Path) -> None:
    (only,) = complaints(tmp_path, with_keys("agreement: {total_outage: {limit: 30d, per: 30d}}"))
    assert "agreement.total_outage.limit: must be shorter than the period" in only


@pytest.mark.parametrize(("timeout", "warned"), [("5s", True), ("4600ms", True), ("4500ms", False), ("4s", False)])
def test_a_timeout_that_leaves_no_time_before_the_next_probe_gets_a_warning(
    tmp_path: Path, timeout: str, warned: bool
) -> None:
    """A probe that takes all of it is still under way when the next one is due, which is then skipped."""
    found = warnings(tmp_path, check(f'tcp: "h:1", interval: 5s, timeout: {timeout}'))
    assert [
        each.partition(": during an outage every other probe is skipped; write 4s or less")[1] != "" for each in found
    ] == ([True] * warned)


@pytest.mark.parametrize("interval", ["1s", "5s", "10s", "1m"])
def test_the_default_timeout_leaves_time_before_the_next_probe(tmp_path: Path, interval: str) -> None:
    assert warnings(tmp_path, check(f'tcp: "h:1", interval: {interval}')) == []
