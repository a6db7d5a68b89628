"""/probe, compatible with blackbox_exporter: the only route that makes outgoing connections.

Only clients on loopback or in the networks of `--blackbox-allow` may use it. Remote clients cannot probe loopback.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web

from monitor.blackbox.metrics import CONTENT_TYPE
from monitor.blackbox.service import Blackbox, BusyError, ProbeRequest, UnknownModuleError
from monitor.config.addresses import HostPort
from monitor.config.domain_names import host
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, address_of, client_network, is_loopback
from monitor.web.errors import Refusal

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from monitor.config.outbound import Network
    from monitor.engine.runner import Runner

routes = web.RouteTableDef()
PROBES: web.AppKey[Probes] = web.AppKey("probes")

SHARE = 80  # of the probes under way, for one caller: what others ask is answered still
_LONGEST_TARGET = 8_000  # characters of a URL that everything should take (RFC 9110, 4.1)
# Headers that proxies add to a request. A proxy that adds none looks like a local client.
_FORWARDED = re.compile(r"via|.*forwarded.*|x-real-ip|(.*-)?client-ip|cf-.*", re.IGNORECASE)
_OFF = Refusal(404, "/probe is off", "start with `ninewatch run --blackbox-config blackbox.yml`")
_STRANGER = Refusal(
    403,
    "/probe accepts requests from loopback only",
    "use 127.0.0.1 or localhost, or start with `--blackbox-allow CIDR` for the client's network",
)
_UNNAMED = Refusal(
    403,
    "the client's network is not allowed",
    "add it to `--blackbox-allow`; this machine is 127.0.0.1/32",
)
_PAGE = Refusal(403, "/probe does not accept requests from web pages", "open the URL in a new tab, or use a program")
_BUSY = Refusal(503, "too many probes are in progress", "try again in a few seconds", (("Retry-After", "1"),))


@dataclass(frozen=True, slots=True)
class Probes:
    """What answers `/probe`, and the networks from which it may be asked; if there are none, by this machine."""

    box: Blackbox
    runner: Runner
    allow: tuple[Network, ...]
    held: Counter[object] = field(default_factory=Counter)
    """By caller, how many are under way."""

    @contextlib.contextmanager
    def slot(self, caller: object) -> Iterator[None]:
        """Count one more of the caller's while the block lasts; refuse it if he has his share."""
        if self.held[caller] >= SHARE:
            raise _BUSY
        self.held[caller] += 1
        try:
            yield
        finally:
            self.held[caller] -= 1
            if not self.held[caller]:
                del self.held[caller]


@routes.get("/probe", allow_head=False)
@role(Role.OWN)
async def probe(request: web.Request) -> web.Response:
    """Make one probe, and answer with its metrics or, with `debug=true`, with all details.

    It ends when the caller hangs up: the server cancels us then.
    """
    probes = request.app.get(PROBES)
    if probes is None:
        raise _OFF
    caller, stranger = _admitted(request, probes.allow)
    question = _question(request)
    outbound = probes.runner.outbound.for_remote_callers() if stranger else None
    try:
        with probes.slot((client_network(caller), stranger)):
            page = await probes.box.probe(question, probes.runner, outbound)
    except BusyError:
        raise _BUSY from None
    except UnknownModuleError:
        request.app[CONTEXT].health.unknown_modules += 1
        remedy = "use a module of the --blackbox-config file"
        raise Refusal(400, f'Unknown module "{question.module[:200]}"', remedy) from None
    except ValueError as error:
        raise Refusal(400, str(error), "remove hostname or the module's Host header") from None
    kind = "text/plain; charset=utf-8" if question.debug else CONTENT_TYPE
    return web.Response(body=page.encode(errors="replace"), headers={"Content-Type": kind})


@routes.get("/-/healthy")
@role(Role.PUBLIC)
async def healthy(request: web.Request) -> web.Response:
    """Answer as blackbox_exporter does to a health check; /livez and /readyz have details."""
    if PROBES not in request.app:
        raise web.HTTPNotFound
    return web.Response(text="Healthy")


def _admitted(request: web.Request, allow: tuple[Network, ...]) -> tuple[IPv4Address | IPv6Address, bool]:
    """Return who asks, if he may, and whether he is a stranger to this machine.

    A request that came through a proxy is a stranger's, wherever the proxy is, and one in HTTP/1.0 came through one:
    nginx asks so. So is one for a name that is not loopback's: a page may have pointed its own name here.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") or "Origin" in request.headers:
        raise _PAGE
    if request.remote is None:
        raise _STRANGER
    peer = address_of(request.remote)
    ours = peer.is_loopback and is_loopback(request.host) and not _forwarded(request)
    if allow and not any(peer in network for network in allow):
        raise _UNNAMED
    if not allow and not ours:
        raise _STRANGER
    return peer, not ours


def _forwarded(request: web.Request) -> bool:
    return request.version < HttpVersion11 or any(map(_FORWARDED.fullmatch, request.headers))


def _question(request: web.Request) -> ProbeRequest:
    asked = request.query
    target, module = asked.get("target", ""), asked.get("module") or "http_2xx"
    if not target:
        raise Refusal(400, "Target parameter is missing", "add &target=")
    if len(target) > _LONGEST_TARGET or not target.isprintable():
        raise Refusal(400, "the target is too long or not printable", "write a host, an address or a URL")
    return ProbeRequest(
        target, module, _hostname(asked.get("hostname", "")), _patience(request), asked.get("debug") == "true"
    )


def _hostname(given: str) -> str:
    """Return the name for the server, with a port if there is one, in a form that a header takes."""
    if not given:
        return ""
    with contextlib.suppress(ValueError):
        return str(HostPort.parse(given))
    try:
        return host(given)
    except ValueError as error:
        raise Refusal(400, str(error), "write hostname=forms.example.org or forms.example.org:8443") from None


def _patience(request: web.Request) -> float:
    header = request.headers.get("X-Prometheus-Scrape-Timeout-Seconds") or "0"
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise Refusal(400, "Failed to parse timeout from Prometheus header", "send a number of seconds")
    return seconds
