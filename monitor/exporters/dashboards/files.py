"""Generate the files of the dashboards: `dashboards/*.json` and the copies in the Helm chart."""

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
class _DashboardSpec:
    uid: str
    title: str
    description: str
    rows: Callable[[], Iterator[Row]]
    variables: Variables
    page: tuple[str, str] = ("Portfolio", "/")  # title and path of the linked page of ninewatch


DASHBOARDS: Final[Mapping[str, _DashboardSpec]] = {
    "portfolio": _DashboardSpec(
        "ninewatch-portfolio",
        "ninewatch: portfolio",
        "State, verdicts, nines with bounds, error budgets and claim ceilings of all products.",
        portfolio_rows,
        (variables.products, variables.window),
    ),
    "product": _DashboardSpec(
        "ninewatch-product",
        "ninewatch: product",
        "State, availability, error budget, incidents, dependencies and probes of one product.",
        product_rows,
        (variables.product, variables.window),
        ("Page of the product", "/products/${product}"),
    ),
    "readiness": _DashboardSpec(
        "ninewatch-readiness",
        "ninewatch: readiness and drills",
        "Objectives that the readiness checklists support, last drills, sites, and transactions in flight.",
        readiness_rows,
        (variables.products,),
    ),
    "alert-delivery": _DashboardSpec(
        "ninewatch-alert-delivery",
        "ninewatch: alert delivery",
        "Firing alerts, delivery of notifications, and acknowledgements.",
        alert_delivery_rows,
        (variables.products,),
        ("Runbook", "/runbook"),
    ),
    "daemon": _DashboardSpec(
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
    """Build a dashboard. The data source and the address of ninewatch's pages are variables."""
    spec = DASHBOARDS[name]
    builder = Dashboard(spec.title).uid(spec.uid).description(spec.description).tags([TAG, "sla"]).version(1)
    builder.editable().timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR)
    builder.time("now-24h", "now").refresh("30s")
    for variable in (variables.datasource, variables.job, *spec.variables, variables.public_url):
        builder.with_variable(variable())
    title, path = spec.page
    builder.link(variables.other_dashboards()).link(variables.page(title, path, "Open ninewatch's pages"))
    if variables.product in spec.variables or variables.products in spec.variables:
        builder.annotation(_incidents())
    for row in spec.rows():
        _add_row(builder, row)
    return _with_panel_ids(builder.build())


def _add_row(board: Dashboard, row: Row) -> None:
    board.with_row(RowPanel(row.title))
    for panel in row.panels:
        board.with_panel(panel)


def _with_panel_ids(board: models.Dashboard) -> models.Dashboard:
    """Set a unique id on every panel, for links to panels."""
    for number, panel in enumerate(board.panels or (), 1):
        panel.id_val = number
    return board


def _incidents() -> AnnotationQuery:
    """Return annotations for the times with open incidents."""
    annotation = AnnotationQuery().name("Incidents").datasource(DATASOURCE).enable(True).icon_color(BAD)
    return annotation.expr(f"{OPEN_INCIDENTS} > 0")
