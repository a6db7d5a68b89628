"""Status feeds: the problems of each format, and content that is no feed."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.status_feed import FORMATS
from monitor.status_feeds.formats import FeedError, Problem, problems_in
from sla.interval import SECOND
from tests.monitor.status_feeds.samples import atom, entry, gc_notify, incident, statuspage
from tests.support.ledgers import NOW


def test_statuspage_has_the_start_the_end_and_the_components_of_each_incident() -> None:
    maintenance = incident("m1", 0, impact="maintenance"), incident("m2", 0, scheduled_for="2026-12-01T00:00:00Z")
    content = statuspage(incident("b", 300), *maintenance, incident("a", 60, 120))
    assert problems_in(content, "statuspage") == [
        Problem("b", "Incident b", NOW + 300 * SECOND, None, ("c1", "Sign-in")),
        Problem("a", "Incident a", NOW + 60 * SECOND, NOW + 120 * SECOND, ("c1", "Sign-in")),
    ]


def test_statuspage_incident_without_resolved_at_ended_with_its_last_update() -> None:
    old = incident("a", 60, 120, resolved_at=None, status="postmortem", components=None)
    (problem,) = problems_in(statuspage(old), "statuspage")
    assert (problem.until, problem.components) == (NOW + 120 * SECOND, ())


def test_atom_entry_ends_with_its_newest_update() -> None:
    content = atom(entry("2", 300, "Monitoring", 400), entry("3", 200, "Scheduled"), entry("1", 60, "Resolved", 120))
    key = "tag:status.example.org,2005:Incident/"
    assert problems_in(content, "atom") == [
        Problem(f"{key}2", "Incident 2", NOW + 300 * SECOND, None),
        Problem(f"{key}1", "Incident 1", NOW + 60 * SECOND, NOW + 120 * SECOND),
    ]


def test_atom_feed_of_other_software_ends_with_the_word_resolved() -> None:
    text = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><title>[Resolved] Slow</title>
      <updated>2026-11-30T10:00:00+01:00</updated><summary>Short</summary></entry></feed>"""
    (problem,) = problems_in(text.encode(), "atom")
    assert problem.since == problem.until is not None


def test_gc_notify_has_the_components_that_are_not_up() -> None:
    assert problems_in(gc_notify(email="degraded", sms="down"), "gc_notify") == [
        Problem("email", "email degraded", None, None, ("email",)),
        Problem("sms", "sms down", None, None, ("sms",)),
    ]
    assert problems_in(gc_notify(), "gc_notify") == []


@pytest.mark.parametrize(
    ("feed_format", "content", "message"),
    [
        ("statuspage", b"", "not JSON"),
        ("statuspage", b"<html>Bad gateway</html>", "not JSON"),
        ("statuspage", b"[]", "no list of incidents"),
        ("statuspage", b'{"incidents": [1]}', "incident 1 is not an object"),
        ("statuspage", b'{"incidents": [{"name": "x"}]}', "created_at of incident 1"),
        ("statuspage", statuspage(incident("a", 0, created_at="yesterday")), "created_at of incident 1"),
        ("statuspage", statuspage(incident("a", 0, resolved_at=12)), "resolved_at of incident 1"),
        ("statuspage", statuspage(incident("a", 0, id="x" * 501)), "id of incident 1"),
        ("statuspage", statuspage(incident("a", 0, name="")), "title of incident 1"),
        ("statuspage", statuspage(*(incident(str(n), 0) for n in range(201))), "more than 200 problems"),
        ("statuspage", statuspage(incident("a", 0, id="a\ud800")), "id of incident 1"),
        ("statuspage", statuspage(incident("a", 0, created_at="0001-01-01T00:00:00Z")), "from 1970 to 9998"),
        ("statuspage", statuspage(incident("a", 0, resolved_at="9999-12-31T23:59:59-14:00")), "from 1970 to 9998"),
        ("statuspage", b"[" * 200_000, "nested too deeply"),
        ("statuspage", b"\xff", "not UTF-8"),
        ("atom", b"{}", "not XML"),
        ("atom", b"<rss/>", "the root element is rss"),
        ("atom", atom("<entry><id>1</id></entry>"), "updated of entry 1"),
        ("atom", b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>', "a document type declaration"),
        ("atom", b"<a>" * 100_000, "more than 50000 XML tags"),
        ("atom", atom(entry("1", 0, "Resolved")) + b"x", "not XML"),
        ("gc_notify", b"[]", "no list of components"),
        ("gc_notify", b'{"api": "up"}', "no list of components"),
        ("gc_notify", b'["up"]', "status of component 1"),
        ("gc_notify", gc_notify(api="offline"), "status of component 1"),
        ("gc_notify", b'[{"status": "down"}]', "id of component 1"),
    ],
)
def test_content_that_is_no_feed(feed_format: str, content: bytes, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        problems_in(content, feed_format)


def test_title_is_one_printable_line() -> None:
    (problem,) = problems_in(statuspage(incident("a", 0, name="Slow\x1b[2J\n log\ud800ins")), "statuspage")
    assert problem.title == "Slow [2J log ins"


def test_time_for_an_atom_entry_grows_with_its_length_only() -> None:
    """A backtracking expression would need days."""
    spaces = entry("1", 0, "Resolved").replace("Resolved", "&lt;strong&gt;" + " " * 500_000 + "Resolved")
    (problem,) = problems_in(atom(spaces), "atom")
    assert problem.title == "Incident 1"


@given(st.sampled_from(FORMATS), st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_a_feed_or_a_feed_error(feed_format: str, content: bytes) -> None:
    with contextlib.suppress(FeedError):
        problems_in(content, feed_format)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=9), values, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["id", "name", "created_at", "resolved_at", "status", "components", "impact"]), _JSON)
def test_any_value_of_a_field_is_read_or_a_feed_error(field: str, value: object) -> None:
    content = json.dumps({"incidents": [incident("a", 0, 60, **{field: value})]}).encode()
    with contextlib.suppress(FeedError):
        assert all(isinstance(problem.title, str) for problem in problems_in(content, "statuspage"))
