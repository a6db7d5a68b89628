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

MAX_PER_CLIENT = 80  # probes in progress per client network, so that other clients can still probe
_MAX_TARGET = 8_000  # the length of a URL that all implementations should support (RFC 9110, 4.1)
# Headers that proxies add to a request. A proxy that adds none looks like a local client.
_FORWARDED = re.compile(r"via|.*forwarded.*|x-real-ip|(.*-)?client-ip|cf-.*", re.IGNORECASE)
_DISABLED = Refusal(404, "/probe is off", "start with `ninewatch run --blackbox-config blackbox.yml`")
_REMOTE = Refusal(
    403,
    "/probe accepts requests from loopback only",
    "use 127.0.0.1 or localhost, or start with `--blackbox-allow CIDR` for the client's network",
)
_NOT_ALLOWED = Refusal(
    403,
    "the client's network is not allowed",
    "add it to `--blackbox-allow`; this machine is 127.0.0.1/32",
)
_REQUEST_FROM_WEB_PAGE = Refusal(
    403, "/probe does not accept requests from web pages", "open the URL in a new tab, or use a program"
)
_TOO_MANY_PROBES = Refusal(
    503, "too many probes are in progress", "try again in a few seconds", (("Retry-After", "1"),)
)


@dataclass(frozen=True, slots=True)
class Probes:
    """The parts of /probe. `allow` has the networks of permitted clients; if empty, only loopback is permitted."""

    blackbox: Blackbox
    runner: Runner
    allow: tuple[Network, ...]
    probes_in_progress: Counter[object] = field(default_factory=Counter)
    """The number of probes in progress per client."""

    @contextlib.contextmanager
    def slot(self, client: object) -> Iterator[None]:
        """Count a probe of the client while the block runs.

        Raises:
            Refusal: the client has MAX_PER_CLIENT probes in progress.
        """
        if self.probes_in_progress[client] >= MAX_PER_CLIENT:
            raise _TOO_MANY_PROBES
        self.probes_in_progress[client] += 1
        try:
            yield
        finally:
            self.probes_in_progress[client] -= 1
            if not self.probes_in_progress[client]:
                del self.probes_in_progress[client]


@routes.get("/probe", allow_head=False)
@role(Role.CHECKED_BY_HANDLER)
async def probe(request: web.Request) -> web.Response:
    """Make one probe and return its metrics, or all details with `debug=true`.

    If the client disconnects, the server cancels the probe.
    """
    probes = request.app.get(PROBES)
    if probes is None:
        raise _DISABLED
    client, remote = _client_of(request, probes.allow)
    probe_request = _probe_request(request)
    outbound = probes.runner.outbound.for_remote_callers() if remote else None
    try:
        with probes.slot((client_network(client), remote)):
            page = await probes.blackbox.probe(probe_request, probes.runner, outbound)
    except BusyError:
        raise _TOO_MANY_PROBES from None
    except UnknownModuleError:
        request.app[CONTEXT].health.unknown_modules += 1
        remedy = "use a module of the --blackbox-config file"
        raise Refusal(400, f'Unknown module "{probe_request.module[:200]}"', remedy) from None
    except ValueError as error:
        raise Refusal(400, str(error), "remove hostname or the module's Host header") from None
    content_type = "text/plain; charset=utf-8" if probe_request.debug else CONTENT_TYPE
    return web.Response(body=page.encode(errors="replace"), headers={"Content-Type": content_type})


@routes.get("/-/healthy")
@role(Role.PUBLIC)
async def healthy(request: web.Request) -> web.Response:
    """Answer health checks like blackbox_exporter. /livez and /readyz have details."""
    if PROBES not in request.app:
        raise web.HTTPNotFound
    return web.Response(text="Healthy")


def _client_of(request: web.Request, allow: tuple[Network, ...]) -> tuple[IPv4Address | IPv6Address, bool]:
    """Return the client's address, and whether the client counts as remote.

    A request over loopback counts as remote if it came through a proxy (HTTP/1.0 counts as a proxy, because nginx uses
    it), or if its Host is not a loopback name, because a page of another site may have pointed its name here.

    Raises:
        Refusal: the client may not use /probe.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") or "Origin" in request.headers:
        raise _REQUEST_FROM_WEB_PAGE
    if request.remote is None:
        raise _REMOTE
    peer = address_of(request.remote)
    local = peer.is_loopback and is_loopback(request.host) and not _is_forwarded(request)
    if allow and not any(peer in network for network in allow):
        raise _NOT_ALLOWED
    if not allow and not local:
        raise _REMOTE
    return peer, not local


def _is_forwarded(request: web.Request) -> bool:
    return request.version < HttpVersion11 or any(map(_FORWARDED.fullmatch, request.headers))


def _probe_request(request: web.Request) -> ProbeRequest:
    query = request.query
    target, module = query.get("target", ""), query.get("module") or "http_2xx"
    if not target:
        raise Refusal(400, "Target parameter is missing", "add &target=")
    if len(target) > _MAX_TARGET or not target.isprintable():
        raise Refusal(400, "the target is too long or not printable", "use a host, an address or a URL")
    return ProbeRequest(
        target, module, _hostname(query.get("hostname", "")), _scrape_timeout(request), query.get("debug") == "true"
    )


def _hostname(text: str) -> str:
    """Return the host name, with its port if there is one, as the value of a Host header."""
    if not text:
        return ""
    with contextlib.suppress(ValueError):
        return str(HostPort.parse(text))
    try:
        return host(text)
    except ValueError as error:
        raise Refusal(400, str(error), "use hostname=forms.example.org or forms.example.org:8443") from None


def _scrape_timeout(request: web.Request) -> float:
    header = request.headers.get("X-Prometheus-Scrape-Timeout-Seconds") or "0"
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise Refusal(400, "Failed to parse timeout from Prometheus header", "send a number of seconds")
    return seconds
