"""Mails to one person each, over the mail server of an `email` receiver. Errors and logs do not contain the address."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final

from monitor.receivers.base import Deliver, NotDelivered, NotNeeded
from monitor.receivers.email import send_mail, tls_context
from monitor.receivers.message import Message

if TYPE_CHECKING:
    from aiosmtplib import SMTPException

    from monitor.network.attempt import Attempt
    from monitor.receivers.email import EmailReceiver

Compose = Callable[[Message], EmailMessage]
"""Return the mail of a message. Raises `NotNeeded` if the recipient left."""

_PERMANENT: Final = 500  # the first code of permanent responses; RFC 5321, section 4.2.1


def prepare_personal(receiver: EmailReceiver, compose: Compose) -> Deliver:
    """Return the function that composes each mail when it is sent, so that the recipient is looked up then."""
    context = tls_context(receiver)

    async def deliver(attempt: Attempt, message: Message) -> None:
        import aiosmtplib

        mail = compose(message)
        try:
            await send_mail(attempt, receiver, context, mail, mail["To"].addresses[0].addr_spec)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused([recipient.code for recipient in error.recipients]) from None
        except aiosmtplib.SMTPDataError as error:
            raise _refused([error.code]) from None
        except aiosmtplib.SMTPException as error:
            raise NotDelivered(_without_address(error)) from None

    return deliver


def _refused(codes: list[int]) -> NotDelivered | NotNeeded:
    """Return the error of a refused recipient or mail: an attempt after a permanent response would fail again."""
    code = min(codes, default=0)
    if code >= _PERMANENT:
        return NotNeeded(f"the mail server refused it with code {code}")
    return NotDelivered(f"the mail server postponed it with code {code}", refused=True)


def _without_address(error: SMTPException) -> str:
    """Return the type of the error and its code. The text of the server may repeat the recipient's address."""
    code = getattr(error, "code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__}: code {code}"
