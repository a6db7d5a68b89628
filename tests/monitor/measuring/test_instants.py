"""Formats of instants in logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.measuring.instants import instant, instants

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", SECOND),
        ("1970-01-01 00:00:01 UTC", SECOND),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00,25Z", 250_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T16:00:00-0800", 0),
        ("1970-01-01 05:30:00.000+05:30", 0),
        ("1970-01-01 01:00:00+01", 0),
        ("2016-12-31T23:59:60Z", 1_483_228_800 * SECOND),
        ("1583020799", 1_583_020_799 * SECOND),
        ("1583020799.9999999", 1_583_020_799_999_999),
        ("1.583020799e9", 1_583_020_799 * SECOND),
        ("-1.5", -1_500_000),
        (" 12 ", 12 * SECOND),
        ("12.", 12 * SECOND),
    ],
)
def test_instant_is_read_to_the_microsecond(text: str, at: int) -> None:
    """Any offset and number of digits is accepted; digits after the microsecond are dropped.

    A cell and a column give the same result.
    """
    assert instant(text) == at
    assert instants([text]).tolist() == [at]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-20T18:00:00", "has no offset; use 2026-11-20T18:00:00Z if it is UTC"),
        ("2026-02-30T00:00:00Z", "not a valid date and time"),
        ("2026-13-01T00:00:00Z", "not a valid date and time"),
        ("2026-00-01T00:00:00Z", "not a valid date and time"),
        ("2026-01-00T00:00:00Z", "not a valid date and time"),
        ("0000-01-01T00:00:00Z", "not a valid date and time"),
        ("2026-01-01T24:00:00Z", "not a valid date and time"),
        ("2026-01-01T00:60:00Z", "not a valid date and time"),
        ("2026-01-01T00:00:61Z", "not a valid date and time"),
        ("2026-01-01T00:00:00+24:00", "not a valid date and time"),
        ("2026-01-01T00:00:00+01:60", "not a valid date and time"),
        ("1767225600000", "milliseconds? divide them by 1000"),
        ("1767225600000000", "outside the years 1 to 9999"),
        ("yesterday", "not a timestamp; use 2026-11-20T18:00:00Z, or seconds since 1970"),
        ("", "not a timestamp"),
        ("nan", "not a timestamp"),
        ("１２", "not a timestamp"),
        ("9" * 100, "..."),
        ("1e99", "outside the years 1 to 9999"),
    ],
)
def test_invalid_instant_is_rejected_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"instant|offset|seconds") as rejected:
        instant(text)
    assert message in str(rejected.value)
    with pytest.raises(ValueError, match=r"timestamp|date|offset|outside|ordinal"):
        instants(["2026-01-01T00:00:00Z", text])
    with pytest.raises(ValueError, match=r"timestamp|date|offset|outside|ordinal"):
        instants([text])


def test_instant_outside_of_the_calendar_is_rejected() -> None:
    """With an eastern offset, the first hours of the year 1 are before the calendar."""
    for text in ("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"):
        with pytest.raises(ValueError, match="not a valid date and time"):
            instant(text)
        with pytest.raises(ValueError, match="not a valid date and time"):
            instants([text])


offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=offsets)  # noqa: DTZ001 - offsets are drawn
printed = st.one_of(
    moments.map(lambda m: m.isoformat()),
    moments.map(lambda m: m.isoformat(" ", timespec="milliseconds")),
    moments.map(lambda m: m.strftime("%Y-%m-%dT%H:%M:%S%z").zfill(24)),
    moments.map(lambda m: m.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"),
    moments.map(lambda m: str(m.timestamp())),
    st.integers(-6 * 10**10, 10**11).map(str),
    st.decimals(-6 * 10**10, 10**11, places=7).map(str),
)


@given(st.lists(printed, max_size=20), st.booleans())
def test_column_gives_the_same_instants_as_its_cells(texts: list[str], repeats_first: bool) -> None:
    """The cells may have different formats."""
    column = texts[:1] * 5 + texts if repeats_first else texts
    assert instants(column).tolist() == [instant(text) for text in column]


@given(moments)
def test_instant_equals_the_standard_librarys(moment: datetime) -> None:
    assert instant(moment.isoformat()) == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


shapes = st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", fullmatch=True)


@given(st.lists(shapes, min_size=1, max_size=6))
def test_column_rejects_the_same_text_as_a_cell(texts: list[str]) -> None:
    """The digits are at the right places, but are no date, time or offset."""
    try:
        one_by_one = [instant(text) for text in texts]
    except ValueError:
        with pytest.raises(ValueError, match=r"timestamp|date|offset|outside|ordinal"):
            instants(texts)
    else:
        assert instants(texts).tolist() == one_by_one
