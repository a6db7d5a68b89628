"""Variables and links that several dashboards use. Links pass on the variables and the time range.

The id of a variable is its name, because variables with the same id would replace each other in Grafana.
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
PUBLIC_URL: Final = BASE  # the Helm chart replaces it
_ALL: Final = VariableOption(selected=True, text="All", value="$__all")
_PASSED_ON: Final = "${datasource:queryparam}&${job:queryparam}&${public_url:queryparam}&${__url_time_range}"


def datasource() -> DatasourceVariable:
    """Return the variable for the Prometheus data source."""
    variable = (
        DatasourceVariable("datasource")
        .id("datasource")
        .label("Data source")
        .description("The Prometheus that scrapes ninewatch.")
    )
    return variable.type("prometheus")


def public_url() -> TextBoxVariable:
    """Return the variable for the address of ninewatch's pages."""
    default = VariableOption(selected=True, text=PUBLIC_URL, value=PUBLIC_URL)
    variable = (
        TextBoxVariable("public_url")
        .id("public_url")
        .label("ninewatch")
        .default_value(PUBLIC_URL)
        .current(default)
        .options([default])
    )
    return variable.description("Address of ninewatch's pages (`public_url`), for links.")


def job() -> QueryVariable:
    """Return the variable for the scrape job, which distinguishes environments with the same products."""
    variable = _labels("job", "Job", "ninewatch_config_reload_success")
    variable.description("Scrape job. Choose one if several environments publish the same products.")
    return variable.include_all(True).all_value(".*").current(_ALL)


def products() -> QueryVariable:
    """Return the variable for several products."""
    variable = _labels("product", "Product", 'ninewatch_product_state{job=~"$job"}').description("The products shown.")
    return variable.multi(True).include_all(True).all_value(".*").current(_ALL)


def product() -> QueryVariable:
    """Return the variable for one product."""
    return _labels("product", "Product", 'ninewatch_product_state{job=~"$job"}').description("The product shown.")


def instances() -> QueryVariable:
    """Return the variable for several daemons."""
    variable = _labels("instance", "Daemon", 'ninewatch_config_reload_success{job=~"$job"}')
    variable.description("The daemons shown.")
    return variable.multi(True).include_all(True).all_value(".*").current(_ALL)


def window() -> CustomVariable:
    """Return the variable for the window of the figures."""
    options = [VariableOption(selected=name == "30d", text=name, value=name) for name in WINDOWS]
    variable = CustomVariable("window").id("window").label("Window").values(",".join(WINDOWS)).options(options)
    variable.description("Window of the figures, up to now.")
    return variable.current(VariableOption(selected=True, text="30d", value="30d"))


def _labels(name: str, label: str, source: str) -> QueryVariable:
    query = f"label_values({source}, {name})"
    variable = QueryVariable(name).id(name).label(label).datasource(DATASOURCE).query({"query": query, "refId": name})
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def other_dashboards() -> DashboardLink:
    """Return the menu with all dashboards of ninewatch."""
    link = DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    return link.include_vars(True).keep_time(True).icon("external link").tooltip("Other dashboards of ninewatch")


def page(title: str, path: str, tooltip: str) -> DashboardLink:
    """Return a link to one of ninewatch's pages."""
    link = DashboardLink(title).type(DashboardLinkType.LINK).url("${public_url:raw}" + path).target_blank(True)
    return link.icon("external link").tooltip(tooltip)


def product_dashboard(name: str) -> str:
    """Return the URL of a product's dashboard. `name` is the product's id or a Grafana expression for it."""
    return f"/d/ninewatch-product?var-product={name}&{_PASSED_ON}"


def product_page(name: str, part: str = "") -> str:
    """Return the URL of a product's page, or of a section of the page."""
    return "${public_url:raw}/products/" + name + (f"#{part}" if part else "")
