"""Convert one endpoint of Gatus to the checks of a product."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from monitor.config.addresses import carries_credentials
from monitor.migration.gatus_conditions import Expectations, UnsupportedConditionError
from monitor.migration.gatus_kinds import KINDS
from monitor.migration.values import (
    contains_secret,
    go_duration,
    host_and_port,
    notation,
    unique_id,
    without_credentials,
)
from sla.interval import MILLISECOND, MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.migration.conversion import Check, Conversion

_UNSUPPORTED_OPTIONS: Final = {
    "dns-resolver": "checks use the system's resolver",
    "identity-aware-proxy": "configure the token as a bearer secret",
    "kerberos": "there is no Kerberos",
    "tls": "add tls: {certificate: FILE, key: FILE} with the paths on the daemon's machine",
    "tunnel": "there are no SSH tunnels",
}
_REDIRECTS: Final = 10  # Go's HTTP client follows up to 10


def gatus_key(group: str, name: str) -> str:
    """Return the key of an endpoint in the database of Gatus."""
    return "_".join(re.sub(r"[/_., #]", "-", text.strip().lower()) for text in (group, name))


@dataclass(slots=True)
class Endpoint:
    """An endpoint. `place` returns the position of one of its keys."""

    raw: dict[str, Any]
    conversion: Conversion
    place: Callable[..., str]
    expectations: Expectations = field(default_factory=Expectations)

    @property
    def name(self) -> str:
        """The name with its group."""
        group, name = str(self.raw.get("group") or ""), str(self.raw.get("name") or "endpoint")
        return f"{group} / {name}" if group else name

    @property
    def key(self) -> str:
        """The key in the database of Gatus."""
        return gatus_key(str(self.raw.get("group") or ""), str(self.raw.get("name") or "endpoint"))

    def product(self) -> dict[str, Any]:
        """Return id and name of the product."""
        return {"id": unique_id(self.name, ()), "name": " ".join(self.name.split())[:200]}

    def checks(self) -> list[Check]:
        """Return the checks, and add a note for each condition without an equivalent."""
        for index, text in enumerate(self.raw.get("conditions") or ()):
            try:
                self.expectations.add(str(text))
            except UnsupportedConditionError as error:
                self.note_lost(f"{text}: {error}", "conditions", index)
        self._note_client()
        kind = self._kind()
        if kind is None:
            return []
        check = {**kind, **self._timing(), **self.streaks()}
        return [check, *self._extra_checks()]

    def streaks(self) -> dict[str, int]:
        """Return `fall` and `rise`, the numbers of probes that open and resolve an incident, from the first alert."""
        alerts = [alert for alert in self.raw.get("alerts") or () if isinstance(alert, dict)]
        if not alerts:
            return {}
        thresholds = {"fall": alerts[0].get("failure-threshold", 3), "rise": alerts[0].get("success-threshold", 2)}
        return {key: int(str(value)) for key, value in thresholds.items() if re.fullmatch(r"[1-9]\d?", str(value))}

    def note_lost(self, message: str, *loc: str | int) -> None:
        """Add a note that a part is not carried over."""
        self.conversion.note(self.place(*loc), f"not carried over: {message}")

    def _secret(self, key: str, value: Any, *loc: str | int) -> Any:
        return self.conversion.secret(f"{unique_id(self.name, ())}_{key}", self.place(*loc), value)

    @property
    def client(self) -> dict[str, Any]:
        """The block `client`."""
        client = self.raw.get("client")
        return client if isinstance(client, dict) else {}

    def _note_client(self) -> None:
        for key in self.client:
            if key in _UNSUPPORTED_OPTIONS:
                self.note_lost(_UNSUPPORTED_OPTIONS[key], "client", key)

    def _timing(self) -> dict[str, str]:
        """Return interval and timeout. A limit of the response time becomes the timeout: both make a probe bad."""
        interval = go_duration(self.raw.get("interval", "1m")) or MINUTE
        timeout = go_duration(self.client.get("timeout", "10s")) or 10 * SECOND
        limit = self.expectations.response_time
        if limit is not None and limit < timeout:
            timeout = max(limit, 10 * MILLISECOND)
            self.conversion.note(
                self.place("conditions"), f"the limit of the response time is used as the timeout, {notation(timeout)}"
            )
        if timeout > interval:
            timeout = interval
            self.conversion.note(
                self.place("client"), "the timeout is longer than the interval, so the interval is used"
            )
        return {"interval": notation(interval), "timeout": notation(timeout)}

    def _kind(self) -> Check | None:
        """Return the kind of the check with its own keys, None if there is none."""
        url = str(self.raw.get("url") or "")
        shown_url = re.sub(r"//[^/]*@", "//", url).partition("?")[0]  # without credentials
        scheme = shown_url.partition("://")[0].lower()
        if isinstance(self.raw.get("dns"), dict):
            return KINDS["dns"](self, url)
        if "${" in url:
            self.note_lost(f"{shown_url}: the address has an environment variable; specify the address", "url")
            return None
        convert = KINDS.get(scheme)
        if convert is None:
            self.note_lost(f"{scheme} endpoints have no equivalent", "url")
            return None
        try:
            return convert(self, url)
        except (ValueError, UnsupportedConditionError) as error:
            self.note_lost(f"{shown_url}: {error}", "url")
            return None

    def http(self, url: str) -> Check:
        """Return an HTTP check without its interval."""
        check: Check = {"id": "http", "http": self.address(url)}
        method = str(self.raw.get("method") or "GET").upper()
        check |= {"method": method} if method != "GET" else {}
        if headers := self.headers():
            check["headers"] = headers
        if body := self._body():
            check["body"] = body
        check |= self._credentials(url)
        if str(self.client.get("ignore-redirect", False)).lower() != "true":
            check["redirects"] = _REDIRECTS
        check["expect"] = {
            "status": self.expectations.status_keys(),
            **self.expectations.expect,
            **self._body_expectations(),
        }
        return check | self._tls()

    def _body_expectations(self) -> dict[str, Any]:
        try:
            return self.expectations.body_expectations()
        except UnsupportedConditionError as error:
            self.note_lost(f"[BODY]: {error}", "conditions")
            return {}

    def address(self, url: str) -> str:
        """Return the URL without credentials."""
        address, _, has_secret = without_credentials(url)
        if has_secret:
            self.note_lost("the query of the address, which has a credential; send it in a header", "url")
            return address.partition("?")[0]
        return address

    def headers(self) -> dict[str, Any]:
        """Return the headers; those with credentials refer to secrets."""
        headers = self.raw.get("headers")
        return {
            name: self._secret(name, value, "headers", name)
            if carries_credentials(name) or "${" in str(value)
            else str(value)
            for name, value in (headers.items() if isinstance(headers, dict) else ())
        }

    def _body(self) -> Any:
        body = str(self.raw.get("body") or "")
        for placeholder, value in (("NAME", "name"), ("GROUP", "group"), ("URL", "url")):
            body = body.replace(f"[ENDPOINT_{placeholder}]", str(self.raw.get(value) or ""))
        if "[RANDOM_STRING_" in body:
            self.note_lost("random text in the body", "body")
        if str(self.raw.get("graphql", False)).lower() == "true" and body:
            self.note_lost("the body is not wrapped as GraphQL; specify the JSON", "graphql")
        return self._secret("body", body, "body") if contains_secret(body) or "${" in body else body

    def _credentials(self, url: str) -> dict[str, Any]:
        user = without_credentials(url)[1]
        if user:
            return {"basic": {"user": user, "password": self._secret("password", urlsplit(url).password, "url")}}
        oauth2 = self.client.get("oauth2")
        if not isinstance(oauth2, dict):
            return {}
        secret = self._secret("client_secret", oauth2.get("client-secret"), "client", "oauth2", "client-secret")
        keys = {
            "token_url": str(oauth2.get("token-url")),
            "client_id": str(oauth2.get("client-id")),
            "client_secret": secret,
        }
        return {"oauth2": {**keys, "scopes": [str(scope) for scope in oauth2.get("scopes") or ()]}}

    def _tls(self) -> Check:
        keys: Check = {}
        if proxy := self.client.get("proxy-url"):
            address, user, _ = without_credentials(str(proxy))
            keys["proxy"] = address
            if user:
                self.note_lost("the credentials of the proxy; add proxy_basic", "client", "proxy-url")
        if str(self.client.get("insecure", False)).lower() == "true":
            keys["tls"] = {"verify": False}
        return keys | self.family()

    def family(self) -> Check:
        """Return the address family, if it is restricted."""
        network = str(self.client.get("network", "ip"))
        return {"family": network} if network in ("ip4", "ip6") else {}

    def _extra_checks(self) -> list[Check]:
        """Return checks for the conditions on the expiry of certificate and domain."""
        host, port = host_and_port(str(self.raw.get("url") or ""))
        extra: list[Check] = []
        if self.expectations.certificate:
            tls = {"target": f"{host}:{port or 443}", "valid_for": notation(self.expectations.certificate)}
            extra.append({"id": "certificate", "tls": tls, "interval": "10m"})
        if self.expectations.domain:
            domain = host if host.count(".") < 2 else ".".join(host.split(".")[-2:])
            extra.append({"id": "domain", "domain": domain, "valid_for": notation(self.expectations.domain)})
            if domain != host:
                self.conversion.note(self.place("url"), f"the registered domain of {host} is assumed to be {domain}")
        return extra
