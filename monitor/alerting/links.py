"""The link in a message for acknowledging the alert and for marking the page as useful or noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.access.link import VALID_FOR, Claim
from monitor.notification import OF_NO_ALERT
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.access.link import LinkSigner
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Notification

PATH: Final = "/acknowledge/"


class Links:
    """Creates the links in messages; none without `public_url` or without a key."""

    def __init__(self, ledger: Ledger, signer: LinkSigner | None = None) -> None:
        self._ledger, self._signer = ledger, signer

    def of(self, row: Notification) -> str | None:
        """Return the link of a notification, which is the same for all delivery attempts."""
        base = self._ledger.portfolio.public_url
        if base is None or self._signer is None or row.event in OF_NO_ALERT:
            return None
        expires = (row.made + VALID_FOR) // SECOND * SECOND
        return f"{base}{PATH}{self._signer.token(Claim(row.key, row.receiver, row.product, expires))}"
