"""Connections with optional TLS, and the configuration keys of checks that may use TLS."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Self

from pydantic import model_validator

from monitor.config.model import Flag, HostPort, NetworkCheck, TlsOptions, problem_at
from monitor.network.attempt import Attempt
from monitor.network.certificate_expiry import certificate_expiry
from monitor.network.connection import Connection
from monitor.network.tls_context import context_for

Connect = Callable[[Attempt], Awaitable[Connection]]
StartTls = Callable[[Attempt, Connection], Awaitable[ssl.SSLSocket]]


class TlsCapableCheck(NetworkCheck):
    """A check that may use TLS."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is verified if the check uses TLS."""

    @property
    def tls_hint(self) -> str:
        """Configuration change that enables TLS, empty if TLS is enabled."""
        return ""

    @model_validator(mode="after")
    def _tls_options_have_effect(self) -> Self:
        if self.tls_hint and self.tls != TlsOptions():
            raise problem_at("tls", f"has no effect without TLS; {self.tls_hint}")
        return self


class ImplicitTlsCheck(TlsCapableCheck):
    """A check that uses implicit TLS (not STARTTLS) if `encrypted`, else no TLS."""

    encrypted: Flag = False
    """`true`: implicit TLS, from the first byte of the connection."""

    @property
    def tls_hint(self) -> str:
        """Configuration change that enables TLS, empty if TLS is enabled."""
        return "" if self.encrypted else "add encrypted: true"


def tls_upgrader(options: TlsOptions, host: str, alpn: tuple[str, ...] = ()) -> StartTls:
    """Return a function that starts TLS on a connection and records the certificate's expiry in the attempt.

    `alpn` lists the protocols to offer in the handshake. Raises the errors of `Connection.encrypt`.
    """
    context, name = context_for(options, alpn), options.server_name or host

    async def start_tls(attempt: Attempt, connection: Connection) -> ssl.SSLSocket:
        ssl_socket = await connection.start_tls(context, name)
        attempt.certificate_expiry = certificate_expiry(ssl_socket)
        return ssl_socket

    return start_tls


def connector(check: TlsCapableCheck, address: HostPort, *, encrypted: bool) -> Connect:
    """Return a function that connects to a check's target, with TLS if `encrypted`.

    Raises the errors of `Connection.connect` and `Connection.encrypt`.
    """
    start_tls = tls_upgrader(check.tls, address.host) if encrypted else None

    async def connect(attempt: Attempt) -> Connection:
        connection = await Connection.connect(attempt, address.host, address.port, family=check.family)
        if start_tls is not None:
            try:
                await start_tls(attempt, connection)
            except BaseException:
                connection.close()
                raise
        return connection

    return connect
