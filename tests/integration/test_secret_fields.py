"""Every key that takes a secret is given one, every target says it back, and no output has it."""

from __future__ import annotations

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
from tests.support.echo_server import echoing
from tests.support.faulty_targets.certificates import HOST, names, self_made
from tests.support.processes import fetch, wait_for
from tests.support.secret_fields import secret_fields

SECRET = "<secret>"
URL, PEER = "http://127.0.0.1:<port>/", "127.0.0.1:<port>"
NEVER = {"header": {"X-Echo": "never this"}}
MUTUAL = {"tls": {"certificate": "<certificate>", "key": SECRET}}
PASSWORD = {"user": "robot", "password": SECRET}
QUERIES = {"good": "good", "total": "total", "at_least": "99%"}
DAILY = {"max_age": "1d", "stamp": {"header": "X-Echo"}}
TOKENS = {"token_url": URL + "token", "client_id": "robot"}
OTHER = {"client_secret": {"env": "OTHER"}}
# The kinds that ask over HTTP: how each is pointed at a URL of this scheme.
ASKING: dict[str, Callable[[str], dict[str, Any]]] = {
    "http": lambda scheme: {"http": f"{scheme}://{PEER}/", "expect": NEVER},
    "freshness": lambda scheme: {"freshness": f"{scheme}://{PEER}/", **DAILY},
    "prometheus": lambda scheme: {"prometheus": f"{scheme}://{PEER}/", **QUERIES},
    "domain": lambda scheme: {"domain": "a.example", "rdap": f"{scheme}://{PEER}/"},
}
SCRIPT = "import os\nraise ValueError(os.environ['KEY'])\n"

# Each key that takes a secret, and a check that sends it to where it comes back.
CASES: dict[str, dict[str, Any]] = {
    "http body": {"http": URL, "method": "POST", "body": SECRET, "expect": {"json": {"$.error": 1}}},
    "http cookies": {"http": URL, "cookies": {"key": SECRET}, "expect": NEVER},
    "tcp script.send": {"tcp": PEER, "script": [{"send": SECRET, "expect": "never this"}]},
    "tcp tls.key": {"tcp": PEER, "encrypted": True, **MUTUAL},
    "tls tls.key": {"tls": {"target": PEER, **MUTUAL["tls"]}},
    "dns tls.key": {"dns": "a.example", "resolver": PEER, "transport": "tls", **MUTUAL},
    "udp send": {"udp": PEER, "send": SECRET, "expect": "never this"},
    "smtp tls.key": {"smtp": PEER, "encryption": "tls", **MUTUAL},
    "redis password": {"redis": PEER, "password": SECRET},
    "redis tls.key": {"redis": PEER, "encrypted": True, **MUTUAL},
    "postgres password": {"postgres": PEER, **PASSWORD},
    "postgres tls.key": {"postgres": PEER, "encrypted": True, **MUTUAL},
    "mysql password": {"mysql": PEER, **PASSWORD},
    "mysql tls.key": {"mysql": PEER, "encrypted": True, **MUTUAL},
    "websocket headers": {"websocket": f"ws://{PEER}/", "headers": {"X-Key": SECRET}},
    "websocket tls.key": {"websocket": f"wss://{PEER}/", **MUTUAL},
    "grpc metadata": {"grpc": PEER, "metadata": {"x-key": SECRET}},
    "grpc tls.key": {"grpc": PEER, "encrypted": True, **MUTUAL},
    "heartbeat token": {"heartbeat": "every 1h", "token": SECRET},
    "exec env": {"exec": ["/bin/sh", "-c", 'echo "$KEY"; exit 1'], "env": {"KEY": SECRET}},
    "browser env": {"browser": "<script>", "env": {"KEY": SECRET}},
    **{
        f"{kind} {key}": {**asked(scheme), **given}
        for kind, asked in ASKING.items()
        for key, scheme, given in (
            ("basic.password", "http", {"basic": PASSWORD}),
            ("bearer", "http", {"bearer": SECRET}),
            ("headers", "http", {"headers": {"X-Key": SECRET}}),
            ("oauth2.client_secret", "http", {"oauth2": {**TOKENS, "client_secret": SECRET}}),
            ("oauth2.params", "http", {"oauth2": {**TOKENS, **OTHER, "params": {"key": SECRET}}}),
            ("oauth2.tls.key", "http", {"oauth2": {**TOKENS, **OTHER, "token_url": f"https://{PEER}/", **MUTUAL}}),
            ("proxy_basic.password", "http", {"proxy": URL, "proxy_basic": PASSWORD}),
            ("tls.key", "https", MUTUAL),
        )
    },
}
PACE = {"interval": "1s", "timeout": "1s"}
UNPACED = {"heartbeat", "domain", "browser"}


def test_every_key_that_takes_a_secret_is_tried() -> None:
    """A new one fails here until it has a case above."""
    found = {f"{kind.kind} {field}" for kind in CHECK_TYPES for field in secret_fields(kind)}
    assert found == CASES.keys()
    elsewhere = {field for field in secret_fields(Portfolio) if not field.startswith("products.checks.")}
    anchors = {"anchors.headers", "anchors.tls.key", "witness_for.tls.key"}  # tests/monitor/anchoring/test_timestamp.py
    assert elsewhere == {"products.clients.contact", *anchors}


class Planted:
    """A folder with a configuration of all cases, and the canaries by the case in which they are."""

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
        self.alone = []
        for each in checks:
            self.alone.append(folder / f"{each['id']}.yaml")
            self.alone[-1].write_text(json.dumps({"products": [{**product, "checks": [each]}]}))

    def _check(self, number: int, name: str, port: int) -> dict[str, Any]:
        """Return the case's check; its secret is in the environment, and has another value than any other's."""
        variable, certificate = f"CANARY_{number}", self.folder / f"{number}.pem"
        if name.endswith("tls.key"):
            paper = self_made(names(HOST))
            certificate.write_bytes(paper.certificate_pem())
            self.canaries[name] = paper.key_pem().decode()
        else:
            self.canaries[name] = f"canary-{uuid.uuid4().hex}"
        self.environment[variable] = self.canaries[name]
        text = json.dumps(CASES[name]).replace(f'"{SECRET}"', json.dumps({"env": variable}))
        text = text.replace("<port>", str(port)).replace("<certificate>", str(certificate))
        written: dict[str, Any] = json.loads(text.replace("<script>", str(self.folder / "script.py")))
        return {"id": f"case-{number}", **written, **({} if UNPACED & written.keys() else PACE)}

    def leaks(self, text: str) -> list[str]:
        """Return the cases whose secret stands in the text, or a telling part of it."""
        return [name for name, canary in self.canaries.items() if any(each in text for each in pieces(canary))]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    with echoing() as port:
        yield Planted(tmp_path_factory.mktemp("planted"), port)


def test_the_net_holds_every_fish(planted: Planted) -> None:
    assert planted.leaks(" ".join(planted.canaries.values())) == list(planted.canaries)
    assert planted.leaks("nothing at all") == []


def _ping(daemon: DaemonProcess, number: int, token: str) -> None:
    """Report a failure whose text is the token itself."""
    connection = http.client.HTTPConnection(daemon.address.removeprefix("http://"), timeout=10)
    path, headers = f"/ping/secrets/case-{number}/fail", {"Authorization": f"Bearer {token}"}
    with contextlib.closing(connection):
        connection.request("POST", path, token, headers)
        assert connection.getresponse().status == 200


@pytest.mark.slow
def test_no_door_of_the_daemon_lets_one_out(planted: Planted) -> None:
    """Pages, API, metrics, the log at DEBUG, the record and the reports; though details do say what came back."""
    number = list(CASES).index("heartbeat token")
    expected = {f"case-{n}" for n, each in enumerate(CASES.values()) if not (UNPACED - {"heartbeat"}) & each.keys()}
    with running_daemon(planted.config, debug=True, extra=planted.environment, options=["--allow-exec"]) as daemon:
        _ping(daemon, number, planted.canaries["heartbeat token"])

        def told() -> dict[str, str]:
            checks = daemon.api("/products/secrets")["checks"]
            return {each["id"]: each["last"]["detail"] for each in checks if each["last"] is not None}

        wait_for("a result of each", lambda: told().keys() >= expected, 60)
        assert sum("[secret]" in detail for detail in told().values()) >= 12, told()
        paths = ["/", "/products/secrets", "/metrics", *(f"/api/v1/{each}" for each in ("products", "incidents"))]
        shown = {path: fetch(daemon.address + path) for path in [*paths, "/api/v1/products/secrets"]}
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        said = daemon.output()
    assert {path: status for path, (status, _) in shown.items() if status != 200} == {}
    assert {path: planted.leaks(body.decode()) for path, (_, body) in shown.items()} == {path: [] for path in shown}
    assert planted.leaks(said) == []
    record = b"".join(path.read_bytes() for path in planted.folder.glob("ninewatch.db*"))
    assert planted.leaks(record.decode("latin-1")) == []
    for form in ("md", "json", "html", "csv"):
        words = ("report", "--product", "all", "--window", "day", "-c", planted.config, "--format", form)
        code, out, err = run_to_exit(*words, extra=planted.environment)
        assert code == 0, err
        assert planted.leaks(out + err) == [], form


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_no_attempt_by_hand_prints_one(name: str, planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in planted.environment.items():
        monkeypatch.setenv(variable, value)
    number = list(CASES).index(name)
    for form in ([], ["--json"]):
        words = ["probe", f"case-{number}", "-c", str(planted.alone[number]), "--allow-exec", *form]
        result = CliRunner().invoke(cli, words)
        assert result.exit_code in (0, 1, 3), result.output
        assert result.output
        assert planted.leaks(result.output) == []
