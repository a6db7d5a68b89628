"""`vantages` and `quorum` in a configuration: defaults, and errors with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.loader import LoadResult, examine
from monitor.probes.registry import CHECK_TYPES

PRODUCT = """
products:
  - id: forms
    objective: 99%
    checks:
      - {id: port, tcp: "192.0.2.80:443"}
      - {id: job, heartbeat: every 1h, token: {env: VANTAGE_TEST_TOKEN}}
"""
TWO = "vantages:\n  - {id: east, observations: var/east.jsonl}\n  - {id: west, observations: west.jsonl}\n"


def load(folder: Path, text: str) -> LoadResult:
    path = folder / "ninewatch.yaml"
    path.write_text(text + PRODUCT)
    return examine(path, CHECK_TYPES)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VANTAGE_TEST_TOKEN", "a-token-that-cannot-be-guessed")


@pytest.mark.parametrize(
    ("text", "vantages", "quorum"),
    [
        ("", ("local",), "1 of 1"),
        (TWO, ("local", "east", "west"), "2 of 3"),
        (f"{TWO}quorum: 1 of 3\n", ("local", "east", "west"), "1 of 3"),
    ],
)
def test_checks_have_the_vantages_of_the_portfolio(
    tmp_path: Path, text: str, vantages: tuple[str, ...], quorum: str
) -> None:
    """Except heartbeats: their jobs report to this daemon only."""
    result = load(tmp_path, text)
    assert result.portfolio is not None, result.problems
    port, job = result.portfolio.products[0].checks
    assert (port.vantages, str(port.quorum)) == (vantages, quorum)
    assert (job.vantages, str(job.quorum)) == (("local",), "1 of 1")
    assert [vantage.observations for vantage in result.portfolio.vantages][:1] in ([], [Path("var/east.jsonl")])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{TWO}quorum: 2 of 4\n", "4:9: quorum: is 2 of 4, but there are 3 vantages with this daemon; use 2 of 3"),
        ("quorum: 2 of 3\n", "1:9: quorum: needs other `vantages`; add them, or remove it"),
        (f"{TWO}quorum: 4 of 3\n", "4:9: quorum: 4 of 3 can never be decided; use a number of votes from 1 to 3"),
        (f"{TWO}quorum: most\n", '4:9: quorum: "most" is not a quorum; specify the votes and the number of vantages'),
        (
            f"{TWO}quorum: 2\n",
            "4:9: quorum: not a quorum; specify the votes and the number of vantages, such as 2 of 3",
        ),
        (TWO.replace("west,", "east,"), "is already the id of a vantage at"),
        (
            TWO.replace("west,", "local,"),
            "3:10: vantages.local.id: is this daemon, which always votes; remove the vantage",
        ),
        (
            TWO.replace("west.jsonl", "3"),
            "3:30: vantages.west.observations: not a path; specify the file of the vantage's",
        ),
        (
            TWO.replace("west.jsonl", "var/east.jsonl"),
            "3:30: vantages.west.observations: is already the file of east; specify the file of this vantage",
        ),
        (TWO.replace(", observations: west.jsonl", ""), "observations"),
    ],
)
def test_mistake_is_reported_at_its_line(tmp_path: Path, text: str, problem: str) -> None:
    result = load(tmp_path, text)
    assert result.portfolio is None
    assert any(problem in str(message) for message in result.problems), result.problems
