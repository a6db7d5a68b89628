"""The page /calendar with its forms, and the calendar feeds: who may read them, and what they contain."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import icalendar
import pytest

from monitor.access.scopes import Scope
from monitor.access.tokens import TokenFile
from monitor.config.maintenance import Maintenance
from monitor.facts.planned_maintenance import planned_exclusions
from monitor.views.calendar_feed import AHEAD, MAX_EVENTS, private_feed, public_feed
from monitor.web import status_data
from sla.interval import DAY, HOUR, Interval
from sla.window import format_instant
from tests.monitor.web.test_actions import PROXY, Operator
from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import NOW, ledger_of, product
from tests.support.status_pages import PAGE, SECRET, maintenance, public_ledger
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

WEEKLY = {
    "start": "2026-09-06T02:30",
    "end": "2026-09-06T04:30",
    "rrule": "FREQ=WEEKLY;BYDAY=SU",
    "zone": "America/New_York",
    "reason": "patches",
}


@pytest.fixture
async def ana(tmp_path: Path) -> AsyncIterator[Operator]:
    products = product("forms", name="Online forms", maintenance=[WEEKLY]), product("sso", name="Sign-in")
    async with writable(ledger_with_receivers(*products, receivers=[], login=PROXY), tmp_path) as server:
        yield Operator(server)


def events(text: str) -> list[icalendar.Component]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def facts_of(event: icalendar.Component) -> tuple[str, str, int]:
    return str(event["UID"]), str(event["STATUS"]), int(event["SEQUENCE"])


async def plan(ana: Operator, **fields: str) -> Any:
    return await ana.send("maintenance", page="calendar", **fields)


async def subscribed(server: WritableServer, token: str) -> list[icalendar.Component]:
    answer = await server.ask("GET", f"/calendar/{token}/maintenance.ics")
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return events(answer.text)


async def test_window_is_planned_changed_and_cancelled_on_the_page(ana: Operator) -> None:
    token = ana.server.token(Scope.CALENDAR_READ, products=["sso"])
    answer = await plan(ana, product="sso", start="2026-09-23T02:00", reason="upgrade", **{"for": "2h"})
    assert (answer.status, answer.headers["Location"]) == (303, "/calendar?done=maintenance")
    page = await ana.open("/calendar?done=maintenance")
    assert "Maintenance planned." in page.text
    (planned,) = await subscribed(ana.server, token)
    assert planned["SUMMARY"] == "Maintenance: Sign-in"
    assert planned["DESCRIPTION"] == "upgrade (planned by Ana Ng)"
    uid = str(planned["UID"])
    (window,) = set(re.findall(r"/actions/maintenance/(\w+)/change", page.text))
    ana.server.clock.jump(60)
    answer = await ana.send(f"maintenance/{window}/change", page="calendar", start="2026-09-24T02:00", **{"for": "3h"})
    assert answer.status == 303, answer.text
    (changed,) = await subscribed(ana.server, token)
    assert facts_of(changed) == (uid, "CONFIRMED", 1)
    assert changed.end - changed.start == timedelta(hours=3)
    page = await ana.open("/calendar")
    (window,) = set(re.findall(r"/actions/maintenance/(\w+)/end", page.text))
    await ana.send(f"maintenance/{window}/end", page="calendar", reason="not needed")
    assert [facts_of(event) for event in await subscribed(ana.server, token)] == [(uid, "CANCELLED", 2)]
    page = await ana.open("/calendar")
    assert "cancelled</span>" in page.text
    assert f"/actions/maintenance/{window}" not in page.text


async def test_refused_form_is_shown_with_its_fields_on_the_page(ana: Operator) -> None:
    answer = await plan(ana, product="sso", start="2020-01-01T02:00", reason="upgrade", **{"for": "2h"})
    assert answer.status == 400
    assert "<h1>Maintenance</h1>" in answer.text
    assert "the start is in the past" in answer.text
    assert 'value="2020-01-01T02:00"' in answer.text


async def test_viewer_sees_no_forms(ana: Operator) -> None:
    await plan(ana, product="*", reason="power", **{"for": "2h"})
    viewer = Operator(ana.server, groups="other")
    page = await viewer.open("/calendar?product=sso")
    assert "All products</strong>" in page.text
    assert "power" in page.text
    assert "patches" not in page.text
    assert '<form method="post"' not in page.text
    assert (await viewer.open("/calendar?product=none")).status == 404
    assert (await viewer.open("/calendar?days=31")).status == 400


async def test_past_and_present_maintenance_are_in_their_sections(ana: Operator) -> None:
    await plan(ana, product="sso", reason="migration", **{"for": "3h"})
    sections = re.split(r'<h2 id="(now|upcoming|past|subscribe)">', (await ana.open("/calendar?days=30")).text)
    text = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert "migration" in text["now"]
    assert [text[name].count("patches") for name in ("now", "upcoming", "past")] == [0, 4, 3]


async def test_feed_needs_a_token_that_may_do_nothing_else_and_can_be_revoked(ana: Operator) -> None:
    server = ana.server
    assert (await server.ask("GET", "/calendar.ics")).status == 401
    token = server.token(Scope.CALENDAR_READ)
    assert len(events((await server.ask("GET", "/calendar.ics", token)).text)) > 20
    assert (await server.ask("GET", "/calendar.ics", server.token(Scope.READ))).status == 200
    assert (await server.ask("GET", "/api/v1/products", token)).status == 403
    assert len(await subscribed(server, token)) > 20
    both = await server.ask("GET", f"/calendar/{server.token(Scope.READ, Scope.CALENDAR_READ)}/maintenance.ics")
    assert both.status == 403
    file = TokenFile.of(server.record)
    stored = file.find(token)
    assert stored is not None
    file.revoke(stored, "Ana Ng", server.clock.now())
    for wrong in (token, "nw_0", server.token(Scope.CALENDAR_READ, expires=server.clock.now())):
        assert (await server.ask("GET", f"/calendar/{wrong}/maintenance.ics")).status == 401


async def test_token_of_a_product_reads_its_maintenance_only(ana: Operator) -> None:
    await plan(ana, product="sso", reason="migration", **{"for": "3h"})
    await plan(ana, product="*", reason="power", **{"for": "3h"})
    token = ana.server.token(Scope.CALENDAR_READ, products=["sso"])
    sent_in_header = await ana.server.ask("GET", "/calendar.ics", token)
    for rows in (await subscribed(ana.server, token), events(sent_in_header.text)):
        assert {str(row["SUMMARY"]) for row in rows} == {"Maintenance: Sign-in", "Maintenance: all products"}
    assert (await ana.server.ask("GET", "/calendar.ics?product=forms", token)).status == 403


async def test_unchanged_feed_is_not_sent_again(ana: Operator) -> None:
    token = ana.server.token(Scope.CALENDAR_READ)
    first = await ana.server.ask("GET", "/calendar.ics", token)
    again = await ana.server.ask("GET", "/calendar.ics", token, headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.text) == (304, "")
    await plan(ana, product="sso", reason="migration", **{"for": "3h"})
    changed = await ana.server.ask("GET", "/calendar.ics", token, headers={"If-None-Match": first.headers["Etag"]})
    assert changed.status == 200


def test_times_are_those_of_the_record_when_clocks_change() -> None:
    """The zone changes its clocks on 1 November 2026 and on 14 March 2027, when 02:30 does not exist."""
    ledger = ledger_of(product("forms", maintenance=[WEEKLY]))
    now = int(datetime(2026, 10, 20, tzinfo=UTC).timestamp()) * 1_000_000
    rows = events(private_feed(ledger.facts, ledger.portfolio, now).decode())
    block = Maintenance.model_validate(WEEKLY)
    span = Interval(now - 31 * DAY, now + AHEAD)
    expected = [exclusion.interval for exclusion in planned_exclusions([block], span)]
    assert [int(row.start.timestamp()) * 1_000_000 for row in rows] == [interval.start for interval in expected]
    assert [int(row.end.timestamp()) * 1_000_000 for row in rows] == [interval.end for interval in expected]
    assert {row["DTSTART"].dt.tzname() for row in rows} == {"UTC"}
    local = {interval.start % DAY // 60_000_000 for interval in expected}
    assert local == {6 * 60 + 30, 7 * 60 + 30, 7 * 60}  # EDT, EST, and the first instant after the gap


def test_feed_has_the_closest_events_and_valid_lines() -> None:
    daily = {**WEEKLY, "rrule": "FREQ=DAILY", "reason": "π" * 100 + ", and; more"}
    ledger = ledger_of(*(product(f"p-{number}", maintenance=[daily]) for number in range(6)))
    body = private_feed(ledger.facts, ledger.portfolio, NOW)
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
    rows = events(body.decode())
    assert len(rows) == MAX_EVENTS
    assert len({str(row["UID"]) for row in rows}) == MAX_EVENTS
    assert max(row.start for row in rows) < datetime.fromtimestamp((NOW + AHEAD) / 1e6, UTC)


async def test_public_feed_is_computed_once_until_a_fact_or_five_minutes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def counted(facts: Any, portfolio: Any, page: Any, now: int, spoken: Any) -> bytes:
        computed.append(now)
        return public_feed(facts, portfolio, page, now, spoken)

    monkeypatch.setattr(status_data, "public_feed", counted)
    async with writable(public_ledger(maintenance=[maintenance(NOW + DAY)]), tmp_path) as server:
        path, token = f"/status/{PAGE}/maintenance.ics", server.token(Scope.FACTS_WRITE)
        first = await server.ask("GET", path)
        again = await server.ask("GET", path, headers={"If-None-Match": first.headers["Etag"]})
        assert (again.status, len(computed)) == (304, 1)
        body = {"product": f"{SECRET}-sso", "for": "1h", "reason": "upgrade", "start": format_instant(NOW + 2 * DAY)}
        assert (await server.ask("POST", "/api/v1/maintenance", token, json=body)).status == 201
        assert len(events((await server.ask("GET", path)).text)) == 2
        server.clock.jump(299)
        assert (await server.ask("GET", path)).status == 200
        assert len(computed) == 2
        server.clock.jump(1)
        assert (await server.ask("GET", path)).status == 200
        assert len(computed) == 3


async def test_public_feed_has_component_names_and_nothing_private(tmp_path: Path) -> None:
    plans = [maintenance(NOW + DAY), maintenance(NOW + 3 * DAY)]
    ledger = public_ledger(maintenance=plans)
    async with writable(ledger, tmp_path) as server:
        token = server.token(Scope.FACTS_WRITE, name=f"{SECRET} author")
        body = {"product": f"{SECRET}-sso", "for": "1h", "reason": f"{SECRET} reason"}
        body["start"] = format_instant(NOW + 2 * DAY)
        added = await server.ask("POST", "/api/v1/maintenance", token, json=body)
        other = await server.ask("POST", "/api/v1/maintenance", token, json={**body, "product": f"{SECRET}-other"})
        assert (added.status, other.status) == (201, 201)
        answer = await server.ask("GET", f"/status/{PAGE}/maintenance.ics")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert SECRET not in answer.text
        assert added.body["id"] not in answer.text
        every = "Maintenance: Sign-in, Online forms, Messages"
        assert [str(row["SUMMARY"]) for row in events(answer.text)] == [every, "Maintenance: Sign-in", every]
        before = facts_of(events(answer.text)[1])
        server.clock.jump(60)
        change = {"start": format_instant(NOW + 2 * DAY + HOUR)}
        await server.ask("POST", f"/api/v1/maintenance/{added.body['id']}/change", token, json={**change, "for": "1h"})
        after = events((await server.ask("GET", f"/status/{PAGE}/maintenance.ics")).text)[1]
        assert facts_of(after) == (before[0], "CONFIRMED", 1)
        assert f"/status/{PAGE}/maintenance.ics" in (await server.page("GET", f"/status/{PAGE}")).text
