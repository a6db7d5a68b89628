"""`ninewatch nines`: its output."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from monitor.commands.nines import nines_command, spell
from monitor.errors import NinewatchError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(nines_command, arguments)


def test_json_has_the_documented_fields() -> None:
    assert json.loads(run("99.95", "--json").output) == {
        "availability": 0.9995,
        "nines": pytest.approx(3.3010299956639813),
        "allowed_downtime_seconds": {
            "year": 15768.0,
            "quarter": 3942.0,
            "month": 1296.0,
            "week": 302.4,
            "day": 43.2,
        },
    }


def test_words_percentage_and_downtime_give_the_same_objective() -> None:
    outputs = {
        run(*command).output for command in (["99.9"], ["three nines"], ["--downtime", "43m12s", "--over", "30d"])
    }
    assert len(outputs) == 1


def test_text_shows_allowance_observation_and_requirements() -> None:
    text = run("five nines").output
    assert "per year (365 days)     5m 15.36s" in text
    assert "per 30 days             25.92s" in text
    assert "probe at least every 12.96s" in text
    assert "every 1m         proven after 209 days without a bad probe; too long to measure it over 30 days" in text
    assert "every 10s        proven after 34.7 days without a bad probe" in text
    assert "7 of the 7 items" in text
    assert "Container platform with failover to another data centre; without it, at most 99.95%" in text


def test_item_is_required_above_its_cap_only() -> None:
    assert "1 of the 7 items" in run("99.99").output
    assert "is required" in run("99.95").output


def test_leap_year_allows_more_downtime() -> None:
    assert "per year (365.25 days)  8h 45m 57.6s" in run("99.9", "--year", "365.25d").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "specify an objective"),
        (["99.9", "--downtime", "1m", "--over", "1d"], "specify an objective"),
        (["--downtime", "1m"], "specify an objective"),
        (["100"], "no downtime at all"),
        (["0.999"], "99.9%"),
        (["many"], "is not an objective"),
        (["--downtime", "soon", "--over", "30d"], "is not a duration"),
        (["--downtime", "2d", "--over", "1d"], "not shorter than the window"),
        (["--downtime", "0s", "--over", "1d"], "no downtime at all"),
    ],
)
def test_invalid_input_gives_one_line_with_a_remedy(arguments: list[str], message: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, NinewatchError)
    assert message in str(error)
    assert "\n" not in str(error)


def test_invalid_year_is_rejected() -> None:
    assert run("99.9", "--year", "360d").exit_code == 2


def test_duration_is_printed_without_zero_units() -> None:
    printed = [spell(us) for us in (0, 864_000, 60_000_000, 315_360_000, 3_600_000_000, 90_061_000_000)]
    assert printed == ["0s", "864ms", "1m", "5m 15.36s", "1h", "1d 1h 1m 1s"]
