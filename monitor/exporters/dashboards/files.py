"""The files of the dashboards: `dashboards/*.json` and the chart's copies; a test compares them with this code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard
from grafana_foundation_sdk.builders.dashboard import Row as RowPanel
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from monitor.exporters.dashboards import variables
from monitor.exporters.dashboards.alert_delivery import alert_delivery_rows
from monitor.exporters.dashboards.daemon import daemon_rows
from monitor.exporters.dashboards.expressions import OPEN_INCIDENTS
from monitor.exporters.dashboards.portfolio import portfolio_rows
from monitor.exporters.dashboards.product import product_rows
from monitor.exporters.dashboards.readiness import readiness_rows
from monitor.exporters.dashboards.style import BAD
from monitor.exporters.dashboards.variables import DATASOURCE, TAG

if TYPE_CHECKING:
    from monitor.exporters.dashboards.panels import Row

Variables = tuple[Callable[[], Builder[models.VariableModel]], ...]


@dataclass(frozen=True, slots=True)
class _Board:
    uid: str
    title: str
    description: str
    rows: Callable[[], Iterator[Row]]
    variables: Variables
    page: tuple[str, str] = ("Portfolio", "/")  # the page of ninewatch that it links to: title and path


BOARDS: Final[Mapping[str, _Board]] = {
    "portfolio": _Board(
        "ninewatch-portfolio",
        "ninewatch: portfolio",
        "State, verdicts, nines with bounds, error budgets and claim ceilings of all products.",
        portfolio_rows,
        (variables.products, variables.window),
    ),
    "product": _Board(
        "ninewatch-product",
        "ninewatch: product",
        "State, availability, error budget, incidents, blame and probes of one product.",
        product_rows,
        (variables.product, variables.window),
        ("Page of the product", "/products/${product}"),
    ),
    "readiness": _Board(
        "ninewatch-readiness",
        "ninewatch: readiness and drills",
        "Which objectives the readiness checklists support. Drills have no metrics yet.",
        readiness_rows,
        (variables.products,),
    ),
    "alert-delivery": _Board(
        "ninewatch-alert-delivery",
        "ninewatch: alert delivery",
        "Alerts that fire, and whether notifications reach their receivers and people.",
        alert_delivery_rows,
        (variables.products,),
        ("Runbook", "/runbook"),
    ),
    "daemon": _Board(
        "ninewatch-daemon",
        "ninewatch: daemon",
        "Health of the monitor itself: schedule, record, clock, anchors and resources.",
        daemon_rows,
        (variables.instances,),
        ("Runbook", "/runbook"),
    ),
}


def dashboard_file(name: str) -> str:
    """Return the text of dashboards/NAME.json."""
    return json.dumps(dashboard(name), cls=JSONEncoder, indent=2) + "\n"


def dashboard(name: str) -> models.Dashboard:
    """Return a dashboard. Its data source is a variable, and so is the address of ninewatch's pages."""
    board = BOARDS[name]
    found = Dashboard(board.title).uid(board.uid).description(board.description).tags([TAG, "sla"]).version(1)
    found.editable().timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR)
    found.time("now-24h", "now").refresh("30s")
    for variable in (variables.datasource, variables.job, *board.variables, variables.public_url):
        found.with_variable(variable())
    title, path = board.page
    found.link(variables.other_dashboards()).link(variables.page(title, path, "Open ninewatch's pages"))
    if variables.product in board.variables or variables.products in board.variables:
        found.annotation(_incidents())
    for row in board.rows():
        _add(found, row)
    return _numbered(found.build())


def _add(board: Dashboard, row: Row) -> None:
    board.with_row(RowPanel(row.title))
    for panel in row.panels:
        board.with_panel(panel)


def _numbered(board: models.Dashboard) -> models.Dashboard:
    """Give every panel an id of its own, which links to panels use."""
    for number, panel in enumerate(board.panels or (), 1):
        panel.id_val = number
    return board


def _incidents() -> AnnotationQuery:
    """Return annotations while a product has open incidents."""
    found = AnnotationQuery().name("Incidents").datasource(DATASOURCE).enable(True).icon_color(BAD)
    return found.expr(f"{OPEN_INCIDENTS} > 0")
