"""The page that messages link to: GET shows the alert, POST acknowledges or marks it, invalid links are rejected."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.access.link import Claim, LinkSigner
from sla.acknowledgement import acknowledgements
from sla.interval import HOUR, SECOND
from sla.page_rating import Rating, page_ratings
from tests.support.alerting import GOOD, ledger_with_receivers
from tests.support.ledgers import product
from tests.support.writable_server import WritableServer, open_alert, writable

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    ledger = ledger_with_receivers(
        product("forms", 1, "99%", name="Common <b>Forms</b>"),
        receivers=[{"id": "ops", "webhook": "https://ops.example.org/hook"}],
        public_url="https://status.example.org",
    )
    async with writable(ledger, tmp_path) as running_server:
        yield running_server


async def test_get_of_acknowledge_link_shows_the_alert_without_acknowledging_it(server: WritableServer) -> None:
    """Mail scanners fetch every link, with GET and HEAD, and more than once."""
    link = server.link(await open_alert(server))
    for method in ("GET", "HEAD", "GET"):
        page = await server.page(method, link)
        assert page.status == 200
    assert "Common &lt;b&gt;Forms&lt;/b&gt; is down" in page.text
    assert re.findall(r'<button name="action" value="(\w+)"', page.text) == ["acknowledge", "useful", "noise"]
    assert '<form method="post"' in page.text
    assert server.journal == []
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("same-origin", "no-store")


async def test_form_acknowledges_and_redirects_to_the_page(server: WritableServer) -> None:
    key = await open_alert(server)
    link = server.link(key)
    sent = await server.page("POST", link, action="acknowledge", by=" Ana Ng ")
    assert (sent.status, sent.headers["Location"]) == (303, link.rpartition("/")[2])
    (fact,) = acknowledgements(server.journal)
    assert (fact.key, fact.incident, fact.product, fact.by, fact.via, fact.author) == (
        key, key, "forms", "Ana Ng", "link", "",
    )  # fmt: skip
    assert server.harness.ledger.facts.all == server.journal
    assert "Acknowledged by Ana Ng at" in (await server.page("GET", link)).text


async def test_acknowledgement_without_a_name_has_the_receivers_name(server: WritableServer) -> None:
    link = server.link(await open_alert(server), receiver="on-call")
    await server.page("POST", link, action="acknowledge", by="")
    assert [fact.by for fact in acknowledgements(server.journal)] == ["on-call"]


@pytest.mark.parametrize(("action", "mark"), [("useful", Rating.USEFUL), ("noise", Rating.NOISE)])
@pytest.mark.parametrize("resolved", [False, True])
async def test_page_can_be_marked_while_the_alert_is_open_and_after_it_is_resolved(
    server: WritableServer, action: str, mark: Rating, *, resolved: bool
) -> None:
    key = await open_alert(server)
    if resolved:
        server.harness.observe(GOOD, GOOD)
        await server.harness.written()
    assert (await server.page("POST", server.link(key), action=action, by="Ana")).status == 303
    (actual,) = page_ratings(server.journal)
    assert (actual.key, actual.rating, actual.by, actual.receiver, actual.product) == (key, mark, "Ana", "ops", "forms")
    page = await server.page("GET", server.link(key))
    assert f"Marked as {action} by Ana" in page.text
    assert ('value="acknowledge"' in page.text) is not resolved


async def test_resolved_alert_cannot_be_acknowledged(server: WritableServer) -> None:
    link = server.link(await open_alert(server))
    server.harness.observe(GOOD, GOOD)
    await server.harness.written()
    sent = await server.page("POST", link, action="acknowledge", by="Ana")
    assert (sent.status, "The alert is resolved" in sent.text) == (409, True)
    assert server.journal == []


async def test_page_of_a_forgotten_alert_can_be_marked(server: WritableServer) -> None:
    link = server.link("burn:forms:NinewatchBudgetBurnsFast:1790000000")
    page = await server.page("GET", link)
    assert (page.status, "The alert is resolved" in page.text) == (200, True)
    assert (await server.page("POST", link, action="acknowledge")).status == 404
    assert (await server.page("POST", link, action="noise")).status == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_wrong_expired_and_foreign_links_get_a_plain_error_page(server: WritableServer, method: str) -> None:
    key = await open_alert(server)
    good, fields = server.link(key), {"action": "acknowledge", "by": "Ana"} if method == "POST" else {}
    foreign = LinkSigner(b"another daemon's key, 32 bytes..").token(
        Claim(key, "ops", "forms", server.clock.now() + HOUR)
    )
    expired = server.link(key, expires=server.clock.now())
    other = server.link("f" * 12).partition(".")[0] + "." + good.partition(".")[2]
    statuses = {}
    for link in (f"/acknowledge/{foreign}", other, good[:-1], good + "A", "/acknowledge/x", expired):
        response = await server.page(method, link, **fields)
        statuses[link] = response.status
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "<form" not in response.text
        assert key not in response.text
        assert link.rpartition("/")[2] not in response.text.replace("/", " ").split()
    assert list(statuses.values()) == [403] * 5 + [410]
    assert server.journal == []


async def test_link_expires(server: WritableServer) -> None:
    link = server.link(await open_alert(server))
    server.clock.jump(HOUR // SECOND - 1)
    assert (await server.page("GET", link)).status == 200
    server.clock.jump(1)
    assert (await server.page("GET", link)).status == 410


async def test_link_is_valid_after_a_restart_with_the_same_key(tmp_path: Path) -> None:
    def ledger() -> object:
        return ledger_with_receivers(
            product("forms", 1, "99%"), receivers=[{"id": "ops", "webhook": "https://a.example/"}]
        )

    async with writable(ledger(), tmp_path) as first:  # type: ignore[arg-type]
        link = first.link("4f0c1d2e3a4b")
    async with writable(ledger(), tmp_path) as second:  # type: ignore[arg-type]
        assert (await second.page("GET", link)).status == 200
    (tmp_path / "ninewatch.db.link-key").unlink()
    async with writable(ledger(), tmp_path) as third:  # type: ignore[arg-type]
        assert (await third.page("GET", link)).status == 403


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "resolve"},
        {"action": ""},
        {"action": "acknowledge", "by": "x" * 101},
        {"action": "acknowledge", "by": "a\nb"},
        {"action": "useful", "by": "a\u202eb"},
        {f"f{number}": "x" for number in range(20)},
    ],
)
async def test_invalid_form_is_rejected(server: WritableServer, fields: dict[str, str]) -> None:
    link = server.link(await open_alert(server))
    assert (await server.ask("POST", link, data=fields)).status == 400
    assert server.journal == []


@pytest.mark.parametrize(("body", "by"), [(b"", "ops"), ({"by": "Ana"}, "Ana")])
async def test_post_without_an_action_acknowledges(server: WritableServer, body: object, by: str) -> None:
    """A program that follows the documentation of the link sends a POST, and knows no fields of the form."""
    link = server.link(await open_alert(server))
    assert (await server.ask("POST", link, data=body)).status == 303
    assert [fact.by for fact in acknowledgements(server.journal)] == [by]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
async def test_body_of_another_content_type_is_rejected(server: WritableServer, kind: str) -> None:
    link = server.link(await open_alert(server))
    response = await server.ask("POST", link, data=b"action=acknowledge", headers={"Content-Type": kind})
    assert (response.status, server.journal) == (400, [])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_do_not_acknowledge(server: WritableServer, method: str) -> None:
    response = await server.ask(method, server.link(await open_alert(server)), data={"action": "acknowledge"})
    assert (response.status, server.journal) == (405, [])


async def test_action_in_the_query_is_rejected(server: WritableServer) -> None:
    link = server.link(await open_alert(server))
    assert (await server.ask("POST", f"{link}?action=acknowledge")).status == 400
    assert (await server.ask("GET", f"{link}?action=acknowledge&by=Ana")).status == 400
    assert server.journal == []


async def test_name_is_escaped(server: WritableServer) -> None:
    link = server.link(await open_alert(server))
    await server.page("POST", link, action="acknowledge", by=HOSTILE)
    text = (await server.page("GET", link)).text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


async def test_invalid_links_are_rate_limited_without_affecting_valid_ones(server: WritableServer) -> None:
    link = server.link(await open_alert(server))
    statuses = [(await server.page("GET", f"/acknowledge/{number}")).status for number in range(13)]
    assert statuses == [403] * 10 + [429] * 3
    assert (await server.page("GET", link)).status == 200


async def test_changes_through_one_link_are_rate_limited(server: WritableServer) -> None:
    link = server.link(await open_alert(server))
    statuses = [(await server.page("POST", link, action="noise", by=f"n{number}")).status for number in range(12)]
    assert statuses == [303] * 10 + [429] * 2


async def test_log_and_error_pages_do_not_contain_the_token(
    server: WritableServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    link = server.link(await open_alert(server))
    token, pages = link.rpartition("/")[2], ""
    with caplog.at_level(logging.DEBUG):
        await server.page("POST", link, action="acknowledge", by="Ana")
        pages += (await server.page("GET", server.link("x", expires=1) + "?a=b")).text
        pages += (await server.page("POST", link, action="nothing")).text
        server.harness.ledger.portfolio = None  # type: ignore[assignment]  # a defect in the handler
        broken = await server.page("GET", link)
    assert broken.status == 500
    assert token not in pages + broken.text + caplog.text + "".join(capsys.readouterr())


async def test_request_with_a_foreign_host_name_is_rejected(server: WritableServer) -> None:
    link = server.link(await open_alert(server))
    response = await server.ask("POST", link, headers={"Host": "evil.example"}, data={"action": "acknowledge"})
    assert (response.status, server.journal) == (421, [])
