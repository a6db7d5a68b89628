"""Column names and outcome words of other tools."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.measuring import column_names
from monitor.measuring.column_names import BAD, GOOD, SYNONYMS, UNKNOWN, columns, has_duplicate_columns, rank


@pytest.mark.parametrize(
    ("tool", "arguments", "outcomes"),
    [
        ("ours", ("good", "bad", "unknown"), (GOOD, BAD, UNKNOWN)),
        ("Uptime Kuma", ("UP", "DOWN", "PENDING", "MAINTENANCE"), (GOOD, BAD, UNKNOWN, UNKNOWN)),
        ("Uptime Kuma's table", ("1", "0", "2", "3"), (GOOD, BAD, UNKNOWN, UNKNOWN)),
        ("Gatus", ("true", "false"), (GOOD, BAD)),
        ("probe_success", ("1", "0", "1.0", "0.0", "NaN"), (GOOD, BAD, GOOD, BAD, UNKNOWN)),
        ("Healthchecks", ("up", "down", "paused", "new"), (GOOD, BAD, UNKNOWN, UNKNOWN)),
        ("Pingdom", ("up", "down", "unconfirmed_down", "unknown"), (GOOD, BAD, UNKNOWN, UNKNOWN)),
        ("UptimeRobot", ("Up", "Down", "Seems down", "Paused"), (GOOD, BAD, UNKNOWN, UNKNOWN)),
        ("a script", (" Success ", "failed", "OK", "error"), (GOOD, BAD, GOOD, BAD)),
    ],
)
def test_outcome_words_of_other_tools_are_read(
    tool: str, arguments: tuple[str, ...], outcomes: tuple[int, ...]
) -> None:
    """Case does not matter. A state that the tool has not decided is unknown."""
    assert tuple(map(rank, arguments)) == outcomes, tool


@pytest.mark.parametrize("word", ["", "degraded", "warning", "2xx", "200", "9", "x" * 500])
def test_ambiguous_outcome_word_is_rejected(word: str) -> None:
    with pytest.raises(ValueError, match="is not an outcome; use good, bad or unknown") as rejected:
        rank(word)
    assert len(str(rejected.value)) < 200


def test_every_word_has_one_meaning() -> None:
    every = [word for synonym_text in SYNONYMS.values() for word in synonym_text.split()]
    assert len(every) == len(set(every))
    names = [name for synonyms in column_names.COLUMNS.values() for name in synonyms]
    assert len(names) == len(set(names))


def test_own_column_name_takes_precedence() -> None:
    """The other names follow in the order of the table, ignoring case."""
    assert columns(("status", "Outcome", "time", " Timestamp ", "Monitor")) == {
        "at": " Timestamp ",
        "outcome": "Outcome",
        "check": "Monitor",
    }
    assert has_duplicate_columns(["at", "Time", "outcome"])
    assert not has_duplicate_columns(["at", "outcome", "check", "latency_seconds"])


def test_documentation_lists_exactly_the_supported_words() -> None:
    text = (Path(__file__).parents[3] / "docs/measure.md").read_text()
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")]
    documented_words = {
        name.replace(", optional", "").strip(" `"): re.findall(r"`([^`]+)`", synonyms) for name, synonyms in rows
    }
    assert {outcome: documented_words[outcome] for outcome in ("good", "bad", "unknown")} == {
        str(column_names.OUTCOMES[meaning]): synonyms.split() for meaning, synonyms in SYNONYMS.items()
    }
    assert {column: documented_words[column] for column in column_names.COLUMNS} == {
        column: list(names) for column, names in column_names.COLUMNS.items()
    }
