"""Reaching a target, and encrypting where that is asked for: what the kinds share that talk over a wire."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Self

from pydantic import model_validator

from monitor.config.model import Flag, HostPort, Reached, TlsOptions, problem_at
from monitor.network.attempt import Frame
from monitor.network.connection import Wire
from monitor.network.tls_context import certificate_expiry, context_for

Reach = Callable[[Frame], Awaitable[Wire]]
Secure = Callable[[Frame, Wire], Awaitable[ssl.SSLSocket]]


class Securable(Reached):
    """A check of something that may speak TLS."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged, where TLS is spoken."""

    @property
    def unsecured(self) -> str:
        """What to write so that TLS is spoken, nothing when it is."""
        return ""

    @model_validator(mode="after")
    def _judges_what_is_shown(self) -> Self:
        if self.unsecured and self.tls != TlsOptions():
            raise problem_at("tls", f"has no effect where no TLS is spoken; {self.unsecured}")
        return self


class Encryptable(Securable):
    """A check of something that speaks TLS from the first byte on, or never."""

    encrypted: Flag = False
    """`true`: TLS from the first byte on."""

    @property
    def unsecured(self) -> str:
        """What to write so that TLS is spoken, nothing when it is."""
        return "" if self.encrypted else "add encrypted: true"


def securing(options: TlsOptions, host: str, speaking: tuple[str, ...] = ()) -> Secure:
    """Return what encrypts a wire as the options say, and notes in the frame when the certificate ends.

    `speaking` are the protocols to offer in the handshake (ALPN). It fails as `Wire.encrypt` does.
    """
    context, name = context_for(options, speaking), options.server_name or host

    async def secure(frame: Frame, wire: Wire) -> ssl.SSLSocket:
        connection = await wire.encrypt(context, name)
        frame.certificate_expiry = certificate_expiry(connection)
        return connection

    return secure


def reaching(check: Securable, where: HostPort, *, encrypted: bool) -> Reach:
    """Return what makes one connection to a check's target, encrypted if so.

    It fails as `Wire.reach` and `Wire.encrypt` do.
    """
    secure = securing(check.tls, where.host) if encrypted else None

    async def reach(frame: Frame) -> Wire:
        wire = await Wire.reach(frame, where.host, where.port, family=check.family)
        if secure is not None:
            try:
                await secure(frame, wire)
            except BaseException:
                wire.close()
                raise
        return wire

    return reach
