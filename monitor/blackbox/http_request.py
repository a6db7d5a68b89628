"""Convert an `http` module and a target to an HttpCheck."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

from monitor.blackbox.go_syntax import is_go_url
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

_DEFAULT_BODY_LIMIT = 10 * 1024 * 1024  # bytes
_MAX_BODY_LIMIT = 64 * 1024 * 1024
_UNBOUNDED = sys.maxsize  # only the deadline limits the body
_UNESCAPED = "/%:@!$&'()*+,;=-._~?[]"
_NO_SECRET = Secret("", "not configured")


def check_hostname(module: Module, hostname: str) -> None:
    """Check that the request's `hostname` does not contradict the module's Host header.

    Raises:
        ValueError: the names differ.
    """
    host_header = host_header_of(module.http)
    if module.prober == "http" and hostname and host_header not in ("", hostname):
        raise ValueError("host header defined both in module configuration and with URL-parameter 'hostname'")


def host_header_of(config: HttpModule) -> str:
    """Return the module's Host header, empty if the module has none."""
    value = next((value for name, value in config.headers.items() if name.lower() == "host"), "")
    return plain(value)


def target_url(probe: BlackboxProbe) -> SplitResult:
    """Return the URL to request; a target without a scheme uses http.

    Raises:
        ProbeFailure: `bad_target`.
    """
    target = probe.target if probe.target.startswith(("http://", "https://")) else f"http://{probe.target}"
    try:
        if not is_go_url(target):
            raise ValueError
        url = urlsplit(target)
        name, _ = host(url.hostname or ""), url.port
    except ValueError:  # not chained: its text quotes the invalid part, which may be a password
        raise ProbeFailure("bad_target", "the target is not a URL with a host") from None
    url_host = f"[{name}]" if ":" in name else name
    netloc = url_host if url.port is None else f"{url_host}:{url.port}"
    credentials = url.netloc.rpartition("@")[0]
    return url._replace(
        netloc=f"{credentials}@{netloc}" if credentials else netloc,
        path=quote(url.path, _UNESCAPED),
        query=quote(url.query, _UNESCAPED),
        fragment="",
    )


def to_check(probe: BlackboxProbe, url: SplitResult) -> HttpCheck:
    """Return the check that corresponds to the module and target."""
    config = probe.module.http
    bare_url = _without_credentials(url)
    headers: dict[str, str | Secret] = dict(config.headers)
    if probe.hostname:
        headers = {name: value for name, value in headers.items() if name.lower() != "host"}
        headers["Host"] = probe.hostname
    if config.compression and "accept-encoding" not in map(str.lower, headers):
        headers["Accept-Encoding"] = config.compression
    return HttpCheck.model_construct(
        id="probe",
        timeout=round(probe.seconds * SECOND),
        http=bare_url.geturl(),
        method=cast("Any", config.method),  # any method, like blackbox_exporter
        headers={**_target_authorization(config, url), **headers, **_authorization(config)},
        body=(config.body if config.body_file is None else config.body_file) or None,
        protocol="auto" if config.enable_http2 else "1.1",
        body_limit=body_limit_of(config) if config.decompression else config.body_size_limit or _UNBOUNDED,
        tls=options(config.tls_config, server_name_of(probe.hostname or host_header_of(config))),
        **_credentials(config),
        **_proxy(config),
    )


def _without_credentials(url: SplitResult) -> SplitResult:
    """Return the URL without credentials, which are sent in a header."""
    return url._replace(netloc=url.netloc.rpartition("@")[2], fragment="")


def body_limit_of(config: HttpModule) -> int:
    """Return the number of bytes of a body to keep for validation."""
    return min(config.body_size_limit or _DEFAULT_BODY_LIMIT, _MAX_BODY_LIMIT)


def _authorization(config: HttpModule) -> dict[str, str | Secret]:
    authorization = config.authorization
    if authorization is None:
        return {}
    credentials = (authorization.credentials or authorization.credentials_file or _NO_SECRET).reveal()
    return {"Authorization": Secret(f"{authorization.type} {credentials}", "the module file")}


def _credentials(config: HttpModule) -> dict[str, Any]:
    if config.basic_auth is not None:
        return {"basic": _basic(config.basic_auth)}
    token = config.bearer_token or config.bearer_token_file
    if token is not None:
        return {"bearer": token}
    if config.oauth2 is not None:
        return {"oauth2": _oauth2(config.oauth2)}
    return {}


def _target_authorization(config: HttpModule, url: SplitResult) -> dict[str, str]:
    """Return the header for credentials in the target's URL, which are part of the request and so not concealed."""
    if url.username is None or config.authorization is not None or _credentials(config):
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _basic(config: BasicAuth) -> Basic:
    return Basic.model_construct(user=config.username, password=config.password or config.password_file or _NO_SECRET)


def _oauth2(config: OAuth2Module) -> OAuth2:
    return OAuth2.model_construct(
        token_url=as_ascii(_without_credentials(urlsplit(config.token_url)).geturl()),
        client_id=config.client_id,
        client_secret=config.client_secret or config.client_secret_file or _NO_SECRET,
        scopes=config.scopes,
        params=dict(config.endpoint_params),
        tls=options(config.tls_config),
    )


def _proxy(config: HttpModule) -> dict[str, Any]:
    if config.proxy_url is None:
        return {}
    url = urlsplit(config.proxy_url.reveal())
    proxy: dict[str, Any] = {"proxy": HostPort(url.hostname or "", url.port or 80)}
    if url.username is not None:
        password = Secret(unquote(url.password or ""), "the module file")
        proxy["proxy_basic"] = Basic.model_construct(user=unquote(url.username), password=password)
    return proxy
