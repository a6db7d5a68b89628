"""Convert one monitor of Uptime Kuma to a check."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from monitor.config.addresses import carries_credentials
from monitor.migration.gatus_conditions import Condition, UnsupportedConditionError, value_expectation
from monitor.migration.values import contains_secret, host_and_port, notation, unique_id, without_credentials
from sla.interval import MILLISECOND, SECOND

if TYPE_CHECKING:
    from monitor.migration.conversion import Check, Conversion

_PATH = re.compile(r"(?:\$\.?)?((?:[A-Za-z_]\w*|\[\d+\])(?:\.[A-Za-z_]\w*|\[\d+\])*)")
_METHODS_WITHOUT_BODY: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class KumaMonitor:
    """A row of the table `monitor`, and the row of its proxy."""

    row: Mapping[str, Any]
    conversion: Conversion
    place: str
    proxy: Mapping[str, Any] | None = None

    def check(self) -> Check | None:
        """Return the check, None (with a note) for a monitor without an equivalent."""
        convert = _KINDS.get(self.row["type"])
        if convert is None:
            self._note_lost(f"monitors of the type {self.row['type']} have no equivalent")
            return None
        if self.row.get("upside_down"):
            self._note_lost("the monitor is upside down (up if the target is down)")
            return None
        if json.loads(self.row.get("conditions") or "[]"):
            self._note_lost("its conditions; add expectations")
        try:
            check = {"id": unique_id(str(self.row["name"]), (), "check"), **convert(self)}
        except (ValueError, UnsupportedConditionError) as error:
            self._note_lost(str(error))
            return None
        return check | self._timing(is_push=self.row["type"] == "push")

    def _note_lost(self, message: str) -> None:
        self.conversion.note(self.place, f"not carried over: {message}")

    def _secret(self, key: str, value: Any = "") -> Any:
        name = unique_id(str(self.row["name"]), ())
        return self.conversion.secret(f"{name}_{key}", f"{self.place}: {key}", value)

    def _timing(self, *, is_push: bool) -> Check:
        """Return interval, timeout and streaks. Kuma's default timeout is 80 % of the interval."""
        retries = {"fall": min(int(self.row.get("maxretries") or 0) + 1, 100), "rise": 1}
        if is_push:
            return retries
        interval = int(self.row["interval"]) * SECOND
        timeout = int(float(self.row.get("timeout") or 0) * SECOND) or interval * 4 // 5
        timeout = min(timeout // MILLISECOND * MILLISECOND, interval, 300 * SECOND)
        return {"interval": notation(interval), "timeout": notation(timeout), **retries}

    @property
    def _host(self) -> str:
        host = str(self.row.get("hostname") or "")
        return f"[{host}]" if ":" in host else host

    def _http(self) -> Check:
        address, _, has_secret = without_credentials(str(self.row.get("url") or ""))
        if has_secret:
            self._note_lost("the query of the address, which has a credential; send it in a header")
            address = address.partition("?")[0]
        check: Check = {"http": address}
        method = str(self.row.get("method") or "GET").upper()
        check |= {"method": method} if method != "GET" else {}
        if headers := self._headers():
            check["headers"] = headers
        if (body := str(self.row.get("body") or "")) and method not in _METHODS_WITHOUT_BODY:
            check["body"] = self._secret("body", body) if contains_secret(body) else body
        check |= self._credentials() | self._proxy()
        if redirects := min(int(self.row.get("maxredirects") or 0), 20):
            check["redirects"] = redirects
        if self.row.get("ignore_tls"):
            check["tls"] = {"verify": False}
        return {**check, "expect": {"status": json.loads(self.row.get("accepted_statuscodes_json") or '["200-299"]')}}

    def _headers(self) -> dict[str, Any]:
        headers = json.loads(self.row.get("headers") or "{}")
        return {
            name: self._secret(name, value) if carries_credentials(name) else str(value)
            for name, value in headers.items()
        }

    def _credentials(self) -> Check:
        method = self.row.get("auth_method") or ("basic" if self.row.get("basic_auth_user") else None)
        if method == "basic":
            password = self._secret("password", self.row.get("basic_auth_pass"))
            return {"basic": {"user": str(self.row["basic_auth_user"]), "password": password}}
        if method == "oauth2-cc":
            keys = {"token_url": str(self.row["oauth_token_url"]), "client_id": str(self.row["oauth_client_id"])}
            scopes = str(self.row.get("oauth_scopes") or "").split()
            return {"oauth2": {**keys, "client_secret": self._secret("client_secret"), "scopes": scopes}}
        if method:
            self._note_lost(f"the authentication {method}")
        return {}

    def _proxy(self) -> Check:
        if self.proxy is None or not self.proxy.get("active"):
            return {}
        if self.proxy["protocol"] != "http":
            self._note_lost(f"the proxy with the protocol {self.proxy['protocol']}; only http is supported")
            return {}
        check: Check = {"proxy": f"http://{self.proxy['host']}:{self.proxy['port']}"}
        if self.proxy.get("auth"):
            credentials = {"user": str(self.proxy["username"]), "password": self._secret("proxy_password")}
            check["proxy_basic"] = credentials
        return check

    def _keyword(self) -> Check:
        check = self._http()
        check["expect"]["not_contains" if self.row.get("invert_keyword") else "contains"] = str(self.row["keyword"])
        return check

    def _json_query(self) -> Check:
        path = _PATH.fullmatch(str(self.row.get("json_path") or ""))
        if path is None:
            raise ValueError(f"the JSONata expression {self.row.get('json_path')} is not a plain path")
        operator, value = self.row.get("json_path_operator") or "==", str(self.row.get("expected_value") or "")
        check = self._http()
        conditions = (
            {"matches": re.escape(value)}
            if operator == "contains"
            else value_expectation(Condition("", operator, value))
        )
        check["expect"]["json"] = {f"${'' if path[1].startswith('[') else '.'}{path[1]}": conditions}
        return check

    def _port(self) -> Check:
        return {"tcp": f"{self._host}:{self.row['port']}"}

    def _ping(self) -> Check:
        return {"icmp": self._host.strip("[]")}

    def _dns(self) -> Check:
        record = {"record": self.row["dns_resolve_type"]} if self.row.get("dns_resolve_type") else {}
        server = str(self.row.get("dns_resolve_server") or "").split(",")[0].strip()
        resolver = {"resolver": f"[{server}]" if ":" in server else server} if server else {}
        if resolver:
            resolver["resolver"] += f":{self.row.get('port') or 53}"
        return {"dns": self._host, **record, **resolver}

    def _push(self) -> Check:
        self.conversion.note(self.place, "the job must report to /ping/PRODUCT/CHECK (docs/probes.md)")
        return {"heartbeat": f"every {self.row['interval']}s", "token": self._secret("token")}

    def _database(self) -> Check:
        """Return a check of PostgreSQL, MySQL or Redis. The password of the connection string is a secret."""
        kind = self.row["type"]
        url = urlsplit(str(self.row.get("database_connection_string") or ""))
        host, port = host_and_port(url.geturl())
        if not host:
            raise ValueError("the connection string is not a URL")
        check: Check = {kind: f"{host}:{port}" if port else host}
        if url.username:
            check["user"] = url.username
        if url.password:
            check["password"] = self._secret("password")
        if kind == "redis":
            return check | ({"encrypted": True} if url.scheme == "rediss" else {})
        database = url.path.strip("/")
        query = str(self.row.get("database_query") or "")
        return check | ({"database": database} if database else {}) | ({"query": query} if query else {})

    def _smtp(self) -> Check:
        security = {"secure": "tls", "starttls": "starttls"}.get(str(self.row.get("smtp_security")), "none")
        return {"smtp": f"{self._host}:{self.row['port']}", "encryption": security}


_KINDS: Final[Mapping[str, Callable[[KumaMonitor], Check]]] = {
    "http": KumaMonitor._http,
    "keyword": KumaMonitor._keyword,
    "json-query": KumaMonitor._json_query,
    "port": KumaMonitor._port,
    "ping": KumaMonitor._ping,
    "dns": KumaMonitor._dns,
    "push": KumaMonitor._push,
    "postgres": KumaMonitor._database,
    "mysql": KumaMonitor._database,
    "redis": KumaMonitor._database,
    "smtp": KumaMonitor._smtp,
}
