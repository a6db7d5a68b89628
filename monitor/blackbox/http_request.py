"""Convert an `http` module and a target to an HttpCheck."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

from monitor.blackbox.go_syntax import go_parses
from monitor.blackbox.tls import options, server_name_of
from monitor.config.addresses import HostPort, as_ascii
from monitor.config.domain_names import host
from monitor.config.model import Secret
from monitor.config.secret import plain
from monitor.http.check import Basic, HttpCheck, OAuth2
from monitor.network.failure import ProbeFailure
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.blackbox.http_module import BasicAuth, HttpModule
    from monitor.blackbox.http_module import OAuth2 as OAuth2Module
    from monitor.blackbox.modules import Module
    from monitor.blackbox.prober import BlackboxProbe

_USUAL = 10 * 1024 * 1024  # bytes of a body that are kept without a limit in the module
_MOST = 64 * 1024 * 1024
_UNBOUNDED = sys.maxsize  # limited by the deadline only
_SAFE = "/%:@!$&'()*+,;=-._~?[]"
NOTHING = Secret("", "nothing given")


def check_hostname(module: Module, hostname: str) -> None:
    """Check that the caller's `hostname` does not contradict the module's Host header.

    Raises:
        ValueError: it does.
    """
    written = named(module.http)
    if module.prober == "http" and hostname and written not in ("", hostname):
        raise ValueError("host header defined both in module configuration and with URL-parameter 'hostname'")


def named(config: HttpModule) -> str:
    """Return the module's Host header, empty for the target's."""
    found = next((value for name, value in config.headers.items() if name.lower() == "host"), "")
    return plain(found)


def target_url(probe: BlackboxProbe) -> SplitResult:
    """Return the URL to request; a target without a scheme uses http.

    Raises:
        ProbeFailure: `bad_target`.
    """
    given = probe.target if probe.target.startswith(("http://", "https://")) else f"http://{probe.target}"
    try:
        if not go_parses(given):
            raise ValueError
        url = urlsplit(given)
        name, _ = host(url.hostname or ""), url.port
    except ValueError:  # its text quotes the invalid part, which may be a password
        raise ProbeFailure("bad_target", "the target is not a URL with a host") from None
    shown = f"[{name}]" if ":" in name else name
    netloc = shown if url.port is None else f"{shown}:{url.port}"
    credentials = url.netloc.rpartition("@")[0]
    return url._replace(
        netloc=f"{credentials}@{netloc}" if credentials else netloc,
        path=quote(url.path, _SAFE),
        query=quote(url.query, _SAFE),
        fragment="",
    )


def to_check(probe: BlackboxProbe, url: SplitResult) -> HttpCheck:
    """Return the check that corresponds to the module and target."""
    config = probe.module.http
    bare = _nameless(url)
    headers: dict[str, str | Secret] = dict(config.headers)
    if probe.hostname:
        headers = {name: value for name, value in headers.items() if name.lower() != "host"}
        headers["Host"] = probe.hostname
    if config.compression and "accept-encoding" not in map(str.lower, headers):
        headers["Accept-Encoding"] = config.compression
    return HttpCheck.model_construct(
        id="probe",
        timeout=round(probe.seconds * SECOND),
        http=bare.geturl(),
        method=cast("Any", config.method),  # any method, like blackbox_exporter
        headers={**_of_target(config, url), **headers, **_authorization(config)},
        body=(config.body if config.body_file is None else config.body_file) or None,
        protocol="auto" if config.enable_http2 else "1.1",
        body_limit=body_limit_of(config) if config.decompression else config.body_size_limit or _UNBOUNDED,
        tls=options(config.tls_config, server_name_of(probe.hostname or named(config))),
        **_credentials(config),
        **_proxy(config),
    )


def _nameless(url: SplitResult) -> SplitResult:
    """Return the URL without credentials, which are sent in a header."""
    return url._replace(netloc=url.netloc.rpartition("@")[2], fragment="")


def body_limit_of(config: HttpModule) -> int:
    """Return how many bytes of a body are kept for validation."""
    return min(config.body_size_limit or _USUAL, _MOST)


def _authorization(config: HttpModule) -> dict[str, str | Secret]:
    given = config.authorization
    if given is None:
        return {}
    credentials = (given.credentials or given.credentials_file or NOTHING).reveal()
    return {"Authorization": Secret(f"{given.type} {credentials}", "the module file")}


def _credentials(config: HttpModule) -> dict[str, Any]:
    if config.basic_auth is not None:
        return {"basic": _basic(config.basic_auth)}
    token = config.bearer_token or config.bearer_token_file
    if token is not None:
        return {"bearer": token}
    if config.oauth2 is not None:
        return {"oauth2": _oauth2(config.oauth2)}
    return {}


def _of_target(config: HttpModule, url: SplitResult) -> dict[str, str]:
    """Return the header for credentials in the caller's URL, which are not one of our secrets."""
    if url.username is None or config.authorization is not None or _credentials(config):
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _basic(given: BasicAuth) -> Basic:
    return Basic.model_construct(user=given.username, password=given.password or given.password_file or NOTHING)


def _oauth2(given: OAuth2Module) -> OAuth2:
    return OAuth2.model_construct(
        token_url=as_ascii(_nameless(urlsplit(given.token_url)).geturl()),
        client_id=given.client_id,
        client_secret=given.client_secret or given.client_secret_file or NOTHING,
        scopes=given.scopes,
        params=dict(given.endpoint_params),
        tls=options(given.tls_config),
    )


def _proxy(config: HttpModule) -> dict[str, Any]:
    if config.proxy_url is None:
        return {}
    url = urlsplit(config.proxy_url.reveal())
    found: dict[str, Any] = {"proxy": HostPort(url.hostname or "", url.port or 80)}
    if url.username is not None:
        password = Secret(unquote(url.password or ""), "the module file")
        found["proxy_basic"] = Basic.model_construct(user=unquote(url.username), password=password)
    return found
