"""The listeners of the daemon: the web server, and the intake of a centre."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from monitor.errors import NinewatchError
from monitor.web.intake import build_intake, tls_context
from monitor.web.server import Listener, listen

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from aiohttp import web

    from monitor.config.addresses import HostPort
    from monitor.config.model import Portfolio
    from monitor.engine.vantage_intake import VantageIntake

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of the listeners, `host:port`. `intake` is empty if this daemon is no centre."""

    site: str
    intake: str = ""


@contextlib.asynccontextmanager
async def listening(site: web.Application, portfolio: Portfolio, intake: VantageIntake) -> AsyncIterator[Addresses]:
    """Listen for the web server, and for the frames of vantages if this daemon is a centre.

    Raises:
        NinewatchError: an address cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        listener = await _listen(site, portfolio.listen, "listen")
        stack.push_async_callback(listener.close)
        if (options := portfolio.intake) is None:
            yield Addresses(listener.addresses[0])
            return
        app = build_intake(site, intake, options.listen.host)
        receiver = await _listen(app, options.listen, "intake", tls_context(options))
        stack.push_async_callback(receiver.close)
        log.info("receiving_vantages", address=receiver.addresses[0], tls=options.identity is not None)
        yield Addresses(listener.addresses[0], receiver.addresses[0])


async def _listen(app: web.Application, address: HostPort, key: str, tls: ssl.SSLContext | None = None) -> Listener:
    try:
        return await listen(app, address.host, address.port, tls)
    except OSError as error:
        # asyncio's message repeats the address
        reason = (error.strerror or str(error)).rpartition(": ")[2].lower()
        raise NinewatchError(f"cannot listen on {address}: {reason}; set another address with `{key}:`") from None
