"""A real Keycloak with the realm `standard`, from the distribution that `.ci/run` installs in .tools/keycloak."""

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
from tests.support.processes import Program, fetch, free_port, run_program, wait_for

HOME = Path(__file__).parents[2] / ".tools" / "keycloak"
CLIENT_SECRET = "test-client-secret"
START = 1200.0  # seconds until a Keycloak runs, on a busy machine
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1"  # less compilation: a start takes half the processor time
REALM = {
    "realm": "standard",
    "enabled": True,
    "clients": [
        {
            "clientId": "ninewatch",
            "protocol": "openid-connect",
            "publicClient": False,
            "secret": CLIENT_SECRET,
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
    """A running Keycloak. `address` is for clients, `management` has the health endpoint."""

    program: Program
    address: str
    management: str

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server process, not only to its start script."""
        os.killpg(self.program.process.pid, number)

    def kill(self) -> None:
        """Kill the server, as a lost site does, and wait until it has ended."""
        self.signal(signal.SIGKILL)
        self.program.process.wait(timeout=30)


ADMIN_PASSWORD = "test-admin-password"


def _call(method: str, url: str, token: str | None, body: bytes | None, content_type: str) -> Any:
    headers = {"Content-Type": content_type} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - loopback
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
        body = response.read()
    return json.loads(body) if body else None


class Admin:
    """Administers a running Keycloak with its REST API."""

    def __init__(self, server: Keycloak) -> None:
        self._address = server.address

    def _request(self, method: str, path: str, body: object = None) -> Any:
        grant = f"grant_type=password&client_id=admin-cli&username=admin&password={ADMIN_PASSWORD}".encode()
        token_url = f"{self._address}/realms/master/protocol/openid-connect/token"
        token = _call("POST", token_url, None, grant, "application/x-www-form-urlencoded")["access_token"]
        payload = None if body is None else json.dumps(body).encode()
        return _call(method, f"{self._address}/admin/realms/standard{path}", token, payload, "application/json")

    def update_realm(self, **changed: object) -> None:
        """Change the realm `standard`."""
        self._request("PUT", "", {"realm": "standard"} | changed)

    def set_client_secret(self, value: str) -> None:
        """Change the secret of the client `ninewatch`."""
        (client,) = self._request("GET", "/clients?clientId=ninewatch")
        self._request("PUT", f"/clients/{client['id']}", client | {"secret": value})

    def enable_refresh_tokens(self) -> None:
        """Let the service account of the client `ninewatch` have sessions with refresh tokens."""
        client = self._client()
        attributes = client.get("attributes", {}) | {"client_credentials.use_refresh_token": "true"}
        self._request("PUT", f"/clients/{client['id']}", client | {"attributes": attributes})

    def session_count(self) -> int:
        """Return the number of sessions of the client `ninewatch`."""
        return int(self._request("GET", f"/clients/{self._client()['id']}/session-count")["count"])

    def session_starts(self) -> list[int]:
        """Return the starts of the sessions of the client `ninewatch`, to the second, microseconds since the epoch."""
        sessions = self._request("GET", f"/clients/{self._client()['id']}/user-sessions?max=1000")
        return sorted(session["start"] * 1000 for session in sessions)

    def end_sessions(self) -> None:
        """End all sessions of the realm."""
        self._request("POST", "/logout-all")

    def _client(self) -> dict[str, Any]:
        (client,) = self._request("GET", "/clients?clientId=ninewatch")
        body: dict[str, Any] = client
        return body

    def enable_sign_in(self, redirect_uri: str) -> None:
        """Let people sign in to the client `ninewatch`. They are redirected to addresses that start with the URI."""
        client = self._client()
        attributes = client.get("attributes", {}) | {"pkce.code.challenge.method": "S256"}
        attributes["post.logout.redirect.uris"] = f"{redirect_uri}*"
        changed = {"standardFlowEnabled": True, "redirectUris": [f"{redirect_uri}*"], "attributes": attributes}
        self._request("PUT", f"/clients/{client['id']}", client | changed)

    def add_user(self, name: str, password: str, *roles: str) -> None:
        """Add a person with these realm roles, which are created if they do not exist."""
        credentials = [{"type": "password", "value": password, "temporary": False}]
        person = {"username": name, "enabled": True, "credentials": credentials, "emailVerified": True}
        profile = {"email": f"{name}@example.org", "firstName": name, "lastName": "Test"}
        self._request("POST", "/users", person | profile)
        (user,) = self._request("GET", f"/users?username={name}&exact=true")
        existing = {role["name"] for role in self._request("GET", "/roles")}
        for role in set(roles) - existing:
            self._request("POST", "/roles", {"name": role})
        representations = [self._request("GET", f"/roles/{role}") for role in roles]
        self._request("POST", f"/users/{user['id']}/role-mappings/realm", representations)

    def enable_password_sign_in(self) -> None:
        """Let the client `ninewatch` sign users in with their password (the grant `password`)."""
        client = self._client()
        self._request("PUT", f"/clients/{client['id']}", client | {"directAccessGrantsEnabled": True})

    def add_user_with_code(self, name: str, password: str, key: str, period: int) -> None:
        """Add a person with a password and a one-time code (TOTP) of the key, which is new every `period` seconds."""
        code = {"subType": "totp", "digits": 6, "counter": 0, "period": period, "algorithm": "HmacSHA1"}
        second = {"type": "otp", "secretData": json.dumps({"value": key}), "credentialData": json.dumps(code)}
        credentials = [{"type": "password", "value": password, "temporary": False}, second]
        profile = {"email": f"{name}@example.org", "firstName": name, "lastName": "Test", "emailVerified": True}
        self._request("POST", "/users", {"username": name, "enabled": True, "credentials": credentials, **profile})

    def set_password(self, name: str, password: str) -> None:
        """Change the password of a person."""
        (user,) = self._request("GET", f"/users?username={name}&exact=true")
        value = {"type": "password", "value": password, "temporary": False}
        self._request("PUT", f"/users/{user['id']}/reset-password", value)

    def rotate_keys(self) -> None:
        """Add a signing key that replaces the current one."""
        config = {"priority": ["999"], "keySize": ["2048"], "algorithm": ["RS256"], "active": ["true"]}
        name, kind = "rotated", "org.keycloak.keys.KeyProvider"
        key = {"name": name, "providerId": "rsa-generated", "providerType": kind, "config": config}
        self._request("POST", "/components", key)


@contextlib.contextmanager
def keycloak(
    folder: Path, port: int | None = None, database: str | None = None, host: str = "127.0.0.1"
) -> Iterator[Keycloak]:
    """Run a copy of Keycloak on free ports of the host while the `with` block runs.

    `database` is the JDBC URL of a PostgreSQL database of the user `ninewatch`. Without it, a file is used.
    """
    home = folder / "keycloak"
    shutil.copytree(HOME, home, symlinks=True)
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "standard.json").write_text(json.dumps(REALM))
    port, management = port or free_port(), free_port()
    command = [home / "bin" / "kc.sh", "start-dev", "--import-realm", "--http-relative-path=/auth"]
    command += ["--health-enabled=true", f"--http-host={host}", f"--http-port={port}"]
    command += [f"--http-management-port={management}"]
    if database is not None:
        command += ["--db=postgres", f"--db-url={database}", "--db-username=ninewatch", f"--db-password={PASSWORD}"]
    variables = os.environ | {
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "JAVA_OPTS_APPEND": JAVA_OPTIONS,
    }
    try:
        with run_program(folder / "keycloak.log", command, start_new_session=True, env=variables) as program:
            server = Keycloak(program, f"http://{host}:{port}/auth", f"http://{host}:{management}/auth")
            try:
                # The pattern matches nothing: find_in_log only fails if the process has ended.
                wait_for("Keycloak", lambda: program.find_in_log("(?!)") is None and _ready(server), START)
                yield server
            finally:
                with contextlib.suppress(ProcessLookupError):
                    server.signal(signal.SIGKILL)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ready(server: Keycloak) -> bool:
    return fetch(f"{server.management}/health/ready")[0] == 200
