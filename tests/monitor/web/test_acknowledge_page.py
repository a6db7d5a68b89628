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
from sla.page_mark import Mark, page_marks
from tests.support.alerting import BAD, GOOD, ledger_with_receivers
from tests.support.ledgers import product
from tests.support.writable_site import WritableSite, writable

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[WritableSite]:
    ledger = ledger_with_receivers(
        product("forms", 1, "99%", name="Common <b>Forms</b>"),
        receivers=[{"id": "ops", "webhook": "https://ops.example.org/hook"}],
        public_url="https://status.example.org",
    )
    async with writable(ledger, tmp_path) as running_server:
        yield running_server


async def fails(site: WritableSite) -> str:
    site.harness.observe(GOOD, BAD, BAD)
    await site.harness.written()
    (alert,) = site.harness.alerting.open_alerts()
    return alert.key


async def test_get_of_acknowledge_link_shows_the_alert_without_acknowledging_it(site: WritableSite) -> None:
    """Mail scanners fetch every link, with GET and HEAD, and more than once."""
    link = site.link(await fails(site))
    for method in ("GET", "HEAD", "GET"):
        page = await site.page(method, link)
        assert page.status == 200
    assert "Common &lt;b&gt;Forms&lt;/b&gt; is down" in page.text
    assert re.findall(r'<button name="action" value="(\w+)"', page.text) == ["acknowledge", "useful", "noise"]
    assert '<form method="post"' in page.text
    assert site.journal == []
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("no-referrer", "no-store")


async def test_form_acknowledges_and_redirects_to_the_page(site: WritableSite) -> None:
    key = await fails(site)
    link = site.link(key)
    sent = await site.page("POST", link, action="acknowledge", by=" Ana Ng ")
    assert (sent.status, sent.headers["Location"]) == (303, link.rpartition("/")[2])
    (fact,) = acknowledgements(site.journal)
    assert (fact.key, fact.incident, fact.product, fact.by, fact.via, fact.author) == (
        key, key, "forms", "Ana Ng", "link", "",
    )  # fmt: skip
    assert site.harness.ledger.facts.all == site.journal
    assert "Acknowledged by Ana Ng at" in (await site.page("GET", link)).text


async def test_acknowledgement_without_a_name_has_the_receivers_name(site: WritableSite) -> None:
    link = site.link(await fails(site), receiver="on-call")
    await site.page("POST", link, action="acknowledge", by="")
    assert [fact.by for fact in acknowledgements(site.journal)] == ["on-call"]


@pytest.mark.parametrize(("action", "mark"), [("useful", Mark.USEFUL), ("noise", Mark.NOISE)])
@pytest.mark.parametrize("resolved", [False, True])
async def test_page_can_be_marked_while_the_alert_is_open_and_after_it_is_resolved(
    site: WritableSite, action: str, mark: Mark, *, resolved: bool
) -> None:
    key = await fails(site)
    if resolved:
        site.harness.observe(GOOD, GOOD)
        await site.harness.written()
    assert (await site.page("POST", site.link(key), action=action, by="Ana")).status == 303
    (actual,) = page_marks(site.journal)
    assert (actual.key, actual.mark, actual.by, actual.receiver, actual.product) == (key, mark, "Ana", "ops", "forms")
    page = await site.page("GET", site.link(key))
    assert f"Marked as {action} by Ana" in page.text
    assert ('value="acknowledge"' in page.text) is not resolved


async def test_resolved_alert_cannot_be_acknowledged(site: WritableSite) -> None:
    link = site.link(await fails(site))
    site.harness.observe(GOOD, GOOD)
    await site.harness.written()
    sent = await site.page("POST", link, action="acknowledge", by="Ana")
    assert (sent.status, "The alert is resolved" in sent.text) == (409, True)
    assert site.journal == []


async def test_page_of_a_forgotten_alert_can_be_marked(site: WritableSite) -> None:
    link = site.link("burn:forms:NinewatchBudgetBurnsFast:1790000000")
    page = await site.page("GET", link)
    assert (page.status, "The alert is resolved" in page.text) == (200, True)
    assert (await site.page("POST", link, action="acknowledge")).status == 404
    assert (await site.page("POST", link, action="noise")).status == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_wrong_expired_and_foreign_links_get_a_plain_error_page(site: WritableSite, method: str) -> None:
    key = await fails(site)
    good, fields = site.link(key), {"action": "acknowledge", "by": "Ana"} if method == "POST" else {}
    foreign = LinkSigner(b"another daemon's key, 32 bytes..").token(Claim(key, "ops", "forms", site.clock.now() + HOUR))
    expired = site.link(key, expires=site.clock.now())
    other = site.link("f" * 12).partition(".")[0] + "." + good.partition(".")[2]
    statuses = {}
    for link in (f"/acknowledge/{foreign}", other, good[:-1], good + "A", "/acknowledge/x", expired):
        response = await site.page(method, link, **fields)
        statuses[link] = response.status
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "<form" not in response.text
        assert key not in response.text
        assert link.rpartition("/")[2] not in response.text.replace("/", " ").split()
    assert list(statuses.values()) == [403] * 5 + [410]
    assert site.journal == []


async def test_link_expires(site: WritableSite) -> None:
    link = site.link(await fails(site))
    site.clock.jump(HOUR // SECOND - 1)
    assert (await site.page("GET", link)).status == 200
    site.clock.jump(1)
    assert (await site.page("GET", link)).status == 410


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
        {},
        {"by": "Ana"},
        {"action": "resolve"},
        {"action": ""},
        {"action": "acknowledge", "by": "x" * 101},
        {"action": "acknowledge", "by": "a\nb"},
        {"action": "useful", "by": "a\u202eb"},
        {f"f{number}": "x" for number in range(20)},
    ],
)
async def test_invalid_form_is_rejected(site: WritableSite, fields: dict[str, str]) -> None:
    link = site.link(await fails(site))
    assert (await site.ask("POST", link, data=fields or b"")).status == 400
    assert site.journal == []


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
async def test_body_of_another_content_type_is_rejected(site: WritableSite, kind: str) -> None:
    link = site.link(await fails(site))
    response = await site.ask("POST", link, data=b"action=acknowledge", headers={"Content-Type": kind})
    assert (response.status, site.journal) == (400, [])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_do_not_acknowledge(site: WritableSite, method: str) -> None:
    response = await site.ask(method, site.link(await fails(site)), data={"action": "acknowledge"})
    assert (response.status, site.journal) == (405, [])


async def test_action_in_the_query_is_rejected(site: WritableSite) -> None:
    link = site.link(await fails(site))
    assert (await site.ask("POST", f"{link}?action=acknowledge")).status == 400
    assert (await site.ask("GET", f"{link}?action=acknowledge&by=Ana")).status == 400
    assert site.journal == []


async def test_name_is_escaped(site: WritableSite) -> None:
    link = site.link(await fails(site))
    await site.page("POST", link, action="acknowledge", by=HOSTILE)
    text = (await site.page("GET", link)).text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


async def test_invalid_links_are_rate_limited_without_affecting_valid_ones(site: WritableSite) -> None:
    link = site.link(await fails(site))
    statuses = [(await site.page("GET", f"/acknowledge/{number}")).status for number in range(13)]
    assert statuses == [403] * 10 + [429] * 3
    assert (await site.page("GET", link)).status == 200


async def test_changes_through_one_link_are_rate_limited(site: WritableSite) -> None:
    link = site.link(await fails(site))
    statuses = [(await site.page("POST", link, action="noise", by=f"n{number}")).status for number in range(12)]
    assert statuses == [303] * 10 + [429] * 2


async def test_log_and_error_pages_do_not_contain_the_token(
    site: WritableSite, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    link = site.link(await fails(site))
    token, pages = link.rpartition("/")[2], ""
    with caplog.at_level(logging.DEBUG):
        await site.page("POST", link, action="acknowledge", by="Ana")
        pages += (await site.page("GET", site.link("x", expires=1) + "?a=b")).text
        pages += (await site.page("POST", link, action="nothing")).text
        site.harness.ledger.portfolio = None  # type: ignore[assignment]  # a defect in the handler
        broken = await site.page("GET", link)
    assert broken.status == 500
    assert token not in pages + broken.text + caplog.text + "".join(capsys.readouterr())


async def test_request_with_a_foreign_host_name_is_rejected(site: WritableSite) -> None:
    link = site.link(await fails(site))
    response = await site.ask("POST", link, headers={"Host": "evil.example"}, data={"action": "acknowledge"})
    assert (response.status, site.journal) == (421, [])
