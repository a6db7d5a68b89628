"""The table of incidents on the pages, and the links to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.probe_result import ProbeResult
from monitor.views.incident_line import DURATION_NOTE
from monitor.views.outage_line import incidents_by_outage, longest, outage_line
from monitor.web.page import INCIDENTS
from sla.interval import DAY, MINUTE, SECOND
from sla.product_incident import ProductIncident, Severity
from tests.monitor.web.test_pages import outline
from tests.support.ledgers import (
    BAD,
    BAD_RESULT,
    GOOD_RESULT,
    NOW,
    history,
    ledger_of,
    observe,
    probe_all,
    product,
    resolved_incidents,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import RunningServer


async def test_open_incident_shows_its_downtime_so_far(server: RunningServer) -> None:
    server.clock.jump(MINUTE / SECOND)
    assert "6m so far" in (await outline(server, "/products/css")).text


async def test_incident_duration_and_downtime_are_shown_to_the_same_precision(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """Both are shown as "so far" while the incident is open, and a note explains why they may differ."""
    ledger = ledger_of(product("css"))
    [entry] = ledger.entries_of("css")
    observations = (
        (30.0, GOOD_RESULT),
        (20.0, BAD_RESULT),
        (15.0, BAD_RESULT),
        (9.5, GOOD_RESULT),
        (9.0, GOOD_RESULT),
        (3.5, BAD_RESULT),
        (0.0, BAD_RESULT),
    )
    for ago, result in observations:
        observe(ledger, entry, NOW - int(ago * SECOND), result)
    server = await publish(ledger)
    text = (await outline(server, "/products/css")).text
    assert "11s 13s" in text
    assert "3.5s so far 6.25s so far" in text
    assert DURATION_NOTE in text


async def test_incident_shows_its_first_and_last_failure_as_text(server: RunningServer) -> None:
    (css,) = server.ledger.entries_of("css")
    response = ProbeResult(BAD, "body_mismatch", 200, {}, "$['ready'] is <b>false</b>")
    observe(server.ledger, css, NOW + MINUTE, response)
    text = (await server.get("/products/css")).text
    assert '<span class="sub">status 503: 503 Service Unavailable</span>' in text
    assert '<span class="sub">last: status 200: $[&#39;ready&#39;] is &lt;b&gt;false&lt;/b&gt;</span>' in text


async def test_incident_before_the_window_is_marked_as_before_it(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    outages = [(NOW - 40 * DAY, NOW - 40 * DAY + 4 * MINUTE, "deadline"), (NOW - DAY, NOW - DAY + MINUTE, "deadline")]
    ledger = ledger_of(product("css"))
    runs = history("css/health", NOW - 50 * DAY, NOW, outages)
    ledger.restore(runs, [], resolved_incidents("css/health", outages))
    server = await publish(ledger)
    text = (await outline(server, "/products/css")).text
    assert text.count("before the last 30 days") == 1
    assert "0s in the last 30 days" not in text


async def test_budget_policy_links_the_open_incident_to_its_page(server: RunningServer) -> None:
    (incident,) = server.ledger.open_incidents("css")
    page = await outline(server, "/products/css")
    assert f"An incident is open: {incident.id}" in page.text
    assert {"href": f"/incidents/{incident.id}"} in page.attributes_of("a")


async def test_table_shows_the_newest_incidents_and_the_number_of_all(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(product("css", 2, objective="50%"))
    down, flapping = ledger.entries_of("css")
    start = NOW - (6 * INCIDENTS + 10) * MINUTE
    probe_all(ledger, [down], start, start + 2 * MINUTE)
    probe_all(ledger, [down], start + 3 * MINUTE, NOW, BAD_RESULT)
    for cycle in range(INCIDENTS):
        first = start + (10 + 6 * cycle) * MINUTE
        probe_all(ledger, [flapping], first, first + 2 * MINUTE, BAD_RESULT)
        probe_all(ledger, [flapping], first + 3 * MINUTE, first + 5 * MINUTE)
    server = await publish(ledger)
    (incident,) = ledger.open_incidents("css")
    page = await outline(server, "/products/css")
    assert f"Newest {INCIDENTS} of {INCIDENTS + 1} incidents" in page.text
    assert {"href": f"/incidents/{incident.id}"} in page.attributes_of("a")
    assert {"id": f"incident-{incident.id}"} not in page.attributes_of("tr")


async def test_outage_of_several_checks_is_one_row_with_its_checks_inside(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(product("css", 3))
    entries = list(ledger.entries_of("css"))
    for entry, start in zip(entries[:2], (20, 10), strict=True):
        probe_all(ledger, [entry], NOW - 30 * MINUTE, NOW - (start + 1) * MINUTE)
        probe_all(ledger, [entry], NOW - start * MINUTE, NOW - 5 * MINUTE, BAD_RESULT)
    probe_all(ledger, entries[:1], NOW - 4 * MINUTE, NOW)
    probe_all(ledger, entries[1:2], NOW - 4 * MINUTE, NOW, BAD_RESULT)
    ids = {incident.check: incident.id for incident in ledger.incidents}
    outage = ProductIncident("outage", "css", NOW - 20 * MINUTE, None, Severity.PAGE, tuple(ids.values()))
    ledger.product_incidents[outage.id] = outage
    server = await publish(ledger)
    for path in ("/", "/products/css"):
        page = await outline(server, path)
        rows = [row for row in page.attributes_of("tr") if (row.get("id") or "").startswith("incident-")]
        assert rows == [{"id": f"incident-{ids['css/check-1']}"}]  # the open check is the first one
        assert page.attributes_of("a").count({"href": "/incidents/outage"}) >= 1
        assert "health, check-1 , incident of" in page.text
        assert "check-1: http_status" in page.text
        assert "health (recovered): http_status" in page.text
        assert "20m so far" in page.text
        assert "An outage of several checks is one incident" in page.text
    assert "1 open incident" in (await outline(server, "/")).text
    listed = await (await server.get("/api/v1/incidents")).json()
    assert sorted(row["id"] for row in listed) == sorted(ids.values())


def test_row_shows_the_open_checks_and_counts_the_incidents_that_it_does_not_show() -> None:
    ledger = ledger_of(product("css", 2))
    down, flapping = ledger.entries_of("css")
    probe_all(ledger, [down], NOW - 60 * MINUTE, NOW - 50 * MINUTE)
    probe_all(ledger, [down], NOW - 49 * MINUTE, NOW, BAD_RESULT)
    for cycle in range(8):
        first = NOW - (48 - 6 * cycle) * MINUTE
        probe_all(ledger, [flapping], first, first + 2 * MINUTE, BAD_RESULT)
        probe_all(ledger, [flapping], first + 3 * MINUTE, first + 5 * MINUTE)
    ids = dict.fromkeys((incident.id for incident in ledger.incidents), "outage")
    (members,) = incidents_by_outage(ledger.incidents, ids)
    line = outage_line(ledger, members, NOW, ids)
    assert (line.path, line.checks, line.more) == ("/incidents/outage", ["health", "check-1"], 4)
    assert [incident.check for incident in line.incidents] == ["health", *["check-1"] * 4]
    assert (line.open, line.duration) == (True, 49 * MINUTE)


def test_outages_are_ordered_by_their_start_newest_first() -> None:
    ledger = ledger_of(product("css", 2), product("sso"))
    for entry, start in zip(ledger.entries.values(), (30, 10, 20), strict=True):
        probe_all(ledger, [entry], NOW - 40 * MINUTE, NOW - (start + 1) * MINUTE)
        probe_all(ledger, [entry], NOW - start * MINUTE, NOW, BAD_RESULT)
    ids = {incident.id: "outage" for incident in ledger.incidents if incident.product == "css"}
    outages = incidents_by_outage(ledger.incidents, ids)
    assert [[incident.check for incident in members] for members in outages] == [
        ["sso/health"],
        ["css/health", "css/check-1"],
    ]
    assert longest(outages[1], NOW).check == "css/health"
