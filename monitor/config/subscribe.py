"""The subscription to a status page by e-mail: its mail server, its sender and its collection notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from monitor.config.base import Model
from monitor.config.errors import Loc, quoted
from monitor.config.mail_address import Mailbox
from monitor.config.values import Id, Text
from monitor.language import translatable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio

KIND: Final = "email"  # the kind of receiver whose mail server is used


class Subscribe(Model):
    """Subscription by e-mail. Readers choose components and kinds of message, and confirm their address."""

    receiver: Id
    """The id of an `email` receiver. Its server, credentials and TLS options are used; its `to` gets none of the
    messages.
    """

    sender: Annotated[Mailbox | None, Field(alias="from")] = None
    """The sender's e-mail address. Default: that of the receiver."""

    contact: Text
    """Who answers questions about the collection: title, business address and telephone number."""

    notice: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] = translatable(
        "Your e-mail address is collected to send you the messages that you choose here, and for nothing else. The "
        "collection is authorised by section 26(c) of the Freedom of Information and Protection of Privacy Act "
        "(British Columbia). The address is erased when you leave, or after two days if you do not confirm it."
    )
    """The collection notice on the form: purpose and legal authority. `contact` follows it."""


def subscribe_problems(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    """Yield subscriptions without an e-mail receiver, or on a page without a public https address."""
    receivers = {receiver.id: receiver.kind for receiver in portfolio.receivers}
    for number, page in enumerate(portfolio.status_pages):
        if page.subscribe is None:
            continue
        loc, name = ("status_pages", number, "subscribe"), page.subscribe.receiver
        if name not in receivers:
            mail = sorted(other for other, kind in receivers.items() if kind == KIND)
            known = f"known email receivers: {', '.join(mail)}" if mail else "add an `email` receiver under receivers:"
            yield (*loc, "receiver"), f"unknown receiver {quoted(name)}; {known}"
        elif receivers[name] != KIND:
            message = f"{quoted(name)} sends no e-mail itself; use the id of an `email` receiver"
            yield (*loc, "receiver"), message
        if not page.address(portfolio.public_url).startswith("https://"):
            yield loc, "needs the page's public https address for links in messages; add `host`, or an https `link`"
