"""The calculator: the figures of `ninewatch nines`, from a URL, without a script."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from monitor.commands.nines import nines_command

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer


def printed(*arguments: str) -> str:
    """Return the output of the command."""
    return CliRunner().invoke(nines_command, arguments).output


def cells(page: str) -> list[str]:
    """Return the texts of the cells of all tables."""
    return [unescape(re.sub(r"<[^>]+>", " ", cell)).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", page)]


@pytest.mark.parametrize("objective", ["99.95%", "five nines", "99.995"])
async def test_page_has_the_figures_of_the_command(server: RunningServer, objective: str) -> None:
    page = (await server.get(f"/calculator?{urlencode({'objective': objective, 'year': '365.25d'})}")).text
    output = printed(objective, "--year", "365.25d")
    allowed = re.findall(r"^  (per .+?)  +(\S.*)$", output, re.MULTILINE)
    proven = re.findall(r"^  every (.+?) +proven after (.+?) without", output, re.MULTILINE)
    assert (len(allowed), len(proven)) == (5, 3)
    shown = cells(page)
    for name, figure in allowed:
        assert shown[shown.index(name) + 1] == figure
    for interval, days in proven:
        row = next(number for number, text in enumerate(shown) if text.split(" the longest")[0] == interval)
        assert shown[row + 1] == days
    for title in re.findall(r"^  - (.+?); without it", output, re.MULTILINE):
        assert title in unescape(page)


async def test_downtime_gives_the_objective_and_the_url_can_be_shared(server: RunningServer) -> None:
    query = urlencode({"downtime": "43m12s", "over": "30d", "interval": "5s", "objective": "", "year": "365d"})
    answer = await server.get(f"/calculator?{query}")
    assert answer.status == 200
    assert "99.9% is 3.00 nines" in answer.text
    assert 'name="downtime" maxlength="64" placeholder="43m12s" value="43m12s"' in answer.text
    assert "5s" in cells(answer.text)
    assert "<script" not in answer.text


async def test_page_without_values_shows_an_example_and_is_linked(server: RunningServer) -> None:
    assert "99.9% is 3.00 nines" in (await server.get("/calculator")).text
    assert 'href="/calculator"' in (await server.get("/")).text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objective": "100%"}, "100"),
        ({"objective": "<b>"}, "&lt;b&gt;"),
        ({"objective": "99%", "downtime": "1m", "over": "1d"}, "both an objective and a downtime"),
        ({"downtime": "1m"}, "a downtime needs a window"),
        ({"downtime": "2d", "over": "1d"}, "shorter"),
        ({"interval": "1us"}, "between 100ms and 30d"),
        ({"year": "366d"}, "unknown length of a year"),
        ({"objective": "9" * 65}, "longer than 64 characters"),
    ],
)
async def test_mistake_is_shown_with_a_remedy_and_the_values_are_kept(
    server: RunningServer, values: dict[str, str], message: str
) -> None:
    answer = await server.get(f"/calculator?{urlencode(values)}")
    assert answer.status == 400
    assert "Not computed:" in answer.text
    assert message in answer.text
    assert "<b>" not in answer.text


async def test_unknown_value_is_refused(server: RunningServer) -> None:
    assert (await server.get("/calculator?objectiv=99")).status == 400
