"""The shipped dashboard can be imported, is consistent, and queries only existing metrics."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from monitor.exporters.grafana import dashboard, dashboard_file
from tests.support.metric_names import emitted, queried_metrics

BOARD = dashboard()
PANELS: list[dict[str, Any]] = BOARD["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]


@pytest.mark.parametrize("expr", [*EXPRESSIONS, BOARD["annotations"]["list"][0]["expr"]])
def test_query_uses_only_existing_metrics(expr: str) -> None:
    assert queried_metrics(expr)
    assert queried_metrics(expr) <= emitted()


def test_no_data_source_is_fixed() -> None:
    sources = [each["datasource"] for each in walk(BOARD) if "datasource" in each]
    assert sources
    assert {source["uid"] for source in sources} == {"${datasource}"}


def test_every_variable_of_a_query_is_defined() -> None:
    defined = {variable["name"] for variable in BOARD["templating"]["list"]}
    assert defined == {"datasource", "product", "window"}
    for expr in EXPRESSIONS:
        used = {name for name in ("product", "window") if f"${name}" in expr}
        leftover = expr.replace("$product", "").replace("$window", "").replace("$__rate_interval", "")
        assert used <= defined
        assert "$" not in leftover


def test_panels_have_unique_ids_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_panel_has_a_description_and_unique_query_letters() -> None:
    for panel in PANELS:
        if panel["type"] != "row":
            letters = [target["refId"] for target in panel["targets"]]
            assert panel["description"]
            assert len(set(letters)) == len(letters)


def test_availability_is_rounded_down() -> None:
    figures = next(panel for panel in PANELS if panel["title"].startswith("Figures"))
    for target in figures["targets"]:
        if "availability_ratio" in target["expr"]:
            assert target["expr"].startswith("floor(")


def test_table_renames_every_value_column() -> None:
    figures = next(panel for panel in PANELS if panel["type"] == "table")
    renamed = figures["transformations"][1]["options"]["renameByName"]
    assert set(renamed) == {f"Value #{target['refId']}" for target in figures["targets"]}
    assert set(renamed.values()) == {each["matcher"]["options"] for each in figures["fieldConfig"]["overrides"]}


def test_state_is_shown_in_words_and_colours() -> None:
    band = next(panel for panel in PANELS if panel["type"] == "state-timeline")
    mapping = band["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert [mapping[value]["text"] for value in ("0", "1", "2")] == ["unknown", "up", "DOWN"]


def test_shipped_file_equals_the_dashboard() -> None:
    assert json.loads(dashboard_file()) == BOARD


def walk(value: Any) -> list[dict[str, Any]]:
    """Yield every mapping in a document, including the document."""
    if isinstance(value, dict):
        return [value, *(each for inner in value.values() for each in walk(inner))]
    return [each for inner in value for each in walk(inner)] if isinstance(value, list) else []
