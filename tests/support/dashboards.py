"""Read the dashboard files: panels, queries and variables, and expressions with values of variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "dashboards"
NAMES = ("portfolio", "product", "readiness", "alert-delivery", "daemon")

Json = dict[str, Any]


def read(name: str) -> Json:
    """Return the dashboard in a file of `dashboards/`."""
    board: Json = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return board


def panels(board: Json) -> list[Json]:
    """Return the panels without rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets(board: Json) -> Iterator[tuple[str, Json]]:
    """Yield the title of the panel and the query, for all queries."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            yield panel["title"], target


def variables(board: Json) -> dict[str, Json]:
    """Return the variables of a dashboard by their names."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def with_values(expr: str, values: Mapping[str, str]) -> str:
    """Return an expression with the variables replaced by values, like Grafana sends it."""
    return re.sub(r"\$(\w+)", lambda match: values[match.group(1)], expr)
