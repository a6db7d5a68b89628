"""The context of HTTP handlers, addresses of clients, and JSON responses."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.config.addresses import loopback

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.exporters.prometheus import Exporter
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.web.assets import Assets

# Pages load only their own style sheet and script, and cannot be framed. Pages with forms have `form_policy`.
CONTENT_SECURITY_POLICY = "Content-Security-Policy"
RESOURCE_POLICY = "Cross-Origin-Resource-Policy"
HEADERS = {
    CONTENT_SECURITY_POLICY: (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    RESOURCE_POLICY: "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "ninewatch",
}


def form_policy(*redirects: str) -> str:
    """Return the content security policy of a page with forms that are sent to this server.

    `redirects` are other origins that responses to the forms redirect to: browsers apply `form-action` to these, too.
    """
    return HEADERS[CONTENT_SECURITY_POLICY].replace("form-action 'none'", " ".join(("form-action 'self'", *redirects)))


@dataclass(frozen=True, slots=True)
class WebContext:
    """The objects that handlers use. `private`: the server listens on loopback only.

    `record` is the file for figures as of a past instant. None without a record.
    """

    ledger: Ledger
    health: Health
    clock: Clock
    exporter: Exporter
    assets: Assets
    private: bool
    record: Path | None = None


CONTEXT: web.AppKey[WebContext] = web.AppKey("context", WebContext)


def is_loopback(authority: str) -> bool:
    """Return whether `host:port`, `[v6]:port` or a bare host is a loopback address or localhost.

    >>> is_loopback("localhost:9999"), is_loopback("[::1]:80"), is_loopback("127.0.0.1.evil.example")
    (True, True, False)
    """
    host = authority.rpartition("]")[0].lstrip("[") if authority.startswith("[") else authority.partition(":")[0]
    return loopback(host)


def address_of(peer: str) -> IPv4Address | IPv6Address:
    """Return the address of a peer without its zone. An IPv4-mapped IPv6 address is returned as IPv4."""
    address = ipaddress.ip_address(peer.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def client_network(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Network:
    """Return the network that one client controls: an IPv4 address, or an IPv6 /64.

    >>> client_network(address_of("2001:db8::1")) == client_network(address_of("2001:db8::2"))
    True
    """
    return address if isinstance(address, IPv4Address) else IPv6Network((address, 64), strict=False)


def as_json(value: Any, status: int = 200) -> web.Response:
    """Return the value as a JSON response. Numbers must be finite; a missing figure is null."""
    return _json_response(json_text(value), status)


def as_json_list(items: list[str]) -> web.Response:
    """Return a JSON list of items of JSON text. Encoding a long list at once would block the event loop."""
    return _json_response(f"[{','.join(items)}]", 200)


def json_text(value: Any) -> str:
    """Return the value as JSON text."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _json_response(text: str, status: int) -> web.Response:
    return web.Response(text=text + "\n", content_type="application/json", charset="utf-8", status=status)
