"""Check the HTML of a page against rules of the HTML standard that browsers correct without a message."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

VOID: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
PHRASING_ONLY: Final = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "span", "b", "strong", "em", "code", "label", "button", "time", "small"}
)
BLOCKS: Final = frozenset(
    {"article", "aside", "details", "div", "dl", "fieldset", "footer", "form", "h1", "h2", "h3", "h4", "header", "hr"}
    | {"main", "nav", "ol", "p", "pre", "section", "table", "ul"}
)
INTERACTIVE: Final = frozenset({"a", "button", "details", "input", "label", "select", "summary", "textarea"})
PARENTS: Final = {  # the elements that may directly contain an element
    "li": {"ul", "ol"},
    "dt": {"dl", "div"},
    "dd": {"dl", "div"},
    "caption": {"table"},
    "thead": {"table"},
    "tbody": {"table"},
    "tfoot": {"table"},
    "tr": {"thead", "tbody", "tfoot"},
    "th": {"tr"},
    "td": {"tr"},
    "option": {"select", "optgroup", "datalist"},
    "summary": {"details"},
    "legend": {"fieldset"},
}
CHILDREN: Final = {  # the elements that an element may directly contain
    "ul": {"li"},
    "ol": {"li"},
    "dl": {"dt", "dd", "div"},
    "table": {"caption", "colgroup", "thead", "tbody", "tfoot"},
    "thead": {"tr"},
    "tbody": {"tr"},
    "tr": {"th", "td"},
    "select": {"option", "optgroup"},
}
TEXT_FIELDS: Final = frozenset({"text", "search", "email", "url", "tel", "password"})
REFERENCES: Final = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "headers")
OBSOLETE: Final = frozenset({"align", "bgcolor", "border", "cellpadding", "cellspacing", "valign", "nowrap"})

_Attributes = list[tuple[str, str | None]]


class _Checker(HTMLParser):
    """Collects the errors of a page, with their lines."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[str] = []
        self._stack: list[str] = []
        self._ids: set[str] = set()
        self._references: list[tuple[str, str]] = []
        self._doctype = ""

    def handle_decl(self, decl: str) -> None:
        self._doctype = decl.lower()

    def handle_starttag(self, tag: str, attrs: _Attributes) -> None:
        self._open(tag, attrs)
        if tag not in VOID:
            self._stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: _Attributes) -> None:
        self._open(tag, attrs)
        if tag not in VOID and "svg" not in self._stack:
            self._error(f"<{tag}/> is not closed in HTML")

    def handle_endtag(self, tag: str) -> None:
        if not self._stack or self._stack[-1] != tag:
            self._error(f"</{tag}> does not end <{self._stack[-1] if self._stack else 'nothing'}>")
        if tag in self._stack:
            while self._stack.pop() != tag:
                pass

    def finish(self) -> list[str]:
        """Return all errors."""
        self.close()
        if self._doctype != "doctype html":
            self.errors.append("no <!doctype html>")
        self.errors += [f"<{tag}> is not closed" for tag in self._stack]
        missing = [(name, target) for name, target in self._references if target not in self._ids]
        return [*self.errors, *(f"{name} refers to the missing id {target!r}" for name, target in missing)]

    def _error(self, text: str) -> None:
        self.errors.append(f"line {self.getpos()[0]}: {text}")

    def _open(self, tag: str, attrs: _Attributes) -> None:
        if "svg" not in self._stack:
            self._check_parents(tag)
            self._check_field(tag, {name: value or "" for name, value in attrs})
        self._check_attributes(tag, attrs)

    def _check_parents(self, tag: str) -> None:
        parent = self._stack[-1] if self._stack else ""
        if tag in PARENTS and parent not in PARENTS[tag]:
            self._error(f"<{tag}> in <{parent}>")
        if parent in CHILDREN and tag not in CHILDREN[parent]:
            self._error(f"<{tag}> as a child of <{parent}>")
        phrasing = next((name for name in self._stack if name in PHRASING_ONLY), "")
        if tag in BLOCKS and phrasing:
            self._error(f"<{tag}> inside <{phrasing}>")
        outer = next((name for name in self._stack if name in {"a", "button"}), "")
        if tag in INTERACTIVE and outer:
            self._error(f"<{tag}> inside <{outer}>")
        if tag == "form" and "form" in self._stack:
            self._error("<form> inside <form>")

    def _check_attributes(self, tag: str, attrs: _Attributes) -> None:
        names = [name for name, _ in attrs]
        self.errors += [
            f"line {self.getpos()[0]}: {name} twice on <{tag}>" for name in {*names} if names.count(name) > 1
        ]
        self.errors += [f"line {self.getpos()[0]}: obsolete {name} on <{tag}>" for name in OBSOLETE.intersection(names)]
        for name, value in attrs:
            if name == "id":
                if value in self._ids or not value or " " in value:
                    self._error(f"id {value!r} is repeated or not an id")
                self._ids.add(value or "")
            elif name in REFERENCES:
                self._references += [(name, target) for target in (value or "").split()]
            elif name == "href" and (value or "").startswith("#"):
                self._references.append((name, (value or "")[1:]))

    def _check_field(self, tag: str, attrs: dict[str, str]) -> None:
        kind = attrs.get("type", "text")
        if tag == "input" and kind not in TEXT_FIELDS:
            self.errors += [
                f"line {self.getpos()[0]}: {name} on a {kind} field"
                for name in ("maxlength", "placeholder")
                if name in attrs
            ]
        if tag == "select" and "required" in attrs:
            self._error("<select required> needs an empty first option")
        if tag == "img" and "alt" not in attrs:
            self._error("<img> without alt")
        if tag == "html" and not attrs.get("lang"):
            self._error("<html> without lang")


def html_errors(text: str) -> list[str]:
    """Return the violations of the rules in the text of a page."""
    checker = _Checker()
    checker.feed(text)
    return checker.finish()
