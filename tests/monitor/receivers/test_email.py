"""E-mail to a real SMTP server (aiosmtpd), with STARTTLS, TLS and a login."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitor.notification import Kind
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.clocks import settle
from tests.support.messages import HOSTILE, message, receiver, send, write_secret

USER, PASSWORD = b"ninewatch", b"s3cret"


class Mailbox:
    """Stores delivered mails. `refuse` lists rejected recipients, `answer` is the response to DATA."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refuse: set[str] = set()
        self.answer = "250 OK"
        self.encrypted: list[bool] = []

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        if self.answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            self.encrypted.append(session.ssl is not None)
        return self.answer


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@contextlib.asynccontextmanager
async def serve_mail(mailbox: Mailbox, ssl_context: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        sessions.append(SMTP(mailbox, hostname="mail.example.org", loop=loop, **options))
        return sessions[-1]

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=ssl_context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for open_session in sessions:
            if open_session.transport is not None:
                open_session.transport.abort()
        await server.wait_closed()
        await settle()


def check_login(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=known, handled=known)


def context(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority.issue_cert("127.0.0.1"))


def email_receiver(port: int, authority: trustme.CA, folder: Path, **options: Any) -> Any:
    block = {"to": ["a@example.org", "b@example.org"], "from": "ninewatch@example.org", "server": f"127.0.0.1:{port}"}
    return receiver(email=block | options, tls={"ca": write_ca_bundle(authority, folder)})


def login(folder: Path) -> dict[str, Any]:
    return {"user": USER.decode(), "password": write_secret(folder, "password", PASSWORD.decode())}


async def test_mail_is_sent_with_starttls_and_a_login(authority: trustme.CA, tmp_path: Path) -> None:
    mailbox = Mailbox()
    options = {"tls_context": context(authority), "require_starttls": True, "auth_required": True}
    async with serve_mail(mailbox, authenticator=check_login, **options) as port:
        outcome = await send(email_receiver(port, authority, tmp_path, **login(tmp_path)), message())
    assert not outcome.error
    (mail,) = mailbox.mails
    assert mailbox.encrypted == [True]
    assert mail["Subject"] == "[PAGE] Common Forms is down"
    assert (mail["To"], mail["From"]) == ("a@example.org, b@example.org", "ninewatch <ninewatch@example.org>")
    lines = mail.get_content().splitlines()
    assert f"Reason: http_status: {HOSTILE}" in lines
    assert "product: https://status.example.org/products/forms" in lines
    assert mail["Message-ID"] == "<4f0c1d2e3a4bopened@example.org>"


async def test_mails_of_an_alert_are_one_thread(authority: trustme.CA, tmp_path: Path) -> None:
    mailbox = Mailbox()
    async with serve_mail(mailbox) as port:
        ops = email_receiver(port, authority, tmp_path, security="none")
        for event in (Kind.OPENED, Kind.RESOLVED):
            assert not (await send(ops, message(event))).error
    opened, resolved = mailbox.mails
    assert opened["In-Reply-To"] is None
    assert resolved["In-Reply-To"] == opened["Message-ID"] != resolved["Message-ID"]
    assert "15.4 % of the budget" in resolved.get_content()


async def test_mail_is_sent_with_implicit_tls(authority: trustme.CA, tmp_path: Path) -> None:
    mailbox = Mailbox()
    async with serve_mail(mailbox, ssl_context=context(authority)) as port:
        outcome = await send(email_receiver(port, authority, tmp_path, security="tls"), message())
    assert not outcome.error
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "STARTTLS"),  # the server does not offer STARTTLS, so nothing is sent unencrypted
        ({"tls_context": "stranger"}, "certificate"),
    ],
)
async def test_untrusted_server_gets_no_mail(
    authority: trustme.CA, tmp_path: Path, options: dict[str, Any], error: str
) -> None:
    mailbox = Mailbox()
    if options:
        options = {"tls_context": context(trustme.CA())}
    async with serve_mail(mailbox, **options) as port:
        outcome = await send(email_receiver(port, authority, tmp_path), message())
    assert error.lower() in outcome.error.lower()
    assert mailbox.mails == []


async def test_wrong_password_is_reported_without_the_password(authority: trustme.CA, tmp_path: Path) -> None:
    mailbox = Mailbox()
    options = {"tls_context": context(authority), "auth_required": True, "authenticator": check_login}
    async with serve_mail(mailbox, **options) as port:
        wrong = {"user": "ninewatch", "password": write_secret(tmp_path, "wrong", "not-this-one")}
        outcome = await send(email_receiver(port, authority, tmp_path, **wrong), message())
    assert "535" in outcome.error or "authentication" in outcome.error.lower()
    assert "not-this-one" not in outcome.error


async def test_rejected_recipient_does_not_affect_the_others(authority: trustme.CA, tmp_path: Path) -> None:
    mailbox = Mailbox()
    mailbox.refuse = {"b@example.org"}
    async with serve_mail(mailbox) as port:
        ops = email_receiver(port, authority, tmp_path, security="none")
        assert not (await send(ops, message())).error
        mailbox.refuse.add("a@example.org")
        rejected = await send(ops, message())
    assert len(mailbox.mails) == 1
    assert "550" in rejected.error


async def test_temporary_failure_is_retried(authority: trustme.CA, tmp_path: Path) -> None:
    mailbox = Mailbox()
    mailbox.answer = "451 try again later"
    async with serve_mail(mailbox) as port:
        outcome = await send(email_receiver(port, authority, tmp_path, security="none"), message())
    assert "451" in outcome.error
    assert not outcome.refused


def test_password_is_not_sent_unencrypted(authority: trustme.CA, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="would send the password unencrypted"):
        email_receiver(25, authority, tmp_path, security="none", **login(tmp_path))
