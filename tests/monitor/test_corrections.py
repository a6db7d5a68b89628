"""The journal of corrections: only ever added to, followed, and never trusted further than it can be read."""

from __future__ import annotations

import json
import multiprocessing
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.corrections import Corrections, Journal, as_plain, journal_of
from monitor.errors import NinewatchError
from sla.correction import Correction, Revocation
from sla.interval import DAY, HOUR, Interval

if TYPE_CHECKING:
    from pathlib import Path

SAID = Correction("forms", Interval(DAY, DAY + HOUR), "Ana Ng", "Prüfkonto gesperrt", 2 * DAY)
BACK = Revocation(SAID.id, "Ana Ng", "it was the service", 3 * DAY)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(journal_of(tmp_path / "var" / "ninewatch.db"))


def test_what_was_added_is_read_in_its_order(journal: Journal) -> None:
    """By another reader too; before anything was added there is nothing."""
    assert journal.read().facts == []
    for fact in (SAID, BACK):
        journal.add(fact)
    assert Journal(journal.path).read().facts == [SAID, BACK]
    assert journal.path.name == "ninewatch.db.corrections.jsonl"


def test_a_line_is_for_people_to_read(journal: Journal) -> None:
    """Instants RFC 3339, words as they were written."""
    journal.add(SAID)
    assert json.loads(journal.path.read_text("utf-8")) == as_plain(SAID)
    assert "Prüfkonto" in journal.path.read_text("utf-8")
    assert as_plain(SAID)["start"] == "1970-01-02T00:00:00Z"
    assert as_plain(BACK)["revokes"] == SAID.id


def test_a_line_without_its_end_is_not_read_and_the_next_one_stands_apart(journal: Journal) -> None:
    """As a crash in the middle of a line leaves it."""
    journal.add(SAID)
    whole = journal.path.read_text("utf-8")
    journal.path.write_text(whole + whole[:40], "utf-8")
    assert journal.read().facts == [SAID]
    journal.add(BACK)
    with capture_logs() as told:
        assert journal.read().facts == [SAID, BACK]
    assert [(each["event"], each["line"]) for each in told] == [("correction_unreadable", 2)]


@pytest.mark.parametrize(
    "change",
    [
        {"end": "1970-01-02T02:00:00Z"},
        {"author": "Somebody else"},
        {"author": ""},
        {"reason": "x" * 501},
        {"reason": "two\u2028lines"},
        {"reason": 5},
        {"start": "yesterday"},
        {"start": "1970-01-03T00:00:00Z"},
        {"made": None},
    ],
)
def test_a_line_that_was_changed_is_told_and_skipped(journal: Journal, change: dict[str, object]) -> None:
    """It no longer fits its id, or is no fact; what follows is read."""
    journal.add(SAID)
    changed = json.dumps(as_plain(SAID) | change)
    journal.path.write_text(f"{changed}\nnonsense\n[]\n\n{{}}\n{json.dumps(as_plain(BACK))}\n", "utf-8")
    with capture_logs() as told:
        assert journal.read().facts == [BACK]
    assert [each["line"] for each in told] == [1, 2, 3, 5]


def test_a_change_is_noticed_once(journal: Journal) -> None:
    """Also when the file comes to be, and when it is gone."""
    assert not journal.changed()
    journal.add(SAID)
    assert [journal.changed(), journal.changed()] == [True, False]
    journal.path.unlink()
    assert [journal.changed(), journal.changed()] == [True, False]


def add_many(path: Path, author: str) -> None:
    for made in range(20):
        Journal(path).add(Correction("forms", SAID.interval, author, "x" * 400, made))


def test_several_hands_at_once_leave_whole_lines(journal: Journal) -> None:
    """Each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    hands = [context.Process(target=add_many, args=(journal.path, name)) for name in ("Ana", "Ben", "Eve")]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    assert len(set(journal.read().facts)) == 60


def test_a_journal_out_of_reach_is_one_clear_line(journal: Journal) -> None:
    """Not a file, or a folder that cannot be one."""
    journal.path.mkdir(parents=True)
    with pytest.raises(NinewatchError, match=r"cannot read .*corrections\.jsonl: is a directory"):
        journal.read()
    with pytest.raises(NinewatchError, match=r"cannot write .*corrections\.jsonl: is a directory"):
        journal.add(SAID)


def test_only_what_stands_is_left_out_and_only_of_its_product() -> None:
    """Whatever the order of facts."""
    other = Correction("css", Interval(0, DAY), "Ben", "moved", DAY)
    assert list(Corrections([BACK, other, SAID]).of("forms")) == []
    assert list(Corrections([other, SAID]).of("forms")) == [SAID.exclusion()]
    assert list(Corrections([other, SAID]).of("nobody")) == []
