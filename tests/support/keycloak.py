"""A real Keycloak with the realm `standard`, from the distribution that `.ci/run` puts into .tools/keycloak."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import Program, fetch, free_port, running, until

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


@contextlib.contextmanager
def keycloak(folder: Path) -> Iterator[Keycloak]:
    """Run one on ports of its own, from a copy of its own, while the block lasts."""
    home = folder / "keycloak"
    shutil.copytree(HOME, home, symlinks=True)
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "standard.json").write_text(json.dumps(REALM))
    port, management = free_port(), free_port()
    words = [home / "bin" / "kc.sh", "start-dev", "--import-realm", "--http-relative-path=/auth"]
    words += ["--health-enabled=true", "--http-host=127.0.0.1", f"--http-port={port}"]
    words += [f"--http-management-port={management}"]
    try:
        with running(folder / "keycloak.log", words, start_new_session=True) as program:
            server = Keycloak(program, f"http://127.0.0.1:{port}/auth", f"http://127.0.0.1:{management}/auth")
            try:
                until("Keycloak", lambda: program.said("()") is None or _ready(server), 300)
                yield server
            finally:
                with contextlib.suppress(ProcessLookupError):
                    server.signal(signal.SIGKILL)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ready(server: Keycloak) -> bool:
    return fetch(f"{server.management}/health/ready")[0] == 200
