"""The report as one HTML file, with embedded style and charts, without scripts and requests."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from monitor.reporting.chart import svg

if TYPE_CHECKING:
    from monitor.reporting.document import Document

_FONT = "BC Sans, Noto Sans, Segoe UI, Helvetica, Arial, DejaVu Sans, sans-serif"


def as_html(document: Document) -> str:
    """Return the report as a page. Figures are <data> elements with full precision, instants <time> elements in UTC."""
    templates = Environment(
        loader=PackageLoader("monitor.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    charts = {part.id: svg(part.chart, f"chart-{part.id}", _FONT) for part in document.parts}
    style = files("monitor.reporting").joinpath("templates/report.css").read_text("utf-8")
    return templates.get_template("report.html.j2").render(document=document, charts=charts, style=style)
