"""Variables and links that the dashboards share. Links carry the variables and the time range along.

A variable's id is its name, as Grafana sets it: variables with the same id would replace each other.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from monitor.exporters.rules import BASE
from sla.window import WINDOWS

TAG: Final = "ninewatch"
DATASOURCE: Final = DataSourceRef("prometheus", "${datasource}")
PUBLIC_URL: Final = BASE  # the chart replaces it
_ALL: Final = VariableOption(selected=True, text="All", value="$__all")
_KEPT: Final = "${datasource:queryparam}&${job:queryparam}&${public_url:queryparam}&${__url_time_range}"


def datasource() -> DatasourceVariable:
    """Return the choice of the Prometheus data source."""
    found = (
        DatasourceVariable("datasource")
        .id("datasource")
        .label("Data source")
        .description("The Prometheus that scrapes ninewatch.")
    )
    return found.type("prometheus")


def public_url() -> TextBoxVariable:
    """Return the address that links to ninewatch's pages start with."""
    chosen = VariableOption(selected=True, text=PUBLIC_URL, value=PUBLIC_URL)
    found = (
        TextBoxVariable("public_url")
        .id("public_url")
        .label("ninewatch")
        .default_value(PUBLIC_URL)
        .current(chosen)
        .options([chosen])
    )
    return found.description("Address of ninewatch's pages (`public_url`), for links.")


def job() -> QueryVariable:
    """Return the choice of the scrape job, for environments that publish the same products."""
    found = _labels("job", "Job", "ninewatch_config_reload_success")
    found.description("Scrape job. Choose one if several environments publish the same products.")
    return found.include_all(True).all_value(".*").current(_ALL)


def products() -> QueryVariable:
    """Return the choice of several products."""
    found = _labels("product", "Product", 'ninewatch_product_state{job=~"$job"}').description("The products shown.")
    return found.multi(True).include_all(True).all_value(".*").current(_ALL)


def product() -> QueryVariable:
    """Return the choice of one product."""
    return _labels("product", "Product", 'ninewatch_product_state{job=~"$job"}').description("The product shown.")


def instances() -> QueryVariable:
    """Return the choice of several daemons."""
    found = _labels("instance", "Daemon", 'ninewatch_config_reload_success{job=~"$job"}')
    found.description("The daemons shown.")
    return found.multi(True).include_all(True).all_value(".*").current(_ALL)


def window() -> CustomVariable:
    """Return the choice of the window of the figures."""
    options = [VariableOption(selected=name == "30d", text=name, value=name) for name in WINDOWS]
    found = CustomVariable("window").id("window").label("Window").values(",".join(WINDOWS)).options(options)
    found.description("Window of the figures, up to now.")
    return found.current(VariableOption(selected=True, text="30d", value="30d"))


def _labels(name: str, label: str, source: str) -> QueryVariable:
    query = f"label_values({source}, {name})"
    found = QueryVariable(name).id(name).label(label).datasource(DATASOURCE).query({"query": query, "refId": name})
    return found.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def other_dashboards() -> DashboardLink:
    """Return the menu of all dashboards of ninewatch."""
    found = DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    return found.include_vars(True).keep_time(True).icon("external link").tooltip("Other dashboards of ninewatch")


def page(title: str, path: str, tooltip: str) -> DashboardLink:
    """Return a link to one of ninewatch's pages."""
    found = DashboardLink(title).type(DashboardLinkType.LINK).url("${public_url:raw}" + path).target_blank(True)
    return found.icon("external link").tooltip(tooltip)


def product_dashboard(name: str) -> str:
    """Return the address of a product's dashboard; `name` is the expression of its id."""
    return f"/d/ninewatch-product?var-product={name}&{_KEPT}"


def product_page(name: str, part: str = "") -> str:
    """Return the address of a product's page, or of a part of it."""
    return "${public_url:raw}/products/" + name + (f"#{part}" if part else "")
