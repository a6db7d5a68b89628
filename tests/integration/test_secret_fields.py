"""Every key that takes a secret is set, every target returns the secret, and no output contains it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.config.model import Portfolio
from monitor.probes.registry import CHECK_TYPES
from tests.integration.test_secrets import pieces
from tests.support.daemon_process import DaemonProcess, run_to_exit, running_daemon
from tests.support.echo_server import echo_server
from tests.support.faulty_targets.certificates import HOST, names, self_signed
from tests.support.processes import fetch, wait_for
from tests.support.secret_fields import secret_fields

SECRET = "<secret>"
URL, PEER = "http://127.0.0.1:<port>/", "127.0.0.1:<port>"
UNMET_HEADER = {"header": {"X-Echo": "never this"}}
CLIENT_CERTIFICATE = {"tls": {"certificate": "<certificate>", "key": SECRET}}
PASSWORD = {"user": "robot", "password": SECRET}
QUERIES = {"good": "good", "total": "total", "at_least": "99%"}
FRESHNESS_KEYS = {"max_age": "1d", "stamp": {"header": "X-Echo"}}
TOKENS = {"token_url": URL + "token", "client_id": "robot"}
JWT = {"jwt": {"env": "OTHER"}, "issuer": URL, "audience": "robot"}
OTHER = {"client_secret": {"env": "OTHER"}}
# The kinds of check that use HTTP: a function that returns the check's keys for a URL of this scheme.
HTTP_KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "http": lambda scheme: {"http": f"{scheme}://{PEER}/", "expect": UNMET_HEADER},
    "freshness": lambda scheme: {"freshness": f"{scheme}://{PEER}/", **FRESHNESS_KEYS},
    "prometheus": lambda scheme: {"prometheus": f"{scheme}://{PEER}/", **QUERIES},
    "jwt": lambda scheme: {**JWT, "jwks": f"{scheme}://{PEER}/"},
    "domain": lambda scheme: {"domain": "a.example", "rdap": f"{scheme}://{PEER}/"},
}
SCRIPT = "import os\nraise ValueError(os.environ['KEY'])\n"

# Each key that takes a secret, and a check that sends the secret to a server that returns it.
CASES: dict[str, dict[str, Any]] = {
    "http body": {"http": URL, "method": "POST", "body": SECRET, "expect": {"json": {"$.error": 1}}},
    "http cookies": {"http": URL, "cookies": {"key": SECRET}, "expect": UNMET_HEADER},
    "tcp script.send": {"tcp": PEER, "script": [{"send": SECRET, "expect": "never this"}]},
    "tcp tls.key": {"tcp": PEER, "encrypted": True, **CLIENT_CERTIFICATE},
    "tls tls.key": {"tls": {"target": PEER, **CLIENT_CERTIFICATE["tls"]}},
    "dns tls.key": {"dns": "a.example", "resolver": PEER, "transport": "tls", **CLIENT_CERTIFICATE},
    "udp send": {"udp": PEER, "send": SECRET, "expect": "never this"},
    "smtp tls.key": {"smtp": PEER, "encryption": "tls", **CLIENT_CERTIFICATE},
    "redis password": {"redis": PEER, "password": SECRET},
    "redis tls.key": {"redis": PEER, "encrypted": True, **CLIENT_CERTIFICATE},
    "postgres password": {"postgres": PEER, **PASSWORD},
    "postgres tls.key": {"postgres": PEER, "encrypted": True, **CLIENT_CERTIFICATE},
    "mysql password": {"mysql": PEER, **PASSWORD},
    "mysql tls.key": {"mysql": PEER, "encrypted": True, **CLIENT_CERTIFICATE},
    "websocket headers": {"websocket": f"ws://{PEER}/", "headers": {"X-Key": SECRET}},
    "websocket tls.key": {"websocket": f"wss://{PEER}/", **CLIENT_CERTIFICATE},
    "grpc metadata": {"grpc": PEER, "metadata": {"x-key": SECRET}},
    "grpc tls.key": {"grpc": PEER, "encrypted": True, **CLIENT_CERTIFICATE},
    "heartbeat token": {"heartbeat": "every 1h", "token": SECRET},
    "exec env": {"exec": ["/bin/sh", "-c", 'echo "$KEY"; exit 1'], "env": {"KEY": SECRET}},
    "jwt jwt": {**JWT, "jwt": SECRET, "jwks": URL},
    "steps secrets": {
        "secrets": {"key": SECRET},
        "steps": [{"id": "a", "http": URL, "method": "POST", "form": {"key": "{{key}}"}, "expect": UNMET_HEADER}],
    },
    "steps totp.secret": {
        "totp": {"code": {"secret": SECRET, "period": "1s"}},
        "steps": [{"id": "a", "http": URL, "method": "POST", "form": {"code": "{{code}}"}, "expect": UNMET_HEADER}],
    },
    "browser env": {"browser": "<script>", "env": {"KEY": SECRET}},
    **{
        f"{kind} {key}": {**check_keys(scheme), **secret_keys}
        for kind, check_keys in HTTP_KINDS.items()
        for key, scheme, secret_keys in (
            ("basic.password", "http", {"basic": PASSWORD}),
            ("bearer", "http", {"bearer": SECRET}),
            ("headers", "http", {"headers": {"X-Key": SECRET}}),
            ("oauth2.client_secret", "http", {"oauth2": {**TOKENS, "client_secret": SECRET}}),
            ("oauth2.params", "http", {"oauth2": {**TOKENS, **OTHER, "params": {"key": SECRET}}}),
            (
                "oauth2.tls.key",
                "http",
                {"oauth2": {**TOKENS, **OTHER, "token_url": f"https://{PEER}/", **CLIENT_CERTIFICATE}},
            ),
            ("proxy_basic.password", "http", {"proxy": URL, "proxy_basic": PASSWORD}),
            ("tls.key", "https", CLIENT_CERTIFICATE),
        )
    },
}
FAST = {"interval": "1s", "timeout": "1s"}
WITHOUT_INTERVAL = {"heartbeat", "domain", "browser"}


@pytest.mark.fault(47)
def test_every_key_that_takes_a_secret_has_a_case() -> None:
    """A new key fails here until it has a case above."""
    fields = {f"{kind.kind} {field}" for kind in CHECK_TYPES for field in secret_fields(kind)}
    assert fields == CASES.keys()
    other_fields = {field for field in secret_fields(Portfolio) if not field.startswith("products.checks.")}
    anchors = {"anchors.headers", "anchors.tls.key", "witness_for.tls.key"}  # tests/monitor/anchoring/test_timestamp.py
    kinds = {
        "http": ("headers", "basic.password", "bearer", "secrets", "tls.key"),
        "postgres": ("password", "tls.key"),
        "redis": ("password", "tls.key"),
        "keycloak": ("client_secret", "password", "tls.key"),
        "chefs": ("api_key", "tls.key"),
    }  # tests/monitor/continuity
    continuity = {f"products.continuity.{kind}.{key}" for kind, keys in kinds.items() for key in keys}
    login = {"login.oidc.client_secret", "login.oidc.tls.key"}  # tests/monitor/web/test_login.py
    feeds = {"products.status_feed.tls.key"}  # tests/monitor/status_feeds/test_service.py
    vantages = {"centre.token", "centre.tls.key", "intake.key"}  # tests/integration/test_vantage_delivery.py
    assert other_fields == {"products.clients.contact", *anchors, *continuity, *login, *feeds, *vantages}


class SecretCases:
    """A folder with a configuration of all cases, and the planted secrets by case."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.canaries = folder, {"client": f"canary-{uuid.uuid4().hex}"}
        self.environment = {"OTHER": "not-looked-for", "CLIENT": self.canaries["client"]}
        (folder / "script.py").write_text(SCRIPT)
        checks = [self._check(number, name, port) for number, name in enumerate(CASES)]
        client = {"name": "ministry", "risk": "high", "contact": {"env": "CLIENT"}}
        product = {"id": "secrets", "objective": "99%", "checks": checks, "clients": [client]}
        self.config = folder / "ninewatch.yaml"
        store = str(folder / "ninewatch.db")
        self.config.write_text(json.dumps({"listen": "127.0.0.1:0", "store": store, "products": [product]}))
        self.single_configs = []
        for check in checks:
            self.single_configs.append(folder / f"{check['id']}.yaml")
            self.single_configs[-1].write_text(json.dumps({"products": [{**product, "checks": [check]}]}))

    def _check(self, number: int, name: str, port: int) -> dict[str, Any]:
        """Return the case's check. Its secret is in the environment, and differs from all other secrets."""
        variable, certificate = f"CANARY_{number}", self.folder / f"{number}.pem"
        if name.endswith("tls.key"):
            certificate_and_key = self_signed(names(HOST))
            certificate.write_bytes(certificate_and_key.certificate_pem())
            self.canaries[name] = certificate_and_key.key_pem().decode()
        elif name.endswith("totp.secret"):
            self.canaries[name] = base64.b32encode(uuid.uuid4().bytes * 2).decode().rstrip("=")
        else:
            self.canaries[name] = f"canary-{uuid.uuid4().hex}"
        self.environment[variable] = self.canaries[name]
        text = json.dumps(CASES[name]).replace(f'"{SECRET}"', json.dumps({"env": variable}))
        text = text.replace("<port>", str(port)).replace("<certificate>", str(certificate))
        check_keys: dict[str, Any] = json.loads(text.replace("<script>", str(self.folder / "script.py")))
        return {"id": f"case-{number}", **check_keys, **({} if WITHOUT_INTERVAL & check_keys.keys() else FAST)}

    def leaks(self, text: str) -> list[str]:
        """Return the cases whose secret, or a significant part of it, is in the text."""
        return [name for name, canary in self.canaries.items() if any(piece in text for piece in pieces(canary))]


@pytest.fixture(scope="module")
def secret_cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretCases]:
    with echo_server() as port:
        yield SecretCases(tmp_path_factory.mktemp("planted"), port)


def test_search_finds_every_planted_secret(secret_cases: SecretCases) -> None:
    assert secret_cases.leaks(" ".join(secret_cases.canaries.values())) == list(secret_cases.canaries)
    assert secret_cases.leaks("nothing at all") == []


def _ping(daemon: DaemonProcess, number: int, token: str) -> None:
    """Report a failure whose text is the token."""
    connection = http.client.HTTPConnection(daemon.address.removeprefix("http://"), timeout=10)
    path, headers = f"/ping/secrets/case-{number}/fail", {"Authorization": f"Bearer {token}"}
    with contextlib.closing(connection):
        connection.request("POST", path, token, headers)
        assert connection.getresponse().status == 200


@pytest.mark.slow
@pytest.mark.fault(47)
def test_no_output_of_the_daemon_contains_a_secret(secret_cases: SecretCases) -> None:
    """Checks pages, API, metrics, the log at DEBUG, the record and the reports.

    The details do show the responses, with the secret replaced.
    """
    number = list(CASES).index("heartbeat token")
    expected = {
        f"case-{n}" for n, case in enumerate(CASES.values()) if not (WITHOUT_INTERVAL - {"heartbeat"}) & case.keys()
    }
    with running_daemon(
        secret_cases.config, debug=True, extra=secret_cases.environment, options=["--allow-exec"]
    ) as daemon:
        _ping(daemon, number, secret_cases.canaries["heartbeat token"])

        def last_details() -> dict[str, str]:
            checks = daemon.api("/products/secrets")["checks"]
            return {check["id"]: check["last"]["detail"] for check in checks if check["last"] is not None}

        wait_for("a result of each check", lambda: last_details().keys() >= expected, 60)
        assert sum("[secret]" in detail for detail in last_details().values()) >= 12, last_details()
        paths = ["/", "/products/secrets", "/metrics", *(f"/api/v1/{name}" for name in ("products", "incidents"))]
        responses = {path: fetch(daemon.address + path) for path in [*paths, "/api/v1/products/secrets"]}
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        log = daemon.output()
    assert {path: status for path, (status, _) in responses.items() if status != 200} == {}
    assert {path: secret_cases.leaks(body.decode()) for path, (_, body) in responses.items()} == {
        path: [] for path in responses
    }
    assert secret_cases.leaks(log) == []
    record = b"".join(path.read_bytes() for path in secret_cases.folder.glob("ninewatch.db*"))
    assert secret_cases.leaks(record.decode("latin-1")) == []
    for form in ("md", "json", "html", "csv"):
        arguments = ("report", "--product", "all", "--window", "day", "-c", secret_cases.config, "--format", form)
        code, out, err = run_to_exit(*arguments, extra=secret_cases.environment)
        assert code == 0, err
        assert secret_cases.leaks(out + err) == [], form


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_probe_command_prints_no_secret(name: str, secret_cases: SecretCases, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in secret_cases.environment.items():
        monkeypatch.setenv(variable, value)
    number = list(CASES).index(name)
    for form in ([], ["--json"]):
        arguments = ["probe", f"case-{number}", "-c", str(secret_cases.single_configs[number]), "--allow-exec", *form]
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code in (0, 1, 3), result.output
        assert result.output
        assert secret_cases.leaks(result.output) == []
