"""A status page with subscription by e-mail, its server, and a real mail server for its messages."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sla.public_incident import Impact, Phase, PublicIncident, PublicUpdate
from tests.monitor.receivers.test_email import Mailbox, serve_mail
from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import product
from tests.support.writable_server import writable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from tests.support.clocks import ManualClock
    from tests.support.writable_server import Answer, WritableServer

ADDRESS = "Reader.One@example.net"
PUBLIC = "https://status.example.org"
PAGE: dict[str, Any] = {
    "id": "citizens",
    "title": "Services",
    "host": "status.example.org",
    "subscribe": {"receiver": "mail", "from": "status@example.org", "contact": "Privacy officer, 250-555-0100"},
    "components": [
        {"id": "forms", "name": "Online forms", "product": "zq-forms"},
        {"id": "sign-in", "name": "Sign-in", "product": "zq-sso"},
    ],
}
ALL = [("component", "forms"), ("component", "sign-in"), ("kind", "incidents"), ("kind", "maintenance")]


def ledger_with_page(port: int, products: dict[str, Any] | None = None, **page: Any) -> Ledger:
    """Return a ledger with the page, whose messages go to the mail server at the port of loopback."""
    block = {"to": "ops@example.org", "from": "ops@example.org", "server": f"127.0.0.1:{port}", "security": "none"}
    return ledger_with_receivers(
        product("zq-forms", **(products or {})),
        product("zq-sso"),
        receivers=[{"id": "mail", "email": block}],
        status_pages=[{**PAGE, **page}],
    )


@dataclass
class SubscriberWorld:
    """A server with the page and the mails that its subscribers got."""

    server: WritableServer
    mailbox: Mailbox

    async def request(self, address: str = ADDRESS, fields: list[tuple[str, str]] = ALL) -> Answer:
        """Send the form a second later."""
        self.server.clock.jump(1)
        return await self.post("/status/citizens/subscribe", [("address", address), *fields])

    async def post(self, path: str, fields: list[tuple[str, str]]) -> Answer:
        """Send a form as a browser does."""
        return await self.server.ask("POST", path, headers={"Accept": "text/html"}, data=fields)

    async def mails(self) -> list[Any]:
        """Let alerting make and deliver what is due; return the mails since the last call."""
        await self.server.harness.update()
        await self.server.harness.delivered()
        new, self.mailbox.mails = self.mailbox.mails, []
        return new

    async def subscribe(self, address: str = ADDRESS, fields: list[tuple[str, str]] = ALL) -> str:
        """Subscribe and confirm. Return the path for changes."""
        assert (await self.request(address, fields)).status == 303
        (mail,) = await self.mails()
        answer = await self.post(link(mail, "confirm"), [])
        assert answer.status == 303
        return answer.headers["Location"]

    def publish(self, text: str = "We look.", components: tuple[str, ...] = ("forms",)) -> PublicIncident:
        """Publish an incident."""
        first = PublicUpdate(self.server.clock.now(), "zq-author", Phase.INVESTIGATING, text)
        incident = PublicIncident("citizens", "Forms fail", components, Impact.OUTAGE, "zq-4f", None, (first,))
        self.server.harness.state(incident.fact())
        return incident


def link(mail: Any, part: str) -> str:
    """Return the path of the link with this part in the mail."""
    match = re.search(rf"{PUBLIC}(/status/citizens/{part}/\S+)", mail.get_content())
    assert match is not None, mail.get_content()
    return match[1]


@contextlib.asynccontextmanager
async def subscriber_world(
    folder: Path, clock: ManualClock | None = None, products: dict[str, Any] | None = None, **page: Any
) -> AsyncIterator[SubscriberWorld]:
    """Serve the page while the `with` block runs."""
    mailbox = Mailbox()
    async with serve_mail(mailbox) as port:
        ledger = ledger_with_page(port, products, **page)
        async with writable(ledger, folder, clock, deliver=True) as server:
            yield SubscriberWorld(server, mailbox)
