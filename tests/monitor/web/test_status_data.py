"""The data of public status pages: JSON, Atom, badges and daily figures, with bounds and without invented figures."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from monitor.views.badges import BADGES, Badge
from monitor.views.status_page import status_page_view
from monitor.views.time_slice import TimeSlices
from sla.interval import MINUTE
from sla.localtime import day_of, midnight
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW
from tests.support.status_pages import PAGE, SECRET, maintenance, public_ledger, status_page, with_incidents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import CompleteResponse, RunningServer

    Publish = Callable[..., Awaitable[RunningServer]]

ATOM = "{http://www.w3.org/2005/Atom}"
NEW = {"id": "new", "name": "New service", "product": f"{SECRET}-other"}


async def fetched(server: RunningServer, name: str, media_type: str) -> CompleteResponse:
    """Return a file of the page, which other sites may read and embed."""
    answer = await server.get(f"/status/{PAGE}/{name}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"].startswith("public, max-age=")
    return answer


async def summary(server: RunningServer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((await fetched(server, "status.json", "application/json")).text)
    return body


async def test_summary_has_states_figures_incidents_and_maintenance(publish: Publish) -> None:
    ledger = public_ledger(page=status_page(host="status.example.org"), maintenance=[maintenance()])
    _, current = with_incidents(ledger)
    server = await publish(ledger)
    body = await summary(server)
    assert body["status"] == {"indicator": "major", "description": "Outage of 1 of 3 services: Online forms"}
    assert [(row["id"], row["status"], row["group"]) for row in body["components"]] == [
        ("sign-in", "operational", "Accounts"),
        ("mail", "unknown", "Accounts"),
        ("forms", "major_outage", None),
    ]
    figures = body["components"][0]["availability"]
    assert figures["low"] < figures["point"] < figures["high"] <= 1
    assert (figures["days"], 0.4 < figures["coverage"] < 0.5, body["figures"]) == (90, True, "contractual")
    (incident,) = body["incidents"]
    assert (incident["id"], incident["status"], incident["impact"]) == (current.id, "identified", "major")
    assert incident["shortlink"] == f"https://status.example.org/status/{PAGE}/incidents/{current.id}"
    assert [update["status"] for update in incident["incident_updates"]] == ["identified", "investigating"]
    assert body["scheduled_maintenances"][0]["components"] == ["Sign-in", "Online forms", "Messages"]


async def test_summary_of_missing_data_is_unknown_and_null(publish: Publish) -> None:
    server = await publish(public_ledger(page=status_page(components=[NEW])))
    body = await summary(server)
    assert (body["status"]["indicator"], body["components"][0]["status"], body["page"]["stale"]) == (
        "unknown",
        "unknown",
        True,
    )
    assert body["components"][0]["availability"]["point"] is None
    assert body["page"]["newest_observation_at"] is None


async def test_all_components_down_is_critical(publish: Publish) -> None:
    component = {"id": "forms", "name": "Forms", "product": f"{SECRET}-forms"}
    body = await summary(await publish(public_ledger(page=status_page(components=[component]))))
    assert body["status"]["indicator"] == "critical"


async def test_feed_has_an_entry_per_incident(publish: Publish) -> None:
    ledger = public_ledger(page=status_page(link="https://gov.example/state"))
    past, current = with_incidents(ledger)
    feed = ET.fromstring((await fetched(await publish(ledger), "feed.atom", "application/atom+xml")).text)  # noqa: S314 - our own
    assert feed.tag == f"{ATOM}feed"
    for parent, tags in (
        (feed, ("id", "title", "updated", "author")),
        (feed[-1], ("id", "title", "updated", "content")),
    ):
        assert all(parent.find(ATOM + tag) is not None for tag in tags)
    ids = [entry.findtext(f"{ATOM}id") for entry in feed.findall(f"{ATOM}entry")]
    assert ids == [f"urn:ninewatch:status-page:{PAGE}:{incident.id}" for incident in (current, past)]
    first = feed.findall(f"{ATOM}entry")[0]
    assert first.findtext(f"{ATOM}title") == "Online forms do not load (identified)"
    assert "A server failed.\nWe replace it." in (first.findtext(f"{ATOM}content") or "")
    links = [link.get("href") for link in feed.findall(f"{ATOM}link")]
    assert links == ["https://gov.example/state/feed.atom", "https://gov.example/state"]


async def test_feed_without_an_address_has_no_links(publish: Publish) -> None:
    text = (await fetched(await publish(public_ledger()), "feed.atom", "application/atom+xml")).text
    assert "href" not in text


async def test_badges_show_the_lower_bound_and_the_state(publish: Publish) -> None:
    server = await publish(public_ledger())
    image = (await fetched(server, "badges/availability/sign-in.svg", "image/svg+xml")).text
    assert "<title>Sign-in: 99.963%, at least 44." in image
    assert ET.fromstring(image).get("role") == "img"  # noqa: S314 - our own
    data = json.loads((await fetched(server, "badges/availability/sign-in.json", "application/json")).text)
    assert (data["schemaVersion"], data["label"], data["isError"]) == (1, "Sign-in", False)
    states = {}
    for name in ("sign-in", "forms", "mail"):
        badge = json.loads((await fetched(server, f"badges/state/{name}.json", "application/json")).text)
        states[badge["message"]] = badge["isError"]
    assert states == {"operational": False, "outage": False, "no current data": True}
    assert (await server.get(f"/status/{PAGE}/badges/state/none.svg")).status == 404


async def test_badge_without_data_has_no_figure(publish: Publish) -> None:
    server = await publish(public_ledger(page=status_page(components=[NEW])))
    data = json.loads((await fetched(server, "badges/availability/new.json", "application/json")).text)
    assert (data["message"], data["isError"]) == ("no data", True)


def test_text_of_a_badge_is_escaped() -> None:
    image = Badge('<b>"A" & B', "99%", "1b7340").svg()
    assert ET.fromstring(image).get("aria-label") == '<b>"A" & B: 99%'  # noqa: S314 - our own
    assert set(BADGES) == {"availability", "state"}


async def test_daily_figures_have_bounds_and_empty_cells_without_data(publish: Publish) -> None:
    server = await publish(public_ledger())
    package = json.loads((await fetched(server, "datapackage.json", "application/json")).text)
    rows = list(csv.DictReader(io.StringIO((await fetched(server, "daily.csv", "text/csv")).text)))
    (resource,) = package["resources"]
    assert [field["name"] for field in resource["schema"]["fields"]] == list(rows[0])
    assert package["licenses"] == [{"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}]
    assert len(rows) == 3 * 90
    keys = {(row["date"], row["component"]) for row in rows}
    assert len(keys) == len(rows)
    empty = rows[0]
    assert (empty["availability_low"], empty["availability"], empty["availability_high"]) == ("0", "", "1")
    assert (empty["downtime_seconds"], empty["coverage"], empty["complete"]) == ("", "0", "true")
    (outage,) = [row for row in rows if row["component"] == "sign-in" and row["downtime_low_seconds"] not in ("0", "")]
    assert float(outage["downtime_low_seconds"]) <= 20 * MINUTE / 1e6 <= float(outage["downtime_high_seconds"])
    assert float(outage["availability_low"]) < float(outage["availability"]) < float(outage["availability_high"])
    assert (rows[-1]["complete"], rows[-1]["excluded_seconds"]) == ("false", "0")


async def test_yesterday_is_complete_at_midnight() -> None:
    ledger = public_ledger()
    now = midnight(day_of(NOW, ledger.portfolio.zone), ledger.portfolio.zone)
    view = await status_page_view(ledger, ledger.portfolio.status_pages[0], now, TimeSlices(ManualClock(now)))
    assert [day.complete for day in view.components[0].daily[-3:]] == [True, True, False]


async def test_excluded_time_of_a_day_is_stated(publish: Publish) -> None:
    from tests.monitor.web.test_status_pages import excluding_ledger

    for figures, expected in (("contractual", 7_200.0), ("raw", 0.0)):
        server = await publish(excluding_ledger(figures))
        answer = await server.get(f"/status/{PAGE}/daily.csv")
        excluded = sum(float(row["excluded_seconds"]) for row in csv.DictReader(io.StringIO(answer.text)))
        assert excluded == expected


@pytest.mark.parametrize("name", ["daily.csv", "datapackage.json"])
async def test_daily_figures_without_a_licence_are_not_published(publish: Publish, name: str) -> None:
    server = await publish(public_ledger(page=status_page(licence=None)))
    assert (await server.get(f"/status/{PAGE}/{name}")).status == 404
    assert "daily.csv" not in (await server.get(f"/status/{PAGE}")).text
