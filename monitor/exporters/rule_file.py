"""Parts of a Prometheus rules file, and their YAML.

YAML is written without a library, so that expressions keep their line breaks and diffs stay small. Strings are
formatted as JSON, which is valid YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule. `hold` is Prometheus' `for`; `summary` and `description` are templates.

    `base` is the daemon's public URL without a trailing slash; `page` is the path of the linked page. `queried` is a
    description for Prometheus with the template function `query`; Grafana uses `description`.
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
        """The annotations of the alert, with absolute links to its runbook section and to the linked page."""
        return {
            "summary": self.summary,
            "description": self.queried or self.description,
            "runbook_url": f"{self.base}/runbook#{self.name}",
            "page_url": f"{self.base}{self.page}",
        }

    def lines(self) -> Iterator[str]:
        """Yield the lines of the rule's YAML, as a list item."""
        yield f"- alert: {self.name}"
        yield from _indent(_expression(self.expr))
        yield f"  for: {self.hold}"
        yield from _indent(_mapping("labels", {"severity": self.severity}))
        yield from _indent(_mapping("annotations", self.annotations))


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule: records the result of `expr` as the series `name` with additional labels."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the rule's YAML, as a list item."""
        yield f"- record: {self.name}"
        yield from _indent(_expression(self.expr))
        yield from _indent(_mapping("labels", self.labels))


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated in their order."""

    name: str
    rules: tuple[Alert | Record, ...]

    def lines(self, interval: str) -> Iterator[str]:
        """Yield the lines of the group's YAML, as a list item."""
        yield f"- name: {self.name}"
        yield f"  interval: {interval}"
        yield "  rules:"
        for rule in self.rules:
            yield from _indent(rule.lines(), indent="    ")


def render(groups: Iterable[Group], interval: str = "30s", header: str = "") -> str:
    """Return the rules file; `interval` is the evaluation interval of every group."""
    lines = ["groups:"]
    for group in groups:
        lines.extend(_indent(group.lines(interval)))
    return header + "\n".join(lines) + "\n"


def _indent(lines: Iterable[str], indent: str = "  ") -> Iterator[str]:
    return (indent + line for line in lines)


def _expression(expr: str) -> Iterator[str]:
    if "\n" not in expr:
        yield f"expr: {json.dumps(expr)}"
        return
    yield "expr: |-"
    yield from _indent(expr.splitlines())


def _mapping(name: str, entries: Mapping[str, str]) -> Iterator[str]:
    if entries:
        yield f"{name}:"
        yield from (f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items())
