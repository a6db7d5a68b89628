"""The dashboards can be imported into any Grafana, are consistent, and query only published metrics."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from monitor.exporters.dashboards import style
from monitor.exporters.dashboards.files import DASHBOARDS
from tests.support import dashboards
from tests.support.colour_vision import DEFICIENCIES, distance
from tests.support.metric_names import emitted_families, queried_metrics

BOARDS = {name: dashboards.read(name) for name in dashboards.NAMES}
EACH_BOARD = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
PROVISIONING = ("dashboards.yaml", "datasource.yaml")
BUILT_IN = {"__rate_interval", "__url_time_range", "__field", "__data"}


def test_all_dashboards_have_files_with_stable_uids() -> None:
    """The uids must not change, because links and bookmarks contain them."""
    assert set(DASHBOARDS) == set(BOARDS)
    assert [board["uid"] for board in BOARDS.values()] == [
        "ninewatch-portfolio",
        "ninewatch-product",
        "ninewatch-readiness",
        "ninewatch-alert-delivery",
        "ninewatch-daemon",
    ]


@EACH_BOARD
def test_dashboard_is_unchanged_after_a_round_trip_through_the_sdk(board: dashboards.Json) -> None:
    register_default_plugins()
    reloaded = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert reloaded == board


@EACH_BOARD
def test_queries_use_only_published_metrics(board: dashboards.Json) -> None:
    for title, target in dashboards.targets(board):
        metrics = queried_metrics(target["expr"])
        assert metrics <= emitted_families(), title
        assert metrics or re.search(r"\b(up|ALERTS|process_\w+)\{", target["expr"]), title


def test_published_metrics_are_shown_in_a_dashboard() -> None:
    """Metrics that are not shown are listed here with the reason."""
    names = {
        name
        for board in BOARDS.values()
        for _, target in dashboards.targets(board)
        for name in queried_metrics(target["expr"])
    }
    hidden = {
        "probe_success": "ninewatch_check_up shows it, for as long as it is valid",
        "ninewatch_product_up": "ninewatch_product_state includes the unknown state",
        "ninewatch_check_outage": "the table of open incidents shows the check",
        "ninewatch_observations_total": "ninewatch_probes_total shows the same rates",
        "ninewatch_time_zone_database_info": "for support only",
        "ninewatch_claim_ceiling_ratio": "ninewatch_readiness_ceiling_ratio has the same value",
        "ninewatch_journey_pending": "for support only: published while a clean-up of a journey is due",
        "ninewatch_journey_possibly_left_behind": "for support only: published once a journey left data behind",
        "ninewatch_latency_alerting_burn_rate": "ninewatch_latency_burn_rate has the same value while it fires",
        "ninewatch_anchor_failures_total": "the age of the anchored head shows it",
    }
    published = {name for name in emitted_families() if name.startswith(("ninewatch_", "probe_"))}
    assert published - names - set(hidden) == set()
    assert set(hidden) & names == set()


@EACH_BOARD
def test_data_source_is_a_variable(board: dashboards.Json) -> None:
    sources = [node["datasource"] for node in walk(board) if "datasource" in node]
    assert sources
    assert {source["uid"] for source in sources} == {"${datasource}"}


@EACH_BOARD
def test_used_variables_equal_defined_variables(board: dashboards.Json) -> None:
    text = json.dumps({key: value for key, value in board.items() if key != "templating"})
    defined_variables = dashboards.variables(board)
    used_variables = set(re.findall(r"\$\{?([a-z_]\w*)", text)) - BUILT_IN
    assert used_variables == set(defined_variables)
    assert all(variable["description"] for variable in defined_variables.values())
    # Grafana stores variables by their id.
    assert [variable["id"] for variable in defined_variables.values()] == list(defined_variables)


@EACH_BOARD
def test_panels_have_ids_and_fill_the_grid_without_overlap(board: dashboards.Json) -> None:
    panels = board["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    positions = [panel["gridPos"] for panel in panels]
    assert all(position["x"] + position["w"] <= 24 for position in positions)
    for one, other in combinations(positions, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    for top in {position["y"] for position in positions}:
        assert sum(position["w"] for position in positions if position["y"] == top) == 24


@EACH_BOARD
def test_panels_have_descriptions_and_unique_query_letters(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        assert panel["description"].endswith("."), panel["title"]
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(letters)) == len(letters)


@EACH_BOARD
def test_missing_values_are_shown_as_unknown_or_gaps(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        if panel["type"] != "text":
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["noValue"] == "unknown", panel["title"]
            assert not defaults.get("custom", {}).get("spanNulls"), panel["title"]


@EACH_BOARD
def test_printed_availability_is_rounded_down(board: dashboards.Json) -> None:
    """Only 1 is shown as 100 %."""
    for panel in dashboards.panels(board):
        if panel["type"] in ("table", "stat"):
            for target in panel["targets"]:
                if "availability_ratio" in target["expr"] and "bool" not in target["expr"]:
                    assert target["expr"].startswith("floor("), panel["title"]


@EACH_BOARD
def test_tables_rename_value_columns_to_headings(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        if panel["type"] == "table" and panel["transformations"][0]["id"] == "joinByField":
            renamed = panel["transformations"][1]["options"]["renameByName"]
            overridden = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
            assert set(renamed) == {f"Value #{target['refId']}" for target in panel["targets"]}
            assert set(renamed.values()) == overridden - {"product"}


@EACH_BOARD
def test_dashboards_link_to_each_other_and_to_pages(board: dashboards.Json) -> None:
    others, page = board["links"]
    assert (others["type"], others["tags"], others["includeVars"], others["keepTime"]) == (
        "dashboards", ["ninewatch"], True, True,
    )  # fmt: skip
    assert "ninewatch" in board["tags"]
    assert page["url"].startswith("${public_url:raw}/")
    uids = {other["uid"] for other in BOARDS.values()}
    assert set(re.findall(r"/d/([\w-]+)", json.dumps(board))) <= uids


def test_rows_of_products_link_to_dashboard_and_page() -> None:
    linked_panels = 0
    for board in BOARDS.values():
        for panel in dashboards.panels(board):
            links = [node for node in walk(panel) if "url" in node and "title" in node]
            assert [link["title"] for link in links] in ([], ["Dashboard", "Page"])
            linked_panels += bool(links)
    assert linked_panels >= 5


def test_provisioning_files_use_the_folder_of_the_instructions() -> None:
    files = {name: yaml.safe_load((dashboards.FOLDER / "provisioning" / name).read_text()) for name in PROVISIONING}
    (provider,) = files["dashboards.yaml"]["providers"]
    (source,) = files["datasource.yaml"]["datasources"]
    assert (provider["type"], source["type"]) == ("file", "prometheus")
    instructions = (dashboards.FOLDER / "README.md").read_text()
    assert f"cp dashboards/*.json {provider['options']['path']}/\n" in instructions
    assert all(f"dashboards/provisioning/{name} /etc/grafana/provisioning/" in instructions for name in PROVISIONING)
    assert {f"{name}.json" for name in BOARDS} == {path.name for path in dashboards.FOLDER.glob("*.json")}


@EACH_BOARD
def test_states_are_shown_as_text_and_colour(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        if panel["type"] == "state-timeline":
            (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
            assert all(option["text"] and option["color"] for option in mapping["options"].values())


@EACH_BOARD
def test_dashboards_use_only_colours_of_the_palette(board: dashboards.Json) -> None:
    colours = {
        str(node[key]) for node in walk(board) for key in ("color", "fixedColor") if isinstance(node.get(key), str)
    }
    assert colours <= {*style.LINES, style.GOOD, style.WARNING, style.BAD, style.UNKNOWN}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_state_colours_are_distinguishable_with_every_deficiency(deficiency: str) -> None:
    for one, other in combinations((style.GOOD, style.WARNING, style.BAD, style.UNKNOWN), 2):
        assert distance(one, other, deficiency) > 20, (one, other)


def test_colour_distance_rejects_grafanas_green_and_red() -> None:
    """Grafana's green and red are hard to distinguish with deuteranopia."""
    assert distance("#73BF69", "#F2495C", "deuteranopia") < 20 < 60 < distance("#73BF69", "#F2495C", "none")


def walk(value: Any) -> list[dict[str, Any]]:
    """Return all mappings in a document, including the document itself."""
    if isinstance(value, dict):
        return [value, *(node for inner in value.values() for node in walk(inner))]
    return [node for inner in value for node in walk(inner)] if isinstance(value, list) else []
