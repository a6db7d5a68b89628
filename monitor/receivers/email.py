"""The `email` receiver: SMTP, with STARTTLS unless configured otherwise."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

import structlog
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from monitor.config.addresses import DefaultPort, HostPort
from monitor.config.alerting import TlsReceiver
from monitor.config.base import Model
from monitor.config.mail_address import Mailbox
from monitor.config.secret import Secret
from monitor.config.values import Token, problem_at
from monitor.network.connection import Connection
from monitor.network.tls_context import context_for
from monitor.notification import Kind
from monitor.receivers.base import Deliver, NotDelivered, ReceiverKind
from monitor.receivers.chat_text import truncate
from sla.interval import SECOND

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from ssl import SSLContext

    from aiosmtplib import SMTP

    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

log = structlog.get_logger()

# Folding replaces a long header without spaces, such as List-Unsubscribe, by encoded words, which mail programs do not
# accept there. Lines may have 998 characters (RFC 5322, section 2.1.1).
# Text is encoded in ASCII, because the mail server may not support others (RFC 6152).
_UNFOLDED: Final = SMTP_POLICY.clone(max_line_length=998, cte_type="7bit")

Mailboxes = Annotated[
    tuple[Mailbox, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class EmailBlock(Model):
    """Recipients, sender and mail server."""

    to: Mailboxes
    """An e-mail address, or a list of addresses."""

    sender: Annotated[Mailbox, Field(alias="from")]
    """The sender's e-mail address."""

    server: Annotated[HostPort, DefaultPort(587)]
    """The mail server, `host` or `host:port`. Default port: 587."""

    security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls` (port 587), `tls` from the first byte (port 465), or `none`, which is unencrypted."""

    user: Token | None = None
    """User name for the log-in. Requires `password`."""

    password: Secret | None = None
    """Reference to the password: `{env: NAME}` or `{file: PATH}`."""

    @model_validator(mode="after")
    def _password_is_encrypted(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise problem_at("user", "and password must both be set, or none of them; add or remove one")
        if self.password is not None and self.security == "none":
            raise problem_at("security", "would send the password unencrypted; use starttls or tls")
        return self


class EmailReceiver(TlsReceiver):
    """Sends an e-mail. All events of an alert are one thread in a mailbox."""

    kind: ClassVar[str] = "email"
    accepts_reports: ClassVar[bool] = True

    email: EmailBlock
    """Recipients, sender and server: `{to: ops@example.org, from: ninewatch@example.org, server: smtp.example.org}`."""

    @property
    def destination(self) -> str:
        """The destination of messages for display."""
        return ", ".join(self.email.to)


def mail_of(message: Message, block: EmailBlock) -> EmailMessage:
    """Return the mail. Its `Message-ID` is computed from the idempotency key, so that replies form a thread."""
    mail = EmailMessage()
    domain = block.sender.rpartition("@")[2]
    mail["Subject"] = truncate(" ".join(message.title.split()), 200)
    mail["From"], mail["To"] = f"ninewatch <{block.sender}>", ", ".join(block.to)
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.now // SECOND, UTC))
    mail["Message-ID"] = f"<{_identity(message.idempotency_key)}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.event not in (Kind.OPENED, Kind.REPORT):  # a report is a thread of its own
        mail["In-Reply-To"] = mail["References"] = f"<{_identity(message.key + 'opened')}@{domain}>"
    mail.set_content(message.text + "\n")
    return mail


def _identity(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", key)


def prepare(receiver: EmailReceiver) -> Deliver:
    """Return the function that sends a mail over a new connection."""
    block, context = receiver.email, tls_context(receiver)

    async def deliver(attempt: Attempt, message: Message) -> None:
        import aiosmtplib

        try:
            refused = await send_mail(attempt, receiver, context, mail_of(message, block))
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise NotDelivered(
                "; ".join(f"{recipient.recipient}: {recipient}" for recipient in error.recipients)
            ) from None
        except aiosmtplib.SMTPException as error:
            raise NotDelivered(str(error) or type(error).__name__) from None
        for address, response in refused.items():
            log.warning("recipient_refused", receiver=receiver.id, recipient=address, answer=str(response)[:200])

    return deliver


def tls_context(receiver: EmailReceiver) -> SSLContext | None:
    """Return the TLS context of connections to the mail server. None for unencrypted ones."""
    return None if receiver.email.security == "none" else context_for(receiver.tls)


async def send_mail(
    attempt: Attempt,
    receiver: EmailReceiver,
    context: SSLContext | None,
    mail: EmailMessage,
    recipient: str | None = None,
) -> Mapping[str, object]:
    """Send the mail over a new connection, and return the responses for rejected recipients.

    With `recipient`, the mail goes to this ASCII address, and its headers are not folded.

    Raises:
        SMTPException: the server did not accept it.
        ProbeFailure, OSError: there was no connection.
    """
    import aiosmtplib

    block = receiver.email
    addresses = await attempt.addresses(block.server.host, block.server.port)
    sock = (await Connection.connect_to_addresses(attempt, addresses)).release()
    client = aiosmtplib.SMTP(
        hostname=receiver.tls.server_name or block.server.host,
        sock=sock,
        use_tls=block.security == "tls",
        start_tls=block.security == "starttls",
        tls_context=context,
        timeout=None,
        local_hostname="ninewatch",
    )
    return await _send(client, sock, mail, block, recipient)


async def _send(
    client: SMTP, sock: socket.socket, mail: EmailMessage, block: EmailBlock, recipient: str | None
) -> Mapping[str, object]:
    """Send the mail, and return the responses for rejected recipients. The connection is aborted afterwards."""
    try:
        await client.connect()
    except BaseException:
        client.close()
        sock.close()
        raise
    transport = client.transport
    try:
        if block.user is not None and block.password is not None:
            await client.login(block.user, block.password.reveal())
        if recipient is None:
            refused, _ = await client.send_message(mail)
        else:
            sender = mail["From"].addresses[0].addr_spec
            refused, _ = await client.sendmail(sender, [recipient], mail.as_bytes(policy=_UNFOLDED))
        return refused
    finally:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()  # a regular close of a TLS connection would wait for the server


KIND = ReceiverKind(
    EmailReceiver,
    prepare,
    example="""\
id: mail
email:
  to: [on-call@example.org]
  from: ninewatch@example.org
  server: smtp.example.org:587
  user: ninewatch
  password: {file: secrets/smtp-password}
""",
    combines_messages=True,
)
