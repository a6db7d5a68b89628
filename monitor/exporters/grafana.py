"""The Grafana dashboard: `dashboards/portfolio.json` is `dashboard_file()`; a test compares them.

`monitor.exporters.dashboard_sections` has its content, `monitor.exporters.panels` the format of a panel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from monitor.exporters.dashboard_sections import PRODUCT, sections
from monitor.exporters.panels import DATASOURCE, RED, Json, flow
from sla.window import WINDOWS


def dashboard_file() -> str:
    """Return the text of dashboards/portfolio.json."""
    return json.dumps(dashboard(), indent=2) + "\n"


def dashboard() -> Json:
    """Return the portfolio dashboard. Data source and products are variables."""
    return {
        "uid": "ninewatch-portfolio",
        "title": "ninewatch: portfolio",
        "description": "State, measured availability with its bounds, downtime budgets and the monitor's own health.",
        "tags": ["ninewatch", "sla"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [_incidents()]},
        "templating": {"list": list(_variables())},
        "links": [],
        "panels": list(flow(sections())),
    }


def _variables() -> Iterator[Json]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0}
    query = "label_values(ninewatch_product_state, product)"
    yield {
        "name": "product",
        "label": "Product",
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "product"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
    chosen = "30d"
    yield {
        "name": "window",
        "label": "Window",
        "type": "custom",
        "query": ",".join(WINDOWS),
        "options": [{"text": name, "value": name, "selected": name == chosen} for name in WINDOWS],
        "current": {"text": chosen, "value": chosen},
    }


def _incidents() -> Json:
    """Return annotations where a product's first incident opens."""
    return {
        "name": "Incidents",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": RED,
        "expr": f"ninewatch_incidents_open{{{PRODUCT}}} > 0",
        "step": "60s",
        "titleFormat": "Incident: {{product}}",
    }
