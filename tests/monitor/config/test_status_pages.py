"""Status pages in a configuration: addresses, and each mistake with its message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.commands.config_option import examine_config
from monitor.config.status_pages import page_of_host

if TYPE_CHECKING:
    from pathlib import Path

COMPONENT = {"id": "forms", "name": "Online forms", "product": "chefs"}
PAGE = {"id": "citizens", "title": "Services", "components": [COMPONENT]}


MAIL = {"id": "mail", "email": {"to": "ops@example.org", "from": "ops@example.org", "server": "mail.example.org"}}


def subscribed(receiver: str, sender: str = "status@example.org", **keys: Any) -> dict[str, Any]:
    return {**PAGE, "subscribe": {"receiver": receiver, "from": sender, "contact": "Officer"}, **keys}


def examine(folder: Path, *pages: dict[str, Any], **keys: Any) -> Any:
    products = [{"id": "chefs", "objective": "99.9%", "checks": [{"id": "a", "http": "https://example.org/"}]}]
    path = folder / "ninewatch.yaml"
    path.write_text(json.dumps({"products": products, "status_pages": pages, **keys}))
    return examine_config(path)


def test_page_is_found_by_its_host_in_any_spelling(tmp_path: Path) -> None:
    portfolio = examine(tmp_path, PAGE, {**PAGE, "id": "b", "host": "Status.Example.ORG"}).portfolio
    for authority in ("status.example.org", "STATUS.example.org:8443", "status.example.org."):
        assert page_of_host(portfolio, authority) is portfolio.status_pages[1]
    for authority in ("example.org", "status.example.org.evil", "127.0.0.1:80", "[::1]:80", ""):
        assert page_of_host(portfolio, authority) is None


def test_public_address_of_a_page(tmp_path: Path) -> None:
    pages = [{**PAGE, "link": "https://gov.example/state"}, {**PAGE, "id": "b", "host": "s.example"}]
    portfolio = examine(tmp_path, *pages, {**PAGE, "id": "c"}, public_url="https://mon.example").portfolio
    addresses = [page.address(portfolio.public_url) for page in portfolio.status_pages]
    expected = ["https://gov.example/state/", "https://s.example/status/b/", "https://mon.example/status/c/"]
    assert addresses == expected
    assert portfolio.status_pages[2].address(None) == ""


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([PAGE, PAGE], 'status_pages.citizens.id: "citizens" is already the id of a status page; choose another id'),
        (
            [{**PAGE, "host": "a.example"}, {**PAGE, "id": "b", "host": "A.example"}],
            'status_pages.b.host: "a.example" is already the host of a status page; choose another host',
        ),
        (
            [{**PAGE, "components": [COMPONENT, COMPONENT]}],
            '"forms" is already the id of a component of this page; choose another id',
        ),
        (
            [{**PAGE, "components": [{**COMPONENT, "product": "chef"}]}],
            'unknown product "chef"; known products: chefs',
        ),
        ([{**PAGE, "host": "mon.example"}], "is the host of `public_url`, whose other pages would not be reachable"),
        ([{**PAGE, "logo": "logo.exe"}], '"logo.exe" is not a logo; use a file with the extension .svg or .png'),
        ([{**PAGE, "logo": "none.svg"}], "none.svg: no such file or directory"),
        ([{**PAGE, "remind": "ops"}], 'unknown receiver "ops"; known receivers: hub, mail'),
        ([{**PAGE, "remind": "hub"}], '"hub" accepts no reports; use a chat, e-mail'),
        ([{**PAGE, "notify": ["ops"]}], 'unknown receiver "ops"; known receivers: hub, mail'),
        ([subscribed("ops")], 'subscribe.receiver: unknown receiver "ops"; known email receivers: mail'),
        ([subscribed("hub")], '"hub" sends no e-mail itself; use the id of an `email` receiver'),
        ([subscribed("mail", link="http://s.example/")], "needs the page's public https address"),
        ([subscribed("mail", sender="x")], "is not an e-mail address"),
        ([{**PAGE, "subscribe": {"receiver": "mail"}}], "contact"),
        ([{**PAGE, "templates": {"resolved": "Back at {end}"}}], 'has the unknown placeholder "{end}"'),
        ([{**PAGE, "figures": "best"}], "figures"),
        ([{**PAGE, "components": []}], "components"),
    ],
)
def test_mistakes_are_reported(tmp_path: Path, pages: list[dict[str, Any]], message: str) -> None:
    receivers = [{"id": "hub", "alertmanager": "https://am.example/"}, MAIL]
    result = examine(tmp_path, *pages, public_url="https://mon.example", receivers=receivers)
    assert len(result.problems) == 1
    assert message in str(result.problems[0])
