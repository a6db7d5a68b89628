"""Panels of the dashboards: one function per kind of panel.

A missing value is shown as "unknown" or as a gap, not as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Panel,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode
from grafana_foundation_sdk.models.text import TextMode

from monitor.exporters.dashboards.style import (
    LINES,
    PLAIN,
    UNKNOWN,
    Names,
    Steps,
    mapping,
    mapping_properties,
    threshold_properties,
    thresholds,
)
from monitor.exporters.dashboards.variables import DATASOURCE, product_dashboard, product_page

PanelBuilder = Builder[Panel]
GRID: Final = 24
_NO_VALUE: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the legend of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `names` maps values to text, `steps` to colours."""

    expr: str
    unit: str = "none"
    names: Names | None = None
    steps: Steps = ()
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels with a title."""

    title: str
    panels: tuple[PanelBuilder, ...]


def lines(
    title: str, description: str, unit: str, *queries: Query, width: int = 8, bars: bool = False, stacked: bool = False
) -> timeseries.Panel:
    """Return a panel of lines, bars or stacked areas over time."""
    panel = timeseries.Panel().title(title).description(description).datasource(DATASOURCE).unit(unit)
    panel.targets([_target(query, letter) for query, letter in _with_letters(queries)]).span(width).height(8)
    panel.draw_style(models.GraphDrawStyle.BARS if bars else models.GraphDrawStyle.LINE).line_width(1)
    panel.fill_opacity(60 if stacked or bars else 0).show_points(models.VisibilityMode.NEVER).span_nulls(False)
    if stacked:
        panel.stacking(common.StackingConfig().mode(models.StackingMode.NORMAL).group("A"))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC)).thresholds(thresholds(PLAIN))
    panel.legend(_legend()).tooltip(_tooltip()).no_value(_NO_VALUE)
    for number, (query, colour) in enumerate(zip(queries, LINES, strict=False)):
        if "{{" not in query.legend:
            panel.override_by_query(_letter(number), [_property("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def band(title: str, description: str, unit: str, bounds: Mapping[str, str], *additional: Query) -> timeseries.Panel:
    """Return a panel of an estimate with its bounds (low, point, high) as a band, and of additional lines."""
    queries = (*(Query(expr, bound) for bound, expr in bounds.items()), *additional)
    panel = lines(title, description, unit, *queries, width=12)
    panel.override_by_name("point", [_property("custom.lineWidth", 2), *_fixed_values(LINES[0])])
    panel.override_by_name(
        "low", [_property("custom.lineStyle", {"fill": "dash", "dash": [4, 4]}), *_fixed_values(UNKNOWN)]
    )
    return panel.override_by_name(
        "high",
        [
            _property("custom.fillBelowTo", "low"),
            _property("custom.fillOpacity", 20),
            _property("custom.lineStyle", {"fill": "dash", "dash": [4, 4]}),
            *_fixed_values(UNKNOWN),
        ],
    )


def value(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    steps: Steps = PLAIN,
    names: Names | None = None,
    width: int = 4,
    decimals: int | None = None,
) -> stat.Panel:
    """Return a panel of current values, coloured by `steps` or shown as the texts of `names`."""
    panel = stat.Panel().title(title).description(description).datasource(DATASOURCE).unit(unit)
    panel.targets([_target(query, letter, instant=True) for query, letter in _with_letters(queries)])
    panel.span(width).height(4).no_value(_NO_VALUE).thresholds(thresholds(steps))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.color_mode(models.BigValueColorMode.VALUE).graph_mode(models.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    if names is not None:
        panel.mappings([mapping(names)])
    return panel if decimals is None else panel.decimals(decimals)


def gauges(title: str, description: str, unit: str, query: Query, steps: Steps, width: int = 8) -> bargauge.Panel:
    """Return a panel of current values, with one horizontal bar per series."""
    panel = bargauge.Panel().title(title).description(description).datasource(DATASOURCE).unit(unit)
    panel.targets([_target(query, "A", instant=True)]).span(width).height(8).no_value(_NO_VALUE)
    panel.thresholds(thresholds(steps)).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.orientation(models.VizOrientation.HORIZONTAL).display_mode(models.BarGaugeDisplayMode.BASIC)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    return panel.show_unfilled(True)


def timeline(
    title: str, description: str, names: Names, *queries: Query, width: int = GRID, label: str = ""
) -> statetimeline.Panel:
    """Return a panel of states over time, one band per series; `label` is the label with the product's id."""
    panel = statetimeline.Panel().title(title).description(description).datasource(DATASOURCE).unit("none")
    panel.targets([_target(query, letter) for query, letter in _with_letters(queries)]).span(width).height(8)
    panel.mappings([mapping(names)]).thresholds(thresholds(((None, UNKNOWN),))).no_value(_NO_VALUE)
    panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS)).fill_opacity(80).line_width(0)
    panel.merge_values(True).row_height(0.9).show_value(models.VisibilityMode.AUTO).legend(_legend())
    panel.tooltip(_tooltip())
    if label:
        name = "${__field.labels." + label + "}"
        dashboard, page = _data_link("Dashboard", product_dashboard(name)), _data_link("Page", product_page(name))
        panel.data_links([dashboard, page])
    return panel


def figures(title: str, description: str, key: str, columns: Mapping[str, Column], height: int = 8) -> table.Panel:
    """Return a table with one row per value of the label `key`. Rows of products have links."""
    panel = table.Panel().title(title).description(description).datasource(DATASOURCE).unit("none")
    queries = [Query(column.expr) for column in columns.values()]
    panel.targets([_target(query, letter, instant=True, rows=True) for query, letter in _with_letters(queries)])
    panel.span(GRID).height(height).no_value(_NO_VALUE).thresholds(thresholds(PLAIN)).show_header(True)
    headings = {f"Value #{_letter(number)}": heading for number, heading in enumerate(columns)}
    # After an outer join, the time columns are `Time`, or `Time 1`, `Time 2`, ...
    times = {"Time": True, **{f"Time {number}": True for number in range(1, len(columns) + 1)}}
    panel.transformations(
        [
            DataTransformerConfig("joinByField", options={"byField": key, "mode": "outer"}),
            DataTransformerConfig("organize", options={"excludeByName": times, "renameByName": headings}),
        ]
    )
    for heading, column in columns.items():
        panel.override_by_name(heading, [_property(name, value) for name, value in _column_properties(column)])
    if key == "product":
        panel.override_by_name(key, [_property("links", _product_links("${__data.fields.product}"))])
    return panel


def rows(title: str, description: str, expr: str, hidden_columns: Sequence[str], width: int = GRID) -> table.Panel:
    """Return a table with one row per series and one column per label, except the hidden labels."""
    panel = table.Panel().title(title).description(description).datasource(DATASOURCE).unit("none").show_header(True)
    panel.targets([_target(Query(expr), "A", instant=True, rows=True)]).span(width).height(8)
    panel.no_value(_NO_VALUE)
    excluded = dict.fromkeys(("Time", "__name__", *hidden_columns), True)
    return panel.transformations([DataTransformerConfig("organize", options={"excludeByName": excluded})])


def note(title: str, description: str, content: str, width: int = GRID, height: int = 4) -> text.Panel:
    """Return a panel of Markdown text."""
    panel = text.Panel().title(title).description(description).span(width).height(height)
    return panel.mode(TextMode.MARKDOWN).content(content)


def _column_properties(column: Column) -> list[tuple[str, Any]]:
    properties: list[tuple[str, Any]] = [("unit", column.unit)]
    decimals = 4 if column.unit == "percentunit" and column.decimals is None else column.decimals
    if decimals is not None:
        properties.append(("decimals", decimals))
    if column.names is not None:
        properties.extend(mapping_properties(column.names))
    return [*properties, *(threshold_properties(column.steps) if column.steps else ())]


def _target(query: Query, letter: str, *, instant: bool = False, rows: bool = False) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(letter).legend_format(query.legend or "__auto")
    target.datasource(DATASOURCE).editor_mode(QueryEditorMode.CODE)
    target.format(PromQueryFormat.TABLE if rows else PromQueryFormat.TIME_SERIES)
    return target.instant() if instant else target.range()


def _with_letters(queries: Sequence[Query]) -> list[tuple[Query, str]]:
    return [(query, _letter(number)) for number, query in enumerate(queries)]


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().display_mode(models.LegendDisplayMode.LIST).show_legend(True)
    return legend.placement(models.LegendPlacement.BOTTOM)


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(models.TooltipDisplayMode.MULTI).sort(models.SortOrder.DESCENDING)


def _property(name: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(name, value)


def _fixed_values(colour: str) -> list[DynamicConfigValue]:
    return [_property("color", {"mode": "fixed", "fixedColor": colour})]


def _data_link(title: str, url: str) -> DashboardLink:
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url)


def _product_links(name: str) -> list[dict[str, str]]:
    targets = {"Dashboard": product_dashboard(name), "Page": product_page(name)}
    return [{"title": title, "url": url} for title, url in targets.items()]
