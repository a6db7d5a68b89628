"""The journal of facts: only ever added to, followed, and never trusted further than it can be read."""

from __future__ import annotations

import json
import multiprocessing
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.errors import NinewatchError
from monitor.facts.journal import Journal, as_line, as_plain
from monitor.facts.known_facts import Facts
from sla.correction import Correction, Revocation
from sla.fact import Fact
from sla.interval import DAY, HOUR, Interval

if TYPE_CHECKING:
    from pathlib import Path

CORRECTED = Correction("forms", Interval(DAY, DAY + HOUR), "Ana Ng", "Prüfkonto gesperrt", 2 * DAY)
REVOKED = Revocation(CORRECTED.id, "Ana Ng", "it was the service", 3 * DAY)
SAID, BACK = CORRECTED.fact(), REVOKED.fact()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.of(tmp_path / "var" / "ninewatch.db")


def test_what_was_added_is_read_in_its_order(journal: Journal) -> None:
    """By another reader too; before anything was added there is nothing."""
    assert journal.read() == []
    for fact in (SAID, BACK):
        journal.add(fact)
    assert Journal(journal.path).read() == [SAID, BACK]
    assert journal.path.name == "ninewatch.db.journal.jsonl"


def test_a_line_is_for_people_to_read(journal: Journal) -> None:
    """Instants RFC 3339, words as they were written."""
    journal.add(SAID)
    assert json.loads(journal.path.read_text("utf-8")) == as_line(SAID)
    assert "Prüfkonto" in journal.path.read_text("utf-8")
    assert as_line(SAID)["body"]["start"] == "1970-01-02T00:00:00Z"
    assert as_line(BACK)["body"]["revokes"] == SAID.id


def test_a_line_without_its_end_is_not_read_and_the_next_one_stands_apart(journal: Journal) -> None:
    """As a crash in the middle of a line leaves it."""
    journal.add(SAID)
    whole = journal.path.read_text("utf-8")
    journal.path.write_text(whole + whole[:40], "utf-8")
    assert journal.read() == [SAID]
    journal.add(BACK)
    with capture_logs() as told:
        assert journal.read() == [SAID, BACK]
    assert [(each["event"], each["line"]) for each in told] == [("fact_unreadable", 2)]


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
def test_a_line_whose_body_was_changed_is_reported_and_skipped(journal: Journal, change: dict[str, object]) -> None:
    """It no longer fits its id, or is no fact; what follows is read. In the corrections journal as well."""
    line = as_line(SAID)
    former = journal.path.with_name("ninewatch.db.corrections.jsonl")
    journal.path.parent.mkdir()
    changes = {journal.path: line | {"body": line["body"] | change}, former: as_plain(CORRECTED) | change}
    for path, changed in changes.items():
        path.write_text(f"{json.dumps(changed)}\nnonsense\n[]\n\n{{}}\n{json.dumps(as_line(BACK))}\n", "utf-8")
    with capture_logs() as told:
        assert journal.read() == [BACK]
    assert [each["line"] for each in told] == [1, 2, 3, 5] * 2


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
def test_a_line_that_no_record_takes_is_reported_and_skipped(
    journal: Journal, kind: str, change: dict[str, object]
) -> None:
    """Else the record would be refused as damaged at the next start."""
    journal.path.parent.mkdir()
    changed = as_line(SAID) | {"kind": kind} | change
    journal.path.write_text(f"{json.dumps(changed)}\n{json.dumps(as_line(BACK))}\n", "utf-8")
    with capture_logs() as told:
        assert journal.read() == [BACK]
    assert [each["line"] for each in told] == [1]


def test_another_author_or_another_product_makes_another_correction(journal: Journal) -> None:
    for change in ({"author": "Eve"}, {"product": "css"}, {"made": "1970-01-03T00:00:01Z"}, {"id": "0123456789ab"}):
        journal.path.parent.mkdir(exist_ok=True)
        journal.path.write_text(json.dumps(as_line(SAID) | change) + "\n", "utf-8")
        with capture_logs() as told:
            assert journal.read() == []
        assert "changed after it was written" in told[0]["error"]


@pytest.mark.parametrize(
    "line",
    [
        {"id": "5", "kind": "attestation", "body": {"of": "backup", "by": "Ana"}},
        {"kind": "pause", "body": ["any", "JSON"], "priority": 1},
        {"kind": "note"},
    ],
)
def test_a_kind_of_a_newer_version_is_kept(journal: Journal, line: dict[str, object]) -> None:
    """With the id that it has; without one it gets the one that follows from its content."""
    journal.path.parent.mkdir()
    whole = {"made": "1970-01-03T00:00:00Z", "author": "Ana", "product": "forms"} | line
    journal.path.write_text(json.dumps(whole) + "\n", "utf-8")
    (fact,) = journal.read()
    assert (fact.kind, fact.content(), fact.product) == (line["kind"], line.get("body", {}), "forms")
    assert fact.id == line.get("id", Fact.of(2 * DAY, "Ana", fact.kind, "forms", fact.content()).id)


def test_the_corrections_journal_of_earlier_versions_is_read_and_left_as_it_is(journal: Journal) -> None:
    """A fact in both is one; ids are those that people have noted."""
    former = journal.path.with_name("ninewatch.db.corrections.jsonl")
    former.parent.mkdir()
    former.write_text("".join(json.dumps(as_plain(each)) + "\n" for each in (CORRECTED, REVOKED)), "utf-8")
    before = former.read_bytes()
    assert journal.changed()
    journal.add(SAID)
    assert [fact.id for fact in journal.read()] == [CORRECTED.id, REVOKED.id]
    assert journal.read() == [SAID, BACK]
    assert former.read_bytes() == before


def test_a_change_is_noticed_once(journal: Journal) -> None:
    """Also when the file comes to be, and when it is gone."""
    assert not journal.changed()
    journal.add(SAID)
    assert [journal.changed(), journal.changed()] == [True, False]
    journal.path.unlink()
    assert [journal.changed(), journal.changed()] == [True, False]


def add_many(path: Path, author: str) -> None:
    for made in range(20):
        Journal(path).add(Correction("forms", CORRECTED.interval, author, "x" * 400, made).fact())


def test_several_hands_at_once_leave_whole_lines(journal: Journal) -> None:
    """Each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    hands = [context.Process(target=add_many, args=(journal.path, name)) for name in ("Ana", "Ben", "Eve")]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    assert len(set(journal.read())) == 60


def test_a_journal_out_of_reach_is_one_clear_line(journal: Journal) -> None:
    """Not a file, or a folder that cannot be one."""
    journal.path.mkdir(parents=True)
    with pytest.raises(NinewatchError, match=r"cannot read .*journal\.jsonl: is a directory"):
        journal.read()
    with pytest.raises(NinewatchError, match=r"cannot write .*journal\.jsonl: is a directory"):
        journal.add(SAID)


def test_only_what_stands_is_left_out_and_only_of_its_product() -> None:
    """Whatever the order of facts."""
    other = Correction("css", Interval(0, DAY), "Ben", "moved", DAY).fact()
    assert list(Facts([BACK, other, SAID]).corrections.of("forms")) == []
    assert list(Facts([other, SAID]).corrections.of("forms")) == [CORRECTED.exclusion()]
    assert list(Facts([other, SAID]).corrections.of("nobody")) == []
