"""The links of subscribers. Their tokens are signatures with the key of the record, so they are stored nowhere.

A token to confirm is valid while the subscription waits for it (`PENDING_FOR`), and once. A token to manage is valid
until the subscriber leaves.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from monitor.access.link import MAX_TOKEN_LENGTH, LinkError

if TYPE_CHECKING:
    from monitor.access.link import LinkSigner


class LinkPurpose(StrEnum):
    """The permission of a link, and the part of its address."""

    CONFIRM = "confirm"
    MANAGE = "subscription"


_LABELS: Final = {
    LinkPurpose.CONFIRM: "ninewatch subscription confirm 1",
    LinkPurpose.MANAGE: "ninewatch subscription manage 1",
}


def link_token(signer: LinkSigner, purpose: LinkPurpose, page: str, subscription: str) -> str:
    """Return the token of a link: the id of the subscription and a signature over page and id."""
    return f"{subscription}.{signer.signature(_LABELS[purpose], f'{page}/{subscription}')}"


def subscription_of(signer: LinkSigner, purpose: LinkPurpose, page: str, token: str) -> str:
    """Return the id of the subscription that the link is for. The subscription need not exist any more.

    Raises:
        LinkError: the token was not made for this purpose and page with this key.
    """
    name, _, _ = token.partition(".")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise LinkError("invalid")
    if not hmac.compare_digest(token, link_token(signer, purpose, page, name)):
        raise LinkError("invalid")
    return name
