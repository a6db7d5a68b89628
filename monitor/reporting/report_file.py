"""Render a report in a format. The command `report` and the page /reports use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.reporting.report import PortfolioReport

FORMATS: Final = ("html", "pdf", "xlsx", "csv", "json", "md")
MEDIA_TYPES: Final = {
    "html": "text/html",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
}


def rendered(report: PortfolioReport, format_name: str, paper: str = "letter") -> bytes:
    """Return the report in one of `FORMATS`. Modules of formats are imported only if they are needed."""
    if format_name == "json":
        from monitor.reporting.text_formats import as_json

        return as_json(report).encode()
    document = report.document()
    if format_name == "pdf":
        from monitor.reporting.pdf import as_pdf

        return as_pdf(document, paper)
    if format_name == "xlsx":
        from monitor.reporting.workbook import as_xlsx

        return as_xlsx(document)
    write: Callable[[Any], str]
    if format_name == "html":
        from monitor.reporting.html import as_html as write
    elif format_name == "csv":
        from monitor.reporting.text_formats import as_csv as write
    else:
        from monitor.reporting.text_formats import as_markdown as write
    return write(document).encode()
