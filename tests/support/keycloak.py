"""A real Keycloak with the realm `standard`, from the distribution that `.ci/run` puts into .tools/keycloak."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PASSWORD
from tests.support.processes import Program, fetch, free_port, running, wait_for

HOME = Path(__file__).parents[2] / ".tools" / "keycloak"
SECRET = "the-realm-knows-it"
REALM = {
    "realm": "standard",
    "enabled": True,
    "clients": [
        {
            "clientId": "ninewatch",
            "protocol": "openid-connect",
            "publicClient": False,
            "secret": SECRET,
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
        }
    ],
}

needs_keycloak = pytest.mark.skipif(
    not (HOME / "bin" / "kc.sh").exists() or shutil.which("java") is None,
    reason="no Keycloak in .tools/keycloak, or no java: .ci/run installs it",
)


@dataclass(frozen=True)
class Keycloak:
    """One that answers: products talk to `address`, and its health is at `management`."""

    program: Program
    address: str
    management: str

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server, not only to the script that started it."""
        os.killpg(self.program.process.pid, number)


ADMIN = "the-admin-of-this-test"


def _call(method: str, url: str, token: str | None, body: bytes | None, kind: str) -> Any:
    headers = {"Content-Type": kind} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - loopback
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as found:
        said = found.read()
    return json.loads(said) if said else None


class Admin:
    """What an administrator of a running Keycloak does, by its REST interface."""

    def __init__(self, server: Keycloak) -> None:
        self._address = server.address

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        grant = f"grant_type=password&client_id=admin-cli&username=admin&password={ADMIN}".encode()
        realm = f"{self._address}/realms/master/protocol/openid-connect/token"
        token = _call("POST", realm, None, grant, "application/x-www-form-urlencoded")["access_token"]
        written = None if body is None else json.dumps(body).encode()
        return _call(method, f"{self._address}/admin/realms/standard{path}", token, written, "application/json")

    def realm(self, **changed: object) -> None:
        """Change the realm `standard`."""
        self._ask("PUT", "", {"realm": "standard"} | changed)

    def secret(self, value: str) -> None:
        """Change the secret of the client `ninewatch`."""
        (client,) = self._ask("GET", "/clients?clientId=ninewatch")
        self._ask("PUT", f"/clients/{client['id']}", client | {"secret": value})

    def rotate_keys(self) -> None:
        """Add a signing key that takes the place of the one in use."""
        config = {"priority": ["999"], "keySize": ["2048"], "algorithm": ["RS256"], "active": ["true"]}
        name, kind = "rotated", "org.keycloak.keys.KeyProvider"
        key = {"name": name, "providerId": "rsa-generated", "providerType": kind, "config": config}
        self._ask("POST", "/components", key)


@contextlib.contextmanager
def keycloak(folder: Path, port: int | None = None, database: str | None = None) -> Iterator[Keycloak]:
    """Run one on ports of its own, from a copy of its own, while the block lasts.

    `database` is the JDBC URL of a PostgreSQL of the user `ninewatch`; without one it keeps its data in a file.
    """
    home = folder / "keycloak"
    shutil.copytree(HOME, home, symlinks=True)
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "standard.json").write_text(json.dumps(REALM))
    port, management = port or free_port(), free_port()
    words = [home / "bin" / "kc.sh", "start-dev", "--import-realm", "--http-relative-path=/auth"]
    words += ["--health-enabled=true", "--http-host=127.0.0.1", f"--http-port={port}"]
    words += [f"--http-management-port={management}"]
    if database is not None:
        words += ["--db=postgres", f"--db-url={database}", "--db-username=ninewatch", f"--db-password={PASSWORD}"]
    admin = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN}
    try:
        with running(folder / "keycloak.log", words, start_new_session=True, env=os.environ | admin) as program:
            server = Keycloak(program, f"http://127.0.0.1:{port}/auth", f"http://127.0.0.1:{management}/auth")
            try:
                wait_for("Keycloak", lambda: program.find_in_log("()") is None or _ready(server), 300)
                yield server
            finally:
                with contextlib.suppress(ProcessLookupError):
                    server.signal(signal.SIGKILL)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ready(server: Keycloak) -> bool:
    return fetch(f"{server.management}/health/ready")[0] == 200
