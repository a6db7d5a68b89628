"""The check of HTML reports what browsers correct without a message; the pages pass it in the slow suite."""

from __future__ import annotations

import pytest

from tests.support.html_validity import html_errors

START, END = '<!doctype html><html lang="en"><head><title>T</title></head><body>', "</body></html>"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<p>a<div>b</div></p>", "<div> inside <p>"),
        ("<ul><p>a</p></ul>", "<p> as a child of <ul>"),
        ("<div><li>a</li></div>", "<li> in <div>"),
        ("<table><tr><td>a</td></tr></table>", "<tr> in <table>"),
        ("<p>a</span></p>", "</span> does not end <p>"),
        ("<div>", "</body> does not end <div>"),
        ("<div/>", "<div/> is not closed in HTML"),
        ('<p id="a"></p><p id="a"></p>', "id 'a' is repeated or not an id"),
        ('<label for="a">b</label>', "for refers to the missing id 'a'"),
        ('<a href="#a">b</a>', "href refers to the missing id 'a'"),
        ("<button><a>b</a></button>", "<a> inside <button>"),
        ("<form><form></form></form>", "<form> inside <form>"),
        ('<input type="datetime-local" maxlength="9">', "maxlength on a datetime-local field"),
        ("<select required><option>a</option></select>", "<select required> needs an empty first option"),
        ('<img src="a">', "<img> without alt"),
        ('<p align="left">a</p>', "obsolete align on <p>"),
        ('<p class="a" class="b">c</p>', "class twice on <p>"),
    ],
)
def test_errors_are_reported(text: str, error: str) -> None:
    errors = html_errors(START + text + END)
    assert any(error in line for line in errors), errors


def test_a_page_needs_a_document_type_and_a_language() -> None:
    assert html_errors("<html></html>") == ["line 1: <html> without lang", "no <!doctype html>"]


def test_valid_html_has_no_errors() -> None:
    text = (
        '<main id="main"><h1>A</h1><svg viewBox="0 0 1 1"><title>b</title><path d="M0 0"/></svg><dl><div><dt>a</dt>'
        '<dd>b</dd></div></dl><table><caption>c</caption><tbody><tr><th scope="row">d</th><td><p>e</p></td>'
        '</tr></tbody></table><form><label>f <input maxlength="5"></label><button>g</button></form></main>'
    )
    assert html_errors(START + text + END) == []
