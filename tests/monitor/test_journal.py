"""The journal of facts: append-only, read repeatedly, with damaged lines skipped."""

from __future__ import annotations

import json
import multiprocessing
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal, as_line, as_plain
from sla.correction import Correction, Revocation
from sla.fact import Fact
from sla.interval import DAY, HOUR, Interval

if TYPE_CHECKING:
    from pathlib import Path

CORRECTION = Correction("forms", Interval(DAY, DAY + HOUR), "Ana Ng", "Prüfkonto gesperrt", 2 * DAY)
REVOCATION = Revocation(CORRECTION.id, "Ana Ng", "it was the service", 3 * DAY)
CORRECTION_FACT, REVOCATION_FACT = CORRECTION.fact(), REVOCATION.fact()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.of(tmp_path / "var" / "ninewatch.db")


def test_added_facts_are_read_in_order(journal: Journal) -> None:
    """Another reader returns the same facts. An empty journal has none."""
    assert journal.read() == []
    for fact in (CORRECTION_FACT, REVOCATION_FACT):
        journal.add(fact)
    assert Journal(journal.path).read() == [CORRECTION_FACT, REVOCATION_FACT]
    assert journal.path.name == "ninewatch.db.journal.jsonl"


def test_line_is_readable_text(journal: Journal) -> None:
    """Instants are in RFC 3339 format, and text is not escaped."""
    journal.add(CORRECTION_FACT)
    assert json.loads(journal.path.read_text("utf-8")) == as_line(CORRECTION_FACT)
    assert "Prüfkonto" in journal.path.read_text("utf-8")
    assert as_line(CORRECTION_FACT)["body"]["start"] == "1970-01-02T00:00:00Z"
    assert as_line(REVOCATION_FACT)["body"]["revokes"] == CORRECTION_FACT.id


def test_incomplete_line_is_skipped_and_the_next_fact_starts_a_new_line(journal: Journal) -> None:
    """A crash while a line is written leaves such a line."""
    journal.add(CORRECTION_FACT)
    complete = journal.path.read_text("utf-8")
    journal.path.write_text(complete + complete[:40], "utf-8")
    assert journal.read() == [CORRECTION_FACT]
    journal.add(REVOCATION_FACT)
    with capture_logs() as log_entries:
        assert journal.read() == [CORRECTION_FACT, REVOCATION_FACT]
    assert [(entry["event"], entry["line"]) for entry in log_entries] == [("fact_unreadable", 2)]


@pytest.mark.parametrize(
    "change",
    [
        {"end": "1970-01-02T02:00:00Z"},
        {"reason": ""},
        {"reason": "x" * 501},
        {"reason": "two\u2028lines"},
        {"reason": 5},
        {"start": "yesterday"},
        {"start": "1970-01-03T00:00:00Z"},
    ],
)
def test_changed_line_is_reported_and_skipped(journal: Journal, change: dict[str, object]) -> None:
    """Its content does not match its id, or is no fact; the lines after it are read.

    The same applies to the corrections journal.
    """
    line = as_line(CORRECTION_FACT)
    former_path = journal.path.with_name("ninewatch.db.corrections.jsonl")
    journal.path.parent.mkdir()
    changes = {journal.path: line | {"body": line["body"] | change}, former_path: as_plain(CORRECTION) | change}
    for path, changed in changes.items():
        path.write_text(
            f"{json.dumps(changed)}\nnonsense\n[]\n\n{{}}\n{json.dumps(as_line(REVOCATION_FACT))}\n", "utf-8"
        )
    with capture_logs() as log_entries:
        assert journal.read() == [REVOCATION_FACT]
    assert [entry["line"] for entry in log_entries] == [1, 2, 3, 5] * 2


@pytest.mark.parametrize("kind", ["correction", "note"])
@pytest.mark.parametrize(
    "change",
    [
        {"author": ""},
        {"author": "two\nlines"},
        {"made": None},
        {"made": "1969-12-31T23:59:59Z"},
        {"made": "9999-01-01T00:00:00Z"},
        {"kind": ""},
        {"id": "two\nlines"},
        {"body": {"reason": "\ud800"}},
        {"body": {"reason": float("nan")}},
    ],
)
def test_line_that_a_record_would_reject_is_reported_and_skipped(
    journal: Journal, kind: str, change: dict[str, object]
) -> None:
    """Otherwise the record would be rejected as damaged at the next start."""
    journal.path.parent.mkdir()
    changed = as_line(CORRECTION_FACT) | {"kind": kind} | change
    journal.path.write_text(f"{json.dumps(changed)}\n{json.dumps(as_line(REVOCATION_FACT))}\n", "utf-8")
    with capture_logs() as log_entries:
        assert journal.read() == [REVOCATION_FACT]
    assert [entry["line"] for entry in log_entries] == [1]


def test_author_and_product_are_part_of_a_corrections_identity(journal: Journal) -> None:
    for change in ({"author": "Eve"}, {"product": "css"}, {"made": "1970-01-03T00:00:01Z"}, {"id": "0123456789ab"}):
        journal.path.parent.mkdir(exist_ok=True)
        journal.path.write_text(json.dumps(as_line(CORRECTION_FACT) | change) + "\n", "utf-8")
        with capture_logs() as log_entries:
            assert journal.read() == []
        assert "changed after it was written" in log_entries[0]["error"]


@pytest.mark.parametrize(
    "line",
    [
        {"id": "5", "kind": "attestation", "body": {"of": "backup", "by": "Ana"}},
        {"kind": "pause", "body": ["any", "JSON"], "priority": 1},
        {"kind": "note"},
    ],
)
def test_fact_of_an_unknown_kind_is_kept(journal: Journal, line: dict[str, object]) -> None:
    """It keeps its id. Without an id, it gets the id that is computed from its content."""
    journal.path.parent.mkdir()
    complete = {"made": "1970-01-03T00:00:00Z", "author": "Ana", "product": "forms"} | line
    journal.path.write_text(json.dumps(complete) + "\n", "utf-8")
    (fact,) = journal.read()
    assert (fact.kind, fact.content(), fact.product) == (line["kind"], line.get("body", {}), "forms")
    assert fact.id == line.get("id", Fact.of(2 * DAY, "Ana", fact.kind, "forms", fact.content()).id)


def test_corrections_journal_of_earlier_versions_is_read_and_unchanged(journal: Journal) -> None:
    """A fact in both journals is read once, and keeps its id."""
    former_path = journal.path.with_name("ninewatch.db.corrections.jsonl")
    former_path.parent.mkdir()
    former_path.write_text("".join(json.dumps(as_plain(fact)) + "\n" for fact in (CORRECTION, REVOCATION)), "utf-8")
    before = former_path.read_bytes()
    assert journal.changed()
    journal.add(CORRECTION_FACT)
    assert [fact.id for fact in journal.read()] == [CORRECTION.id, REVOCATION.id]
    assert journal.read() == [CORRECTION_FACT, REVOCATION_FACT]
    assert former_path.read_bytes() == before


def test_change_of_the_journal_is_detected_once(journal: Journal) -> None:
    """The creation and the deletion of the file are changes too."""
    assert not journal.changed()
    journal.add(CORRECTION_FACT)
    assert [journal.changed(), journal.changed()] == [True, False]
    journal.path.unlink()
    assert [journal.changed(), journal.changed()] == [True, False]


def add_many(path: Path, author: str) -> None:
    for created in range(20):
        Journal(path).add(Correction("forms", CORRECTION.interval, author, "x" * 400, created).fact())


def test_concurrent_writers_write_complete_lines(journal: Journal) -> None:
    """Each writer is a separate process."""
    context = multiprocessing.get_context("spawn")
    hands = [context.Process(target=add_many, args=(journal.path, name)) for name in ("Ana", "Ben", "Eve")]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    assert len(set(journal.read())) == 60


def test_inaccessible_journal_gives_one_clear_line(journal: Journal) -> None:
    """The path is a folder, or its parent is a file."""
    journal.path.mkdir(parents=True)
    with pytest.raises(NinewatchError, match=r"cannot read .*journal\.jsonl: is a directory"):
        journal.read()
    with pytest.raises(NinewatchError, match=r"cannot write .*journal\.jsonl: is a directory"):
        journal.add(CORRECTION_FACT)


def test_corrections_that_are_not_revoked_exclude_time_of_their_product() -> None:
    """The order of the facts does not matter."""
    other = Correction("css", Interval(0, DAY), "Ben", "moved", DAY).fact()
    assert list(Facts([REVOCATION_FACT, other, CORRECTION_FACT]).corrections.of("forms")) == []
    assert list(Facts([other, CORRECTION_FACT]).corrections.of("forms")) == [CORRECTION.exclusion()]
    assert list(Facts([other, CORRECTION_FACT]).corrections.of("nobody")) == []
