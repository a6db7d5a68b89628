"""The shipped dashboards import anywhere, are consistent, and ask only for what is published."""

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
from monitor.exporters.dashboards.files import BOARDS
from tests.support import dashboards
from tests.support.colour_vision import DEFICIENCIES, distance
from tests.support.metric_names import emitted, queried_metrics

READ = {name: dashboards.read(name) for name in dashboards.NAMES}
EACH = pytest.mark.parametrize("board", READ.values(), ids=READ)
PROVISIONING = ("dashboards.yaml", "datasource.yaml")
BUILT_IN = {"__rate_interval", "__url_time_range", "__field", "__data"}


def test_every_dashboard_is_shipped() -> None:
    """Their uids stay, because links and bookmarks have them."""
    assert set(BOARDS) == set(READ)
    assert [board["uid"] for board in READ.values()] == [
        "ninewatch-portfolio",
        "ninewatch-product",
        "ninewatch-readiness",
        "ninewatch-alert-delivery",
        "ninewatch-daemon",
    ]


@EACH
def test_a_dashboard_survives_a_round_trip_through_the_sdk(board: dashboards.Json) -> None:
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert again == board


@EACH
def test_a_query_asks_only_for_metrics_that_the_daemon_publishes(board: dashboards.Json) -> None:
    for title, target in dashboards.targets(board):
        own = queried_metrics(target["expr"])
        assert own <= emitted(), title
        assert own or re.search(r"\b(up|ALERTS|process_\w+)\{", target["expr"]), title


def test_what_the_daemon_publishes_is_shown_somewhere() -> None:
    """Metrics that no panel shows are named here with the reason."""
    shown = {
        name
        for board in READ.values()
        for _, target in dashboards.targets(board)
        for name in queried_metrics(target["expr"])
    }
    hidden = {
        "probe_success": "ninewatch_check_up shows it, and holds it for as long as it is valid",
        "ninewatch_product_up": "ninewatch_product_state has the unknown state too",
        "ninewatch_check_outage": "the table of open incidents names the check",
        "ninewatch_observations_total": "ninewatch_probes_total shows the same rates",
        "ninewatch_time_zone_database_info": "for support only",
        "ninewatch_anchor_failures_total": "shown by the age of the anchored head",
    }
    published = {name for name in emitted() if name.startswith(("ninewatch_", "probe_"))}
    assert published - shown - set(hidden) == set()
    assert set(hidden) & shown == set()


@EACH
def test_the_data_source_is_a_variable(board: dashboards.Json) -> None:
    sources = [each["datasource"] for each in walk(board) if "datasource" in each]
    assert sources
    assert {source["uid"] for source in sources} == {"${datasource}"}


@EACH
def test_variables_that_are_used_are_defined_and_all_are_used(board: dashboards.Json) -> None:
    text = json.dumps({key: value for key, value in board.items() if key != "templating"})
    defined = dashboards.variables(board)
    used = set(re.findall(r"\$\{?([a-z_]\w*)", text)) - BUILT_IN
    assert used == set(defined)
    assert all(variable["description"] for variable in defined.values())
    # Grafana stores variables by their id.
    assert [variable["id"] for variable in defined.values()] == list(defined)


@EACH
def test_panels_have_ids_and_do_not_overlap_and_fill_the_width(board: dashboards.Json) -> None:
    panels = board["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    for top in {place["y"] for place in places}:
        assert sum(place["w"] for place in places if place["y"] == top) == 24


@EACH
def test_a_panel_has_a_description_and_its_queries_have_letters_of_their_own(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        assert panel["description"].endswith("."), panel["title"]
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(letters)) == len(letters)


@EACH
def test_no_value_reads_unknown_and_lines_have_gaps(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        if panel["type"] != "text":
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["noValue"] == "unknown", panel["title"]
            assert not defaults.get("custom", {}).get("spanNulls"), panel["title"]


@EACH
def test_availability_is_rounded_down_where_it_is_printed(board: dashboards.Json) -> None:
    """Nothing below 1 prints as 100 %."""
    for panel in dashboards.panels(board):
        if panel["type"] in ("table", "stat"):
            for target in panel["targets"]:
                if "availability_ratio" in target["expr"] and "bool" not in target["expr"]:
                    assert target["expr"].startswith("floor("), panel["title"]


@EACH
def test_a_table_renames_every_value_column_to_its_heading(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        if panel["type"] == "table" and panel["transformations"][0]["id"] == "joinByField":
            renamed = panel["transformations"][1]["options"]["renameByName"]
            overridden = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
            assert set(renamed) == {f"Value #{target['refId']}" for target in panel["targets"]}
            assert set(renamed.values()) == overridden - {"product"}


@EACH
def test_a_dashboard_links_to_the_others_and_to_the_pages(board: dashboards.Json) -> None:
    others, page = board["links"]
    assert (others["type"], others["tags"], others["includeVars"], others["keepTime"]) == (
        "dashboards", ["ninewatch"], True, True,
    )  # fmt: skip
    assert "ninewatch" in board["tags"]
    assert page["url"].startswith("${public_url:raw}/")
    uids = {each["uid"] for each in READ.values()}
    assert set(re.findall(r"/d/([\w-]+)", json.dumps(board))) <= uids


def test_the_rows_of_products_link_to_their_dashboard_and_page() -> None:
    linked = 0
    for board in READ.values():
        for panel in dashboards.panels(board):
            links = [each for each in walk(panel) if "url" in each and "title" in each]
            assert [link["title"] for link in links] in ([], ["Dashboard", "Page"])
            linked += bool(links)
    assert linked >= 5


def test_the_provisioning_files_name_the_folder_that_the_instructions_fill() -> None:
    read = {name: yaml.safe_load((dashboards.FOLDER / "provisioning" / name).read_text()) for name in PROVISIONING}
    (provider,) = read["dashboards.yaml"]["providers"]
    (source,) = read["datasource.yaml"]["datasources"]
    assert (provider["type"], source["type"]) == ("file", "prometheus")
    instructions = (dashboards.FOLDER / "README.md").read_text()
    assert f"cp dashboards/*.json {provider['options']['path']}/\n" in instructions
    assert all(f"dashboards/provisioning/{name} /etc/grafana/provisioning/" in instructions for name in PROVISIONING)
    assert {f"{name}.json" for name in READ} == {path.name for path in dashboards.FOLDER.glob("*.json")}


@EACH
def test_states_are_shown_in_words_as_well_as_colours(board: dashboards.Json) -> None:
    for panel in dashboards.panels(board):
        if panel["type"] == "state-timeline":
            (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
            assert all(each["text"] and each["color"] for each in mapping["options"].values())


@EACH
def test_only_colours_of_the_palette_are_used(board: dashboards.Json) -> None:
    colours = {
        str(each[key]) for each in walk(board) for key in ("color", "fixedColor") if isinstance(each.get(key), str)
    }
    assert colours <= {*style.LINES, style.GOOD, style.WARNING, style.BAD, style.UNKNOWN}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_differ_for_every_kind_of_colour_vision(deficiency: str) -> None:
    for one, other in combinations((style.GOOD, style.WARNING, style.BAD, style.UNKNOWN), 2):
        assert distance(one, other, deficiency) > 20, (one, other)


def test_the_check_of_colours_refuses_green_and_red() -> None:
    """Grafana's green and red, which were used before, are hard to tell apart with deuteranopia."""
    assert distance("#73BF69", "#F2495C", "deuteranopia") < 20 < 60 < distance("#73BF69", "#F2495C", "none")


def walk(value: Any) -> list[dict[str, Any]]:
    """Return every mapping inside a document, the document included."""
    if isinstance(value, dict):
        return [value, *(each for inner in value.values() for each in walk(inner))]
    return [each for inner in value for each in walk(inner)] if isinstance(value, list) else []
