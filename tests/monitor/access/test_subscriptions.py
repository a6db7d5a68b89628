"""The file of addresses: what is stored, erased and refused."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from monitor.access import subscriptions as module
from monitor.access.subscriptions import Choice, Subscriptions, SubscriptionsFullError, checked_address
from monitor.errors import NinewatchError
from sla.interval import DAY
from tests.support.clocks import EPOCH as NOW

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("text", ["a.b+c@Example.ORG", " name@example.org\n", "o'neil@a-b.example"])
def test_address_is_used_with_its_domain_in_lower_case(text: str) -> None:
    local, _, domain = text.strip().partition("@")
    assert checked_address(text) == f"{local}@{domain.lower()}"


@pytest.mark.parametrize(
    "text",
    [
        *[
            "a",
            "a@b",
            "@b.c",
            "a@-b.c",
            "a..b@c.de",
            ".a@c.de",
            "a@c.de,b@c.de",
            "a b@c.de",
            '"a"@c.de',
            "a@[127.0.0.1]",
            "=?x?q?a=40b.de=3e=20?=c@d.ef",
            "=?utf-8?q?a=40b.de=2Cc?=@d.ef",
        ],
        *["a\n@c.de", "a@c.de\nBcc: b@c.de", "a\x00@c.de", "é@c.de", "a@é.de", "a" * 65 + "@c.de", f"a@{'b.' * 130}de"],
    ],
)
def test_invalid_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an e-mail address$"):
        checked_address(text)


async def test_subscriptions_survive_a_restart_and_left_ones_do_not(tmp_path: Path) -> None:
    first = Subscriptions.load(tmp_path / "r.db")
    await first.request("p", "a@example.net", Choice(("forms",), ("incidents",)), NOW)
    await first.request("p", "b@example.net", Choice(), NOW)
    kept, left = first.of_page("p")
    assert await first.confirm(kept.id, NOW + 1)
    assert await first.leave(left.id)
    first.path.with_name(first.path.name + ".new").write_text("of a killed process: b@example.net")
    second = Subscriptions.load(tmp_path / "r.db")
    assert second.of_page("p") == first.of_page("p") == [second.get(kept.id)]
    assert [file for file in tmp_path.iterdir() if "b@example.net" in file.read_text()] == []


async def test_cancelled_request_to_leave_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subscriptions, write, may_write = Subscriptions.load(tmp_path / "r.db"), module.replace_file, threading.Event()
    await subscriptions.request("p", "a@example.net", Choice(), NOW)
    (subscription,) = subscriptions.of_page("p")

    def slow(*args: object, **options: object) -> None:
        may_write.wait(10)
        write(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "replace_file", slow)
    leaving = asyncio.create_task(subscriptions.leave(subscription.id))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    may_write.set()
    await subscriptions.request("p", "b@example.net", Choice(), NOW)
    assert "a@example.net" not in subscriptions.path.read_text()


async def test_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subscriptions = Subscriptions.load(tmp_path / "r.db")
    await subscriptions.request("p", "a@example.net", Choice(), NOW)
    (subscription,), before = subscriptions.of_page("p"), subscriptions.path.read_text()

    def full(*_: object, **__: object) -> None:
        raise NinewatchError("cannot write: no space left on device")

    monkeypatch.setattr(module, "replace_file", full)
    with pytest.raises(NinewatchError, match="no space"):
        await subscriptions.leave(subscription.id)
    assert (subscriptions.get(subscription.id), subscriptions.path.read_text()) == (subscription, before)


async def test_unconfirmed_addresses_are_limited_and_erased_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 2)
    subscriptions = Subscriptions.load(tmp_path / "r.db")
    for number, name in enumerate(("a", "b", "c")):
        await subscriptions.request("p", f"{name}@example.net", Choice(), NOW + number)
    assert [subscription.address for subscription in subscriptions.of_page("p")] == ["b@example.net", "c@example.net"]
    await subscriptions.request("p", "b@example.net", Choice(), NOW + 3)
    assert len(subscriptions.of_page("p")) == 2, "a request for a recorded address needs no place"
    assert await subscriptions.confirm(subscriptions.of_page("p")[0].id, NOW + 3)
    await subscriptions.expire(NOW + 2 + 2 * DAY - 1)
    assert len(subscriptions.of_page("p")) == 2
    await subscriptions.expire(NOW + 2 + 2 * DAY)
    assert [subscription.address for subscription in subscriptions.of_page("p")] == ["b@example.net"]


async def test_confirmed_subscriptions_are_limited_and_never_erased_for_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SUBSCRIPTIONS", 1)
    subscriptions = Subscriptions.load(tmp_path / "r.db")
    await subscriptions.request("p", "a@example.net", Choice(), NOW)
    assert await subscriptions.confirm(subscriptions.of_page("p")[0].id, NOW)
    with pytest.raises(SubscriptionsFullError):
        await subscriptions.request("p", "b@example.net", Choice(), NOW)
    assert [subscription.address for subscription in subscriptions.of_page("p")] == ["a@example.net"]


async def test_damaged_line_is_skipped(tmp_path: Path) -> None:
    subscriptions = Subscriptions.load(tmp_path / "r.db")
    await subscriptions.request("p", "a@example.net", Choice(), NOW)
    subscriptions.path.write_text('{"id": 1}\nx\n' + subscriptions.path.read_text())
    assert Subscriptions.load(tmp_path / "r.db").of_page("p") == subscriptions.of_page("p")


def test_subscription_of_an_earlier_release_has_no_language(tmp_path: Path) -> None:
    record = tmp_path / "ninewatch.db"
    choice = '{"components": [], "kinds": ["incidents"]}'
    line = f'{{"id": "a1", "page": "p", "address": "a@b.ca", "choice": {choice}, "requested": 1, "links": [1]'
    module.subscriptions_path(record).write_text(line + ', "confirmed": 2}\n')
    subscription = Subscriptions.load(record).get("a1")
    assert subscription is not None
    assert (subscription.choice.language, subscription.confirmed) == ("", 2)
