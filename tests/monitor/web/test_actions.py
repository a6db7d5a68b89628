"""The forms of /actions: what the API accepts, from a page, with the person's role; errors are shown on the page."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from monitor.web import actions
from monitor.web.access import declaration_of
from monitor.web.errors import Refusal
from monitor.web.forms import FORMS
from sla.interval import HOUR
from sla.window import format_instant
from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import product
from tests.support.writable_server import Answer, WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

PROXY = {"proxy": {"from": ["127.0.0.0/8"], "roles": {"viewer": ["*"], "operator": ["ops"], "admin": ["sre"]}}}


class Operator:
    """A person behind the proxy, who sends forms as a browser does."""

    def __init__(self, server: WritableServer, groups: str = "ops", name: str = "Ana Ng") -> None:
        self.server = server
        self.headers = {"X-Forwarded-User": name, "X-Forwarded-Groups": groups, "Accept": "text/html"}

    async def open(self, path: str = "/actions") -> Answer:
        return await self.server.ask("GET", path, headers=self.headers)

    async def send(self, path: str, origin: str = "same-origin", **fields: str) -> Answer:
        headers = {**self.headers, "Sec-Fetch-Site": origin}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return await self.server.ask("POST", f"/actions/{path}", headers=headers, data=urlencode(fields))


@pytest.fixture
async def ana(tmp_path: Path) -> AsyncIterator[Operator]:
    ledger = ledger_with_receivers(product("forms"), product("sso"), receivers=[], login=PROXY)
    async with writable(ledger, tmp_path) as server:
        yield Operator(server)


def link_of(page: Answer, name: str) -> str:
    """Return the path below /actions/ of the first form whose path ends with the name."""
    match = re.search(rf'action="/actions/([^"]+/{name})"', page.text)
    assert match is not None, page.text
    return match[1]


def kinds(ana: Operator) -> list[tuple[str, str]]:
    return [(fact.kind, fact.author) for fact in ana.server.journal]


async def test_silence_is_added_shown_and_ended_without_a_script(ana: Operator) -> None:
    answer = await ana.send("silences", product="forms", **{"for": "2h"}, reason="load test")
    assert answer.status == 303, answer.text
    assert answer.headers["Location"] == "/actions?product=forms&done=silences#silences"
    page = await ana.open("/actions?product=forms&done=silences")
    assert "Silenced." in page.text
    assert "load test" in page.text
    assert "load test" not in (await ana.open("/actions?product=sso")).text
    assert (await ana.send(link_of(page, "end"))).status == 303
    assert kinds(ana) == [("silence", "Ana Ng"), ("silence_end", "Ana Ng")]
    assert "Nothing is silenced." in (await ana.open()).text


async def test_all_products_can_be_silenced_at_once(ana: Operator) -> None:
    assert (await ana.send("silences", product="*", **{"for": "1h"}, reason="storm")).status == 303
    assert "all products until" in (await ana.open()).text


async def test_maintenance_is_planned_in_local_time_changed_approved_and_cancelled(ana: Operator) -> None:
    day = {"start": "2027-01-10T20:00", "until": "2027-01-10T22:00", "reason": "upgrade"}
    assert (await ana.send("maintenance", product="forms", **day)).status == 303
    ledger = ana.server.harness.ledger
    (window,) = ledger.facts.stated_windows("forms")
    local = format_instant(window.interval.start)
    assert local == "2027-01-11T03:00:00Z"  # in British Columbia, it is summer time all year
    page = await ana.open()
    assert (await ana.send(link_of(page, "approve"))).status == 409
    ben = Operator(ana.server, name="Ben Li")
    assert (await ben.send(link_of(page, "approve"))).status == 303
    assert "approved by Ben Li" in (await ana.open()).text
    ana.server.clock.jump(60)
    assert (await ana.send(link_of(page, "change"), start="2027-01-11T20:00", **{"for": "1h"})).status == 303
    page = await ana.open()
    assert "approved by" not in page.text
    latest = ledger.facts.stated_windows("forms")[-1]
    assert (latest.reason, latest.interval.length) == ("upgrade", HOUR)
    assert (await ana.send(link_of(page, "end"), reason="not needed")).status == 303
    assert "No maintenance was added." in (await ana.open()).text


async def test_probes_are_paused_and_resumed(ana: Operator) -> None:
    assert (await ana.send("pauses", product="sso", **{"for": "2h"}, reason="move")).status == 303
    page = await ana.open()
    assert (await ana.send(link_of(page, "end"), reason="moved")).status == 303
    assert kinds(ana) == [("pause", "Ana Ng"), ("pause_end", "Ana Ng")]


async def test_past_time_is_excluded_and_the_correction_revoked(ana: Operator) -> None:
    now = ana.server.clock.now()
    span = {"start": format_instant(now - 2 * HOUR), "end": format_instant(now - HOUR)}
    assert (await ana.send("corrections", product="forms", **span, reason="probe account locked")).status == 303
    page = await ana.open()
    assert "probe account locked" in page.text
    assert (await ana.send(link_of(page, "revoke"), reason="wrong")).status == 303
    assert "No correction is in force." in (await ana.open()).text


async def test_review_of_objectives_is_recorded(ana: Operator) -> None:
    assert (await ana.send("reviews", product="forms", decision="raise", reason="clients need more")).status == 303
    assert kinds(ana) == [("objective_review", "Ana Ng")]
    assert ana.server.harness.ledger.facts.reviews("forms")[0].decision == "raise"
    refused = await ana.send("reviews", product="forms", decision="raise")
    assert (refused.status, "Not changed:" in refused.text) == (400, True)


async def test_drill_is_started_and_ended(ana: Operator) -> None:
    fields = {"product": "forms", "kind": "tabletop", "scenario": "Gold is lost", "participants": "Ana Ng, Ben Li"}
    answer = await ana.send("drills", **fields)
    assert answer.status == 303, answer.text
    page = await ana.open()
    assert "Gold is lost" in page.text
    assert (await ana.send(link_of(page, "end"))).status == 303
    assert "No drill is in progress." in (await ana.open()).text
    drill = ana.server.journal[0].content()
    assert drill["participants"] == ["Ana Ng", "Ben Li"]


BAD: list[tuple[str, dict[str, str], int, str]] = [
    ("silences", {"product": "forms", "for": "2h"}, 400, "reason is not a text on one line"),
    ("silences", {"product": "nothing", "for": "2h", "reason": "x"}, 404, "unknown product"),
    ("silences", {"product": "forms", "until": "tomorrow", "reason": "x"}, 400, "until is not a date and time"),
    ("silences", {"product": "forms", "until": "2001-01-01T00:00", "reason": "x"}, 400, "the end is in the past"),
    ("silences", {"product": "forms", "for": "2h", "reason": "x", "other": "y"}, 400, "unknown key"),
    ("corrections", {"reason": "x"}, 404, "unknown product"),
    ("drills", {"product": "forms", "kind": "party"}, 400, "unknown kind of drill"),
    ("maintenance/none/end", {"reason": "x"}, 404, "unknown maintenance window"),
]


@pytest.mark.parametrize(("path", "fields", "status", "problem"), BAD)
async def test_refused_form_is_shown_with_the_error_and_the_entered_values(
    ana: Operator, path: str, fields: dict[str, str], status: int, problem: str
) -> None:
    answer = await ana.send(path, **fields)
    assert answer.status == status
    assert problem in answer.text
    assert "<h1>Actions</h1>" in answer.text
    assert ana.server.journal == []
    assert "<script" not in answer.text


async def test_entered_text_is_kept_and_escaped(ana: Operator) -> None:
    answer = await ana.send("silences", product="forms", reason='"><b>x</b>')
    assert answer.status == 400
    assert "&#34;&gt;&lt;b&gt;x&lt;/b&gt;" in answer.text
    assert "<b>x</b>" not in answer.text


async def test_form_of_another_site_is_refused(ana: Operator) -> None:
    fields = {"product": "forms", "for": "2h", "reason": "x"}
    for origin in ("cross-site", "same-site", "none"):
        assert (await ana.send("silences", origin, **fields)).status == 403
    assert ana.server.journal == []


@pytest.mark.parametrize(
    "body", [{"json": {"product": "forms"}}, {"data": b"reason=\xff"}, {"data": "reason=a&reason=b"}]
)
async def test_body_that_is_not_a_form_is_refused(ana: Operator, body: dict[str, Any]) -> None:
    headers = {**ana.headers, "Sec-Fetch-Site": "same-origin"}
    if "data" in body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    answer = await ana.server.ask("POST", "/actions/silences", headers=headers, **body)
    assert (answer.status, ana.server.journal) == (400, [])


async def test_forms_and_their_links_are_for_operators_only(ana: Operator) -> None:
    assert 'href="/actions"' in (await ana.open("/")).text
    for groups in ("", "other"):
        viewer = Operator(ana.server, groups)
        assert (await viewer.open()).status == 403
        page = await viewer.open("/")
        assert 'href="/actions"' not in page.text
        assert "Ana Ng (viewer)" in page.text
        assert (await viewer.send("silences", product="forms", **{"for": "1h"}, reason="x")).status == 403
    assert ana.server.journal == []


async def test_person_without_a_sign_in_reads_what_to_do(ana: Operator, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    browser = {"Accept": "text/html"}
    page = await ana.server.ask("GET", "/changes", headers=browser)
    assert page.status == 401
    assert "This page needs a sign-in</h1><p>Open it at the address of the proxy" in page.text
    async with writable(ledger_with_receivers(product("forms"), receivers=[]), tmp_path / "other") as server:
        for path in ("/actions", "/changes"):
            page = await server.ask("GET", path, headers=browser)
            assert page.status == 401
            assert "needs a sign-in, and the configuration has none" in page.text
            assert "<code>ninewatch --help</code>" in page.text
            assert "TOKEN" not in page.text
        assert "send `Authorization: Bearer TOKEN`" in (await server.ask("GET", "/changes")).text


def test_every_form_needs_the_scope_of_its_api_route() -> None:
    from monitor.web import actions

    declared = {route.path: declaration_of(route.handler) for route in actions.routes}  # type: ignore[attr-defined]
    for path, form in FORMS.items():
        actual, expected = declared[f"/actions/{path}"], declaration_of(form.handler)
        assert actual is not None
        assert expected is not None
        assert (actual.role, actual.body) == (expected.role, True)


@contextlib.asynccontextmanager
async def failing(tmp_path: Path) -> AsyncIterator[Operator]:
    from tests.support.writable_server import open_alert

    ledger = ledger_with_receivers(product("forms"), receivers=[], login=PROXY)
    async with writable(ledger, tmp_path) as server:
        await open_alert(server)
        yield Operator(server)


async def test_open_alert_is_acknowledged_and_marked(tmp_path: Path) -> None:
    async with failing(tmp_path) as ana:
        page = await ana.open()
        assert (await ana.send(link_of(page, "acknowledge"))).status == 303
        assert "acknowledged by Ana Ng" in (await ana.open()).text
        assert (await ana.send(link_of(page, "mark"), mark="noise")).status == 303
        assert (await ana.send(link_of(page, "mark"), mark="bad")).status == 400
        assert kinds(ana) == [("acknowledgement", "Ana Ng"), ("page_mark", "Ana Ng")]


async def test_refusal_that_is_a_constant_keeps_no_form_in_memory(
    ana: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = Refusal(429, "too many changes", "wait")

    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(actions, "_body", refuse)
    for _ in range(2):
        assert "too many changes" in (await ana.send("silences", product="forms")).text
    assert refusal.__traceback__ is None
