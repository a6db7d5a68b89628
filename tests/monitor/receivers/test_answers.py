"""What a message offers to answer with, where callbacks are configured: buttons in Slack, the key in Teams."""

from __future__ import annotations

import pytest

from monitor.notification import Kind
from monitor.receivers import slack, teams
from monitor.receivers.callback import person
from tests.support.messages import SECOND, message


def buttons(event: Kind) -> list[tuple[str, str]]:
    blocks = slack.body_of(message(event), buttons=True)["blocks"]
    found = [each["elements"] for each in blocks if each["type"] == "actions"]
    return [(each["action_id"], each["value"]) for each in found[0]] if found else []


@pytest.mark.parametrize("event", [Kind.OPENED, Kind.ESCALATED, Kind.REMINDER])
def test_an_open_alert_has_buttons_to_acknowledge_and_to_mark(event: Kind) -> None:
    assert buttons(event) == [(each, "4f0c1d2e3a4b") for each in ("acknowledge", "useful", "noise")]


@pytest.mark.parametrize("event", [Kind.RESOLVED, Kind.ACKNOWLEDGED])
def test_an_alert_that_needs_no_one_any_more_is_only_marked(event: Kind) -> None:
    assert [each for each, _ in buttons(event)] == ["useful", "noise"]


def test_neither_a_group_nor_a_message_without_callbacks_has_buttons() -> None:
    group = message(others=(message(**SECOND),))
    kinds = [each["type"] for each in slack.body_of(group, buttons=True)["blocks"]]
    assert "actions" not in kinds + [each["type"] for each in slack.body_of(message())["blocks"]]


def test_teams_shows_the_key_only_where_it_can_be_answered() -> None:
    shown = [str(teams.body_of(message(event), answers=answers)) for event in (Kind.OPENED, Kind.RESOLVED)
             for answers in (True, False)]  # fmt: skip
    assert ["Key: 4f0c1d2e3a4b" in each for each in shown] == [True, False, False, False]


@pytest.mark.parametrize(
    ("given", "kept"), [("Ana Ng", "Ana Ng"), (" a\n b\u202e ", "a b"), ("x" * 300, "x" * 100), (None, ""), (7, "")]
)
def test_a_name_is_one_line(given: object, kept: str) -> None:
    assert person(given) == kept
