"""The table of incidents on the pages, and the links to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.probe_result import ProbeResult
from monitor.views.incident_line import DURATION_NOTE
from monitor.web.page import INCIDENTS
from sla.interval import DAY, MINUTE, SECOND
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
