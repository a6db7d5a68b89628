"""`ninewatch alert report` and `alert mark`: pages per receiver and person, at night, useful or noise."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from monitor.facts.journal import Journal
from monitor.notification import Kind, Notification
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.page_rating import PageRating, Rating, page_ratings
from sla.window import parse_instant
from tests.monitor.commands.test_cli import run_in_process

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
store: {store}
time_zone: America/Vancouver
receivers:
- {{id: ana-phone, webhook: "https://a.example.org/hook"}}
- {{id: channel, webhook: "https://c.example.org/hook"}}
people: [{{name: Ana Ng, to: ana-phone}}]
standby: [{{id: night, shifts: [{{person: Ana Ng, start: 2026-01-05T17:00, end: 2026-01-06T08:00}}]}}]
products:
- {{id: forms, objective: 99.9%, checks: [{{id: page, http: "https://f.example.org/"}}]}}
- {{id: sso, objective: 99.9%, checks: [{{id: login, http: "https://s.example.org/"}}]}}
"""
SPAN = ("--since", "2026-09-21T00:00", "--until", "2026-09-28T00:00")


def row(key: str, at: str, receiver: str = "ana-phone", event: Kind = Kind.OPENED, **fields: Any) -> Notification:
    """Return a notification about forms/page that was due at a local time."""
    due = parse_instant(f"{at}:00-07:00")
    body = json.dumps({"checks": [fields.pop("check", "page")]})
    notification = Notification(key, receiver, 0, event, 1, due, due, "page", "forms", body, done=due)
    return replace(notification, **fields)


ROWS = (
    row("night", "2026-09-22T03:00"),
    row("night", "2026-09-22T03:00", "channel"),
    row("night", "2026-09-22T04:00", event=Kind.REMINDER, turn=1),
    row("night", "2026-09-22T05:00", event=Kind.RESOLVED, turn=2),
    row("day", "2026-09-23T12:00"),
    row("worse", "2026-09-23T21:59", severity="ticket", product="sso", check="login"),
    row("worse", "2026-09-23T22:00", event=Kind.ESCALATED, turn=1, product="sso", check="login"),
    row("ticket", "2026-09-24T12:00", severity="ticket"),
    row("before", "2026-09-20T23:59"),
    row("after", "2026-09-28T00:00"),
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ninewatch.yaml"
    path.write_text(CONFIG.format(store=tmp_path / "n.db"))
    with contextlib.closing(SqliteStore(tmp_path / "n.db", 0)) as store:
        store.write(Batch(notifications=ROWS))
    return path


def report(config: Path, *options: str) -> dict[str, Any]:
    result = run_in_process("alert", "report", "--json", "-c", config, *(options or SPAN))
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def mark(config: Path, key: str, mark: str, author: str = "Ana Ng") -> None:
    assert (
        run_in_process("alert", "mark", key, mark, "--by", author, "-c", config).stdout == f"marked {key} as {mark}\n"
    )


def test_pages_are_counted_per_receiver_and_at_night_in_local_time(config: Path) -> None:
    data = report(config)
    ana, channel = data["receivers"]
    assert (ana["receiver"], ana["people"]) == ("ana-phone", ["Ana Ng"])
    assert [ana[name] for name in ("pages", "pages_at_night", "reminders", "tickets")] == [3, 2, 1, 2]
    assert (channel["pages"], channel["pages_at_night"], channel["people"]) == (1, 1, [])
    assert (data["alerts"], data["share_useful"]) == (3, None)
    assert report(config, *SPAN, "--night", "11:00-13:00")["receivers"][0]["pages_at_night"] == 1


def test_report_has_the_share_of_useful_pages_and_the_noisiest_checks(config: Path) -> None:
    mark(config, "night", "noise")
    mark(config, "day", "useful")
    mark(config, "worse", "useful")
    mark(config, "worse", "noise")  # the last mark of a person counts
    data = report(config)
    assert (data["useful"], data["noise"], data["unmarked"]) == (1, 2, 0)
    assert data["share_useful"] == pytest.approx(1 / 3)
    assert [(check["check"], check["noise"], check["alerts"]) for check in data["noisiest_checks"]] == [
        ("forms/page", 1, 2),
        ("sso/login", 1, 1),
    ]
    assert [receiver["noise"] for receiver in data["receivers"]] == [2, 1]
    mark(config, "worse", "useful", "Ben Li")
    assert report(config)["useful"] == 2  # as many useful as noise


def test_mark_is_a_fact_in_the_history_of_the_product(config: Path) -> None:
    mark(config, "night", "noise")
    (fact,) = Journal.of(config.parent / "n.db").read()
    assert page_ratings([fact]) == [PageRating(fact.made, "night", Rating.NOISE, "Ana Ng", "", "forms")]
    assert "alert night marked as noise (Ana Ng)" in run_in_process("history", "forms", "-c", config).stdout


def test_text_lists_receivers_and_checks(config: Path) -> None:
    mark(config, "night", "noise")
    lines = run_in_process("alert", "report", "-c", config, *SPAN).stdout.splitlines()
    assert lines[0] == "Pages from 2026-09-21T07:00:00Z to 2026-09-28T07:00:00Z"
    assert "  AT NIGHT (22:00-07:00)  " in lines[2]
    assert lines[3].split() == ["ana-phone", "Ana", "Ng", "3", "2", "1", "2", "0", "1", "2"]
    assert "3 alerts paged; 0% of the marked ones useful" in lines
    assert any(line.split()[:5] == ["forms/page", "2", "0", "1", "1"] for line in lines)
    empty = run_in_process("alert", "report", "-c", config, "--since", "2025-01-01", "--until", "2025-01-08")
    assert "no notifications" in empty.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mark", "nothing", "noise", "--by", "Ana"), 'no notification has the key "nothing"'),
        (("mark", "night", "noise", "--by", " "), "--by is empty"),
        (("report", "--since", "soon"), "use --since 90d"),
        (("report", "--night", "soon"), "--night: "),
    ],
)
def test_mistake_gives_one_clear_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run_in_process("alert", *arguments, "-c", config)
    assert result.exit_code != 0
    assert message in str(result.exception)
