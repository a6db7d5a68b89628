"""The shipped dashboards as Grafana reads them: panels, queries, variables, and what Grafana fills in."""

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
    """Return a shipped dashboard."""
    board: Json = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return board


def panels(board: Json) -> list[Json]:
    """Return the panels that are not rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets(board: Json) -> Iterator[tuple[str, Json]]:
    """Yield each query with its panel's title."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            yield panel["title"], target


def variables(board: Json) -> dict[str, Json]:
    """Return the variables by name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def filled(expr: str, values: Mapping[str, str]) -> str:
    """Return an expression with the variables replaced, as Grafana sends it."""
    return re.sub(r"\$(\w+)", lambda found: values[found.group(1)], expr)
