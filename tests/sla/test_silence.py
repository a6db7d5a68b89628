"""Tests of silences as facts."""

from __future__ import annotations

import pytest

from sla.fact import Fact
from sla.silence import SILENCE, SILENCE_END, Silence, silence_end, silences

STATED_AT, UNTIL = 1_000, 2_000


@pytest.mark.parametrize(
    ("silence", "covered"),
    [
        (Silence(STATED_AT, "Ada", "x", UNTIL), {("a", "forms"), ("b", "sso"), ("c", "")}),
        (Silence(STATED_AT, "Ada", "x", UNTIL, product="forms"), {("a", "forms")}),
        (Silence(STATED_AT, "Ada", "x", UNTIL, key="b"), {("b", "sso")}),
    ],
)
def test_silence_covers_a_product_an_alert_or_all(silence: Silence, covered: set[tuple[str, str]]) -> None:
    alerts = {("a", "forms"), ("b", "sso"), ("c", "")}
    assert {alert for alert in alerts if silence.covers(*alert, STATED_AT)} == covered
    assert not any(silence.covers(*alert, STATED_AT - 1) or silence.covers(*alert, UNTIL) for alert in alerts)


def test_silence_is_returned_until_it_is_ended() -> None:
    silence, other = Silence(STATED_AT, "Ada", "known", UNTIL, "forms"), Silence(STATED_AT, "Bob", "x", UNTIL)
    facts = [silence.fact(), other.fact(), Fact.of(STATED_AT, "Ada", "correction", "forms", {"until": UNTIL})]
    assert silences(facts) == [silence, other]
    assert silences([silence_end(silence.id, 1_500, "Ada"), *facts]) == [other]


@pytest.mark.parametrize("body", [[], {}, {"until": "soon"}])
@pytest.mark.parametrize("kind", [SILENCE, SILENCE_END])
def test_invalid_silences_and_ends_are_ignored(kind: str, body: object) -> None:
    good = Silence(STATED_AT, "Ada", "x", UNTIL)
    assert silences([Fact.of(STATED_AT, "Ada", kind, "", body), good.fact()]) == [good]
