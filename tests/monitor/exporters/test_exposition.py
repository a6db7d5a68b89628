"""The text formats of metrics: both dialects, any label value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from monitor.exporters.exposition import Dialect, Family, negotiate, series

COUNTER = Family("probes_total", "counter", "Probes")


@given(st.text())
def test_any_label_value_comes_back_as_it_was_in_both_dialects(value: str) -> None:
    """Quotes, backslashes, line feeds and braces in a name change nothing but the name."""
    line = series("probes_total", check=value) + "1\n"
    expected = value.encode("utf-8", "replace").decode()
    old = list(read_text(COUNTER.head(Dialect.TEXT) + line))
    new = list(read_openmetrics(COUNTER.head(Dialect.OPENMETRICS) + line + "# EOF\n"))
    assert [family.samples[0].labels["check"] for family in (*old, *new)] == [expected] * 2


def test_a_lone_surrogate_becomes_a_question_mark_instead_of_taking_the_page_down() -> None:
    assert series("up", check="a\ud800b").encode() == b'up{check="a?b"} '


def test_a_counter_is_announced_without_total_in_openmetrics_and_with_it_in_text() -> None:
    assert "# TYPE probes counter" in COUNTER.head(Dialect.OPENMETRICS)
    assert "# TYPE probes_total counter" in COUNTER.head(Dialect.TEXT)


PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "dialect"),
    [
        ("", Dialect.TEXT),
        ("*/*", Dialect.TEXT),
        ("text/html", Dialect.TEXT),
        (PROMETHEUS, Dialect.OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0", Dialect.OPENMETRICS),
        ("application/openmetrics-text", Dialect.OPENMETRICS),
        ("application/openmetrics-text; version=0.0.1", Dialect.TEXT),
        ("application/openmetrics-text; q=0", Dialect.TEXT),
        ("text/plain; q=0.9, application/openmetrics-text; q=0.1", Dialect.TEXT),
        ("application/openmetrics-text; q=nonsense", Dialect.TEXT),
        ("text/plain; q=1e999, application/openmetrics-text; q=nan", Dialect.TEXT),
        (";;;,=,;q=", Dialect.TEXT),
    ],
)
def test_the_dialect_is_the_one_that_the_scraper_prefers(accept: str, dialect: Dialect) -> None:
    assert negotiate(accept) is dialect
