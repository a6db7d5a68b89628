"""Callback controls in messages: buttons in Slack, the alert key in Teams."""

from __future__ import annotations

import pytest

from monitor.notification import Kind
from monitor.receivers import slack, teams
from monitor.receivers.callback import person_name
from tests.support.messages import SECOND, message


def buttons(event: Kind) -> list[tuple[str, str]]:
    blocks = slack.body_of(message(event), buttons=True)["blocks"]
    actions = [block["elements"] for block in blocks if block["type"] == "actions"]
    return [(button["action_id"], button["value"]) for button in actions[0]] if actions else []


@pytest.mark.parametrize("event", [Kind.OPENED, Kind.ESCALATED, Kind.REMINDER])
def test_open_alert_has_acknowledge_and_feedback_buttons(event: Kind) -> None:
    assert buttons(event) == [(action, "4f0c1d2e3a4b") for action in ("acknowledge", "useful", "noise")]


@pytest.mark.parametrize("event", [Kind.RESOLVED, Kind.ACKNOWLEDGED])
def test_resolved_or_acknowledged_alert_has_only_feedback_buttons(event: Kind) -> None:
    assert [action for action, _ in buttons(event)] == ["useful", "noise"]


def test_group_and_message_without_callbacks_have_no_buttons() -> None:
    group = message(others=(message(**SECOND),))
    kinds = [block["type"] for block in slack.body_of(group, buttons=True)["blocks"]]
    assert "actions" not in kinds + [block["type"] for block in slack.body_of(message())["blocks"]]


def test_teams_shows_the_key_only_for_open_alerts_with_replies_enabled() -> None:
    bodies = [str(teams.body_of(message(event), show_key=show_key)) for event in (Kind.OPENED, Kind.RESOLVED)
             for show_key in (True, False)]  # fmt: skip
    assert ["Key: 4f0c1d2e3a4b" in body for body in bodies] == [True, False, False, False]


@pytest.mark.parametrize(
    ("name", "cleaned"), [("Ana Ng", "Ana Ng"), (" a\n b\u202e ", "a b"), ("x" * 300, "x" * 100), (None, ""), (7, "")]
)
def test_person_name_is_cleaned_and_truncated(name: object, cleaned: str) -> None:
    assert person_name(name) == cleaned
