"""The links of subscribers. Their tokens are signed with the key of the record, so they need not be stored.

A token to confirm is valid once, while the subscription is pending (`PENDING_FOR`). A token to manage is valid until
the subscription is deleted.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from monitor.access.link import MAX_TOKEN_LENGTH, LinkError

if TYPE_CHECKING:
    from monitor.access.link import LinkSigner


class LinkPurpose(StrEnum):
    """The purpose of a link. The value is part of its URL."""

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
    """Return the id of the subscription that the link is for. The subscription may have been deleted.

    Raises:
        LinkError: the token was not made for this purpose and page with this key.
    """
    name, _, _ = token.partition(".")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise LinkError("invalid")
    if not hmac.compare_digest(token, link_token(signer, purpose, page, name)):
        raise LinkError("invalid")
    return name
