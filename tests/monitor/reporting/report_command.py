"""Helpers that run `ninewatch report` and parse its output."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path

from click.testing import CliRunner, Result
from pypdf import PdfReader

from monitor.cli import cli
from tests.monitor.reporting import month


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


def report_output(
    config: Path, format_name: str, *options: str | Path, product: str = "forms", at: str = month.MIDDLE
) -> bytes:
    result = run("report", "-c", config, "--product", product, "--at", at, "--format", format_name, *options)
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


class Page(HTMLParser):
    """A parser of tables and of accessibility attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str | float]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._cell: str | float | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self._cell = ""
        elif tag == "data" and self._cell is not None:
            self._cell = float(dict(attrs)["value"] or "nan")

    def handle_data(self, data: str) -> None:
        if isinstance(self._cell, str):
            self._cell += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            self.tables[-1][-1].append(self._cell)
            self._cell = None


def pdf(config: Path, *options: str, product: str = "forms") -> PdfReader:
    return PdfReader(io.BytesIO(report_output(config, "pdf", *options, product=product)))
