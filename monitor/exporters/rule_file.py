"""A Prometheus rules file: frozen types for its parts, and their text.

The text is not written by a YAML library, so that expressions keep their line breaks and a changed rule changes few
lines. Strings are JSON, which is valid YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule. `hold` is Prometheus' `for`; `summary` and `description` are its templates.

    `base` is the daemon's public address without a slash at its end; `page` is the path of the page to look at first.
    `queried` is the description for Prometheus if it uses the template function `query`, which Grafana does not have.
    """

    name: str
    expr: str
    severity: str
    summary: str
    description: str
    base: str = ""
    hold: str = "0s"
    page: str = "/"
    queried: str = ""

    @property
    def annotations(self) -> Mapping[str, str]:
        """The alert's annotations, with absolute links to its runbook section and to its product's page."""
        return {
            "summary": self.summary,
            "description": self.queried or self.description,
            "runbook_url": f"{self.base}/runbook#{self.name}",
            "page_url": f"{self.base}{self.page}",
        }

    def lines(self) -> Iterator[str]:
        """Yield the rule's YAML, as an item of a list."""
        yield f"- alert: {self.name}"
        yield from _indented(_expression(self.expr))
        yield f"  for: {self.hold}"
        yield from _indented(_mapping("labels", {"severity": self.severity}))
        yield from _indented(_mapping("annotations", self.annotations))


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule: the series `name` is the result of `expr`, with the labels set."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield the rule's YAML, as an item of a list."""
        yield f"- record: {self.name}"
        yield from _indented(_expression(self.expr))
        yield from _indented(_mapping("labels", self.labels))


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, in their order."""

    name: str
    rules: tuple[Alert | Record, ...]

    def lines(self, interval: str) -> Iterator[str]:
        """Yield the group's YAML, as an item of a list."""
        yield f"- name: {self.name}"
        yield f"  interval: {interval}"
        yield "  rules:"
        for rule in self.rules:
            yield from _indented(rule.lines(), by="    ")


def render(groups: Iterable[Group], interval: str = "30s", header: str = "") -> str:
    """Return the rules file; `interval` is the evaluation interval of every group."""
    lines = ["groups:"]
    for group in groups:
        lines.extend(_indented(group.lines(interval)))
    return header + "\n".join(lines) + "\n"


def _indented(lines: Iterable[str], by: str = "  ") -> Iterator[str]:
    return (by + line for line in lines)


def _expression(expr: str) -> Iterator[str]:
    if "\n" not in expr:
        yield f"expr: {json.dumps(expr)}"
        return
    yield "expr: |-"
    yield from _indented(expr.splitlines())


def _mapping(name: str, entries: Mapping[str, str]) -> Iterator[str]:
    if entries:
        yield f"{name}:"
        yield from (f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items())
