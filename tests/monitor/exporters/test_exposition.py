"""The text formats of metrics, with any label value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from monitor.exporters.exposition import Dialect, Family, negotiate, series

COUNTER = Family("probes_total", "counter", "Probes")


@given(st.text())
@pytest.mark.fault(45)
def test_any_label_value_is_preserved_in_both_formats(value: str) -> None:
    """Quotes, backslashes, line feeds and braces in a name change only this name."""
    line = series("probes_total", check=value) + "1\n"
    expected = value.encode("utf-8", "replace").decode()
    text_families = list(read_text(COUNTER.head(Dialect.TEXT) + line))
    openmetrics_families = list(read_openmetrics(COUNTER.head(Dialect.OPENMETRICS) + line + "# EOF\n"))
    assert [family.samples[0].labels["check"] for family in (*text_families, *openmetrics_families)] == [expected] * 2


def test_lone_surrogate_is_replaced_with_question_mark() -> None:
    assert series("up", check="a\ud800b").encode() == b'up{check="a?b"} '


def test_counter_family_name_has_total_in_text_and_not_in_openmetrics() -> None:
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
def test_format_follows_the_accept_header(accept: str, dialect: Dialect) -> None:
    assert negotiate(accept) is dialect
