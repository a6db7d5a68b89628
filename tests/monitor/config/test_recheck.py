"""Tests of the checks that are re-checked by default."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sla.interval import SECOND
from tests.support.probing import load_check

PROMETHEUS = {"prometheus": "https://prometheus.example.org", "good": "good", "total": "total", "at_least": "99%"}
FRESHNESS = {"freshness": "https://forms.example.org/export", "max_age": "1h"}


@pytest.mark.parametrize(
    ("content", "delay"),
    [
        ({"tcp": "192.0.2.1:443"}, SECOND),
        ({"http": "https://forms.example.org/"}, SECOND),
        ({"http": "https://forms.example.org/", "method": "POST"}, None),
        (PROMETHEUS, None),
        (FRESHNESS, None),
    ],
)
def test_recheck_is_off_by_default_if_it_writes_or_judges_the_same_measurement(
    content: dict[str, Any], delay: int | None
) -> None:
    assert load_check(content).recheck_delay == delay
    assert load_check({**content, "recheck": "2s"}).recheck_delay == 2 * SECOND
    assert load_check({**content, "recheck": "never"}).recheck_delay is None


@pytest.mark.parametrize("content", [PROMETHEUS, FRESHNESS])
def test_same_measurement_may_still_be_read_more_often_in_a_drill(content: dict[str, Any]) -> None:
    assert load_check(content).tightens


def test_recheck_of_a_heartbeat_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a-token-that-cannot-be-guessed")
    keys = {"heartbeat": "every 1h", "token": {"env": "TOKEN"}}
    assert load_check(keys).recheck_delay is None
    with pytest.raises(ValidationError, match="has no effect on a heartbeat"):
        load_check({**keys, "recheck": "2s"})
