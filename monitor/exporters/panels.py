"""Grafana panels as plain data: the few kinds the dashboards use, and a layout that flows them over the grid.

The shapes are those of Grafana's dashboard JSON (schemaVersion 39, Grafana 10.4), which later versions migrate on load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

GRID = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, AMBER, RED, GREY = "green", "orange", "red", "#808080"


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression. `instant` asks for now only, as stats and tables want it."""

    expr: str
    legend: str = ""
    instant: bool = False

    def target(self, ref: str, table: bool = False) -> Json:
        """Return the panel's target; `ref` is its letter."""
        return {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "format": "table" if table else "time_series",
            "instant": self.instant,
            "legendFormat": self.legend or "__auto",
            "range": not self.instant,
            "refId": ref,
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel without a position. `width` is in 24ths; `body` has the fields of its kind."""

    kind: str
    title: str
    description: str
    queries: Sequence[Query]
    body: Json
    width: int = 12
    height: int = 8

    def json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at its place."""
        targets = [q.target(chr(ord("A") + i), self.kind == "table") for i, q in enumerate(self.queries)]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "targets": targets,
            **self.body,
        }


@dataclass(frozen=True, slots=True)
class Section:
    """A titled row and the panels under it."""

    title: str
    panels: tuple[Panel, ...]


def flow(sections: Iterable[Section]) -> Iterator[Json]:
    """Yield rows and panels left to right, with a new line after 24 columns."""
    number, y = 1, 0
    for section in sections:
        yield _row(section.title, number, y)
        number, x, y, tallest = number + 1, 0, y + 1, 0
        for panel in section.panels:
            if x + panel.width > GRID:
                x, y, tallest = 0, y + tallest, 0
            yield panel.json(number, x, y)
            number, x, tallest = number + 1, x + panel.width, max(tallest, panel.height)
        y += tallest


def series(title: str, description: str, unit: str, *queries: Query, width: int = 12, **custom: Any) -> Panel:
    """Return lines over time; `custom` overrides the drawing (`drawStyle`, `stacking`, ...)."""
    drawing = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False, **custom}
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return Panel("timeseries", title, description, queries, {**_field(unit, custom=drawing), "options": options}, width)


def stat(title: str, description: str, unit: str, *queries: Query, steps: Sequence[Json] = (), width: int = 4) -> Panel:
    """Return present values, coloured by `steps`."""
    reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    options = {"colorMode": "value", "graphMode": "none", "reduceOptions": reduce, "textMode": "auto"}
    return Panel("stat", title, description, queries, {**_field(unit, steps), "options": options}, width, 4)


def bars(title: str, description: str, unit: str, *queries: Query, steps: Sequence[Json], width: int = 12) -> Panel:
    """Return one horizontal bar per series, with present values."""
    reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    options = {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": reduce, "showUnfilled": True}
    return Panel("bargauge", title, description, queries, {**_field(unit, steps), "options": options}, width)


def states(title: str, description: str, query: Query, names: Mapping[int, tuple[str, str]]) -> Panel:
    """Return one band per series; `names` maps each value to text and colour."""
    mapped = {str(value): {"text": text, "color": colour, "index": value} for value, (text, colour) in names.items()}
    body = _field("none", custom={"fillOpacity": 80, "lineWidth": 0, "spanNulls": False})
    body["fieldConfig"]["defaults"]["mappings"] = [{"type": "value", "options": mapped}]
    options = {"mergeValues": True, "rowHeight": 0.9, "showValue": "auto", "legend": {"displayMode": "list"}}
    return Panel("state-timeline", title, description, (query,), {**body, "options": options}, GRID, 8)


def table(title: str, description: str, key: str, columns: Mapping[str, tuple[str, str]]) -> Panel:
    """Return one row per value of the label `key`; `columns`: heading -> unit and expression, aggregated by `key`."""
    letters = {f"Value #{chr(ord('A') + i)}": heading for i, heading in enumerate(columns)}
    body = _field("none")
    body["fieldConfig"]["overrides"] = [_unit_of(heading, unit) for heading, (unit, _) in columns.items()]
    body["options"] = {"showHeader": True, "cellHeight": "sm"}
    body["transformations"] = [
        {"id": "joinByField", "options": {"byField": key, "mode": "outer"}},
        {"id": "organize", "options": {"excludeByName": _times(len(columns)), "renameByName": letters}},
    ]
    queries = [Query(expr, instant=True) for _, expr in columns.values()]
    return Panel("table", title, description, queries, body, GRID, 8)


def steps(base: str, *above: tuple[float, str]) -> Sequence[Json]:
    """Return colour thresholds: `base` below the first, then each colour from its value on."""
    return [{"color": base, "value": None}, *({"color": colour, "value": value} for value, colour in above)]


def _times(count: int) -> dict[str, bool]:
    """Return the names of the time columns after an outer join: `Time`, or `Time 1`, `Time 2`, ..."""
    return {"Time": True, **{f"Time {i}": True for i in range(1, count + 1)}}


def _unit_of(heading: str, unit: str) -> Json:
    properties: list[Json] = [{"id": "unit", "value": unit}]
    if unit == "percentunit":
        properties.append({"id": "decimals", "value": 4})
    return {"matcher": {"id": "byName", "options": heading}, "properties": properties}


def _row(title: str, number: int, y: int) -> Json:
    place = {"h": 1, "w": GRID, "x": 0, "y": y}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _field(unit: str, thresholds: Sequence[Json] = (), custom: Json | None = None) -> Json:
    defaults: Json = {
        "unit": unit,
        "color": {"mode": "thresholds" if thresholds else "palette-classic"},
        "custom": custom or {},
        "mappings": [],
        "thresholds": {"mode": "absolute", "steps": list(thresholds) or steps(GREEN)},
    }
    return {"fieldConfig": {"defaults": defaults, "overrides": []}}
