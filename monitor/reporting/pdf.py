"""The report as a tagged PDF (PDF/UA-1) with embedded fonts, accessible to screen readers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import typst

from monitor.reporting.chart import svg
from monitor.reporting.document import Chart
from sla.window import EPOCH

if TYPE_CHECKING:
    from monitor.reporting.document import Document, Part, Section

_FONT = "Libertinus Serif"  # part of the library, so that it is the same on all machines
_PAPER = {"letter": "us-letter", "a4": "a4"}


def as_pdf(document: Document, paper: str) -> bytes:
    """Return the report as a PDF for the paper `letter` or `a4`. Its creation date is the report's instant.

    All texts are passed as data, so that markup in them has no effect.
    """
    template = files("monitor.reporting").joinpath("templates/report.typ").read_bytes()
    created = EPOCH + timedelta(microseconds=document.made)
    data = _plain(document) | {
        "paper": _PAPER[paper],
        "date": [created.year, created.month, created.day, created.hour, created.minute, created.second],
    }
    pdf = typst.compile(
        template,
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards="ua-1",
    )
    assert isinstance(pdf, bytes), "a PDF is one file"  # noqa: S101 - for the type checker
    return pdf


def _plain(document: Document) -> dict[str, Any]:
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "made": document.made_text,
        "notices": document.notices,
        "overview": None if document.overview is None else _section(document.overview),
        "parts": [_part(part) for part in document.parts],
        "closing": _section(document.closing),
    }


def _part(part: Part) -> dict[str, Any]:
    chart = part.chart
    if isinstance(chart, Chart):
        chart = replace(chart, columns=tuple(replace(column, text="") for column in chart.columns))
    return {
        "name": part.name,
        "about": part.about,
        "headline": part.headline,
        "missed": part.missed,
        "tiles": [[tile.label, tile.cell.text, tile.note, tile.alarming] for tile in part.tiles],
        "chart": svg(chart, "chart", _FONT),
        "chart_title": part.chart.title,
        "chart_text": part.chart.text,
        "chart_legend": part.chart.legend,
        "sections": [_section(section) for section in part.sections],
    }


def _section(section: Section) -> dict[str, Any]:
    table = section.table
    rows = None if table is None else [[cell.text for cell in row] for row in table.rows]
    numeric = None if table is None else table.numeric
    return {
        "id": section.id,
        "title": section.title,
        "notes": section.notes,
        "columns": None if table is None else table.columns,
        "numeric": numeric,
        "rows": rows,
    }
