"""The daily figures of a status page as open data: CSV, and a data package with its schema and licence."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from sla import availability as figures
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from monitor.views.status_page import ComponentView, DailyFigures, StatusPageView

# Column -> type and meaning (Table Schema, https://specs.frictionlessdata.io/table-schema/).
COLUMNS: Final = {
    "date": ("date", "The day in the time zone of the page"),
    "component": ("string", "The id of the component"),
    "name": ("string", "The name of the component"),
    "complete": ("boolean", "Whether the day is over; the figures of today are up to now"),
    "availability_low": ("number", "The minimum availability: time without data counts as downtime"),
    "availability": ("number", "The estimated availability; empty without data"),
    "availability_high": ("number", "The maximum availability: time without data counts as uptime"),
    "downtime_low_seconds": ("number", "The minimum downtime"),
    "downtime_seconds": ("number", "The estimated downtime; empty without data"),
    "downtime_high_seconds": ("number", "The maximum downtime"),
    "coverage": ("number", "The known share of the time; empty if all of it is excluded"),
    "excluded_seconds": ("number", "Time that does not count by the agreement, such as planned maintenance"),
}


def daily_csv(view: StatusPageView) -> str:
    """Return one row per component and day, the oldest first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for component in view.components:
        for day in component.daily:
            writer.writerow(_row(component, day))
    return text.getvalue()


def _row(component: ComponentView, day: DailyFigures) -> Iterator[str]:
    bounds, downtime = figures.availability(day.durations), figures.downtime(day.durations)
    yield from (day.date, component.id, component.name, str(day.complete).lower())
    yield from map(_number, bounds)
    known = bounds.point is not None
    yield from (_seconds(downtime.low), _seconds(downtime.point) if known else "", _seconds(downtime.high))
    yield _number(figures.coverage(day.durations))
    yield _seconds(day.excluded)


def _number(ratio: Fraction | None) -> str:
    return "" if ratio is None else f"{float(ratio):.9g}"


def _seconds(microseconds: int) -> str:
    return f"{microseconds / SECOND:.12g}"


def data_package(view: StatusPageView) -> str:
    """Return the data package of `daily.csv`: columns, kind of figures, time zone and licence."""
    body: dict[str, Any] = {
        "profile": "tabular-data-package",
        "name": view.id,
        "title": f"{view.title}: daily availability",
        "description": f"{view.figures_text}. Days are in {view.zone}.",
        "created": view.made.iso,
        "licenses": [],
        "resources": [
            {
                "profile": "tabular-data-resource",
                "name": "daily",
                "path": "daily.csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {
                    "fields": [
                        {"name": name, "type": kind, "description": meaning}
                        for name, (kind, meaning) in COLUMNS.items()
                    ],
                    "primaryKey": ["date", "component"],
                    "missingValues": [""],
                },
            }
        ],
    }
    if (licence := view.licence) is not None:
        title = {} if licence.title is None else {"title": licence.title}
        body["licenses"] = [{"name": licence.name, "path": licence.url, **title}]
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"
