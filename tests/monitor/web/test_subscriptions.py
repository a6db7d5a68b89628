"""Subscribe to a status page: real pages over HTTP, and mails to a real mail server."""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.access.subscriptions import MAX_LINKS, PENDING_FOR, subscriptions_path
from sla.interval import SECOND
from tests.monitor.web.test_pages import Outline
from tests.support.subscribers import ADDRESS, ALL, link, subscriber_world

if TYPE_CHECKING:
    from pathlib import Path

FORM = "/status/citizens/subscribe"


def stored(folder: Path) -> str:
    """Return the text of the file of addresses. Empty without a file."""
    path = subscriptions_path(folder / "ninewatch.db")
    return path.read_text() if path.exists() else ""


async def test_address_gets_messages_only_after_its_confirmation(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        assert (await world.request()).headers["Location"] == f"{FORM}/requested"
        world.publish()
        (mail,) = await world.mails()
        assert (mail["To"], mail["From"]) == ("Reader.One@example.net", "status@example.org")
        assert mail["Subject"] == "Services: confirm your subscription"
        path = link(mail, "confirm")
        shown = await world.server.page("GET", path)
        assert "Confirm your address" in Outline(shown.text).text
        assert shown.headers["Cache-Control"] == "no-store"
        world.server.clock.jump(60)
        assert await world.mails() == [], "a fetched link confirms nothing"
        assert (await world.post(path, [])).status == 303
        world.server.clock.jump(60)
        assert await world.mails() == [], "updates of the time before are not sent"
        world.publish("They fail again.")
        (mail,) = await world.mails()
        assert "They fail again." in mail.get_content()
        assert "zq" not in re.sub(r"https://\S+", "", mail["Subject"] + mail.get_content())
        assert [(await world.post(path, [])).status, (await world.server.page("GET", path)).status] == [410, 410]


async def test_every_mail_has_the_headers_and_the_link_to_leave(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        manage = await world.subscribe()
        world.publish()
        (mail,) = await world.mails()
        sent = dict(mail.raw_items())  # without the decoding that mail programs do not do for these headers
        assert sent["List-Unsubscribe"] == f"<https://status.example.org{manage}>"
        assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert link(mail, "subscription") == manage


@pytest.mark.parametrize("multipart", [True, False])
async def test_one_click_of_a_mail_program_erases_the_address(tmp_path: Path, *, multipart: bool) -> None:
    async with subscriber_world(tmp_path) as world:
        manage = await world.subscribe()
        assert ADDRESS.lower() in stored(tmp_path).lower()
        body, kind = "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
        if multipart:
            kind = "multipart/form-data; boundary=b"
            body = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
        answer = await world.server.ask("POST", manage, data=body, headers={"Content-Type": kind})
        assert answer.status == 200
        assert stored(tmp_path) == ""
        world.publish()
        assert await world.mails() == []
        assert (await world.server.ask("POST", manage, data=body, headers={"Content-Type": kind})).status == 200
        assert (await world.server.page("GET", manage)).status == 410


async def test_components_and_kinds_are_chosen_and_changed(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        manage = await world.subscribe(fields=[("component", "sign-in"), ("kind", "incidents")])
        world.publish(components=("forms",))
        assert await world.mails() == []
        world.publish(components=("sign-in",))
        (mail,) = await world.mails()
        assert "Affected: Sign-in" in mail.get_content()
        assert (await world.post(manage, [("action", "save")])).status == 400
        saved = await world.post(manage, [("action", "save"), *ALL[:2], ("kind", "maintenance")])
        assert "Your choice was saved." in (await world.server.page("GET", saved.headers["Location"])).text
        world.server.clock.jump(60)
        world.publish("Again.")
        assert await world.mails() == []


async def test_button_erases_the_address_from_the_file_and_the_queues(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        manage = await world.subscribe()
        world.mailbox.answer = "451 later"
        world.publish()
        await world.server.harness.update()
        await world.server.harness.idle()
        (waiting,) = world.server.harness.alerting.outbox.waiting()
        assert waiting.attempts == 1
        assert (await world.post(manage, [("action", "leave")])).headers["Location"] == f"{FORM}/left"
        world.mailbox.answer = "250 OK"
        await world.server.clock.advance(3)  # longer than the delay before the second attempt
        assert await world.mails() == []
        rows = [row.body + row.key + row.error for row in world.server.harness.rows()]
        assert [text for text in (*rows, stored(tmp_path)) if "example.net" in text.lower()] == []


async def test_responses_do_not_reveal_whether_an_address_is_subscribed(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        first = await world.request()
        (mail,) = await world.mails()
        pending = await world.request()
        await world.mails()
        await world.post(link(mail, "confirm"), [])
        confirmed = await world.request(fields=ALL[:1] + ALL[2:3])
        other = await world.request("other@example.net")
        answers = {
            (answer.status, answer.text, answer.headers["Location"]) for answer in (first, pending, confirmed, other)
        }
        assert len(answers) == 1
        mails = {mail["To"]: mail for mail in await world.mails()}
        assert mails[ADDRESS]["Subject"] == "Services: your subscription"
        world.publish(components=("sign-in",))
        assert ADDRESS in {mail["To"] for mail in await world.mails()}, "the request of another changed nothing"


async def test_unconfirmed_address_is_erased_after_two_days(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        await world.request()
        (mail,) = await world.mails()
        world.server.clock.jump(PENDING_FOR // SECOND - 1)
        await world.mails()
        assert "example.net" in stored(tmp_path)
        world.server.clock.jump(61)
        assert (await world.post(link(mail, "confirm"), [])).status == 410
        await world.mails()
        assert stored(tmp_path) == ""


async def test_an_address_gets_few_links_and_a_network_sends_few_requests(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        sent = 0
        for _ in range(MAX_LINKS + 2):
            assert (await world.request()).status == 303
            sent += len(await world.mails())
            world.server.clock.jump(60)
        assert sent == MAX_LINKS
        statuses = [(await world.request(f"reader{number}@example.net")).status for number in range(12)]
        assert statuses[-1] == 429
        assert statuses[0] == 303


@pytest.mark.parametrize(
    "address", ["", "x", "a@b", "a@example.net\r\nBcc: b@example.org", "a,b@example.org", "é@x.org"]
)
async def test_invalid_address_gets_the_form_with_the_reason(tmp_path: Path, address: str) -> None:
    async with subscriber_world(tmp_path) as world:
        answer = await world.request(address)
        assert answer.status == 400
        assert "Write one e-mail address" in answer.text
        assert stored(tmp_path) == ""
        nothing_chosen = await world.request(fields=[("kind", "incidents")])
        assert (nothing_chosen.status, "Choose a service" in nothing_chosen.text) == (400, True)


async def test_form_has_the_collection_notice_and_needs_no_script(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        answer = await world.server.page("GET", FORM)
        text = Outline(answer.text).text
        assert "Freedom of Information and Protection of Privacy Act" in text
        assert "Questions: Privacy officer, 250-555-0100" in text
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert 'data-kind="form"' in answer.text, "the script does not replace what a reader writes"
        assert f'href="{FORM}"' in (await world.server.page("GET", "/status/citizens")).text


async def test_links_of_another_page_or_purpose_are_refused(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path) as world:
        await world.request()
        (mail,) = await world.mails()
        confirm, manage = link(mail, "confirm"), link(mail, "subscription")
        swapped = confirm.replace("/confirm/", "/subscription/")
        for path in (swapped, manage.replace("/subscription/", "/confirm/"), manage[:-1]):
            assert (await world.server.page("GET", path)).status == 403, path


async def test_page_without_a_subscription_has_no_form(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path, subscribe=None) as world:
        assert (await world.server.page("GET", FORM)).status == 404
        assert (await world.request()).status == 404
        assert "subscribe" not in (await world.server.page("GET", "/status/citizens")).text


async def test_file_is_private_and_the_log_and_the_journal_have_no_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as log_entries:
        async with subscriber_world(tmp_path) as world:
            world.mailbox.refuse = {ADDRESS}
            await world.request()
            assert await world.mails() == []
            assert (await world.request("second@example.net")).status == 303
            await world.mails()
    files = [file for file in tmp_path.rglob("*") if file.is_file() and b"example.net" in file.read_bytes().lower()]
    assert files == [subscriptions_path(tmp_path / "ninewatch.db")]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert len([json.loads(line) for line in stored(tmp_path).splitlines()]) == 2
    log = f"{log_entries}{caplog.text}"
    assert "refused it with code 550" in log
    assert "example.net" not in log.lower()
