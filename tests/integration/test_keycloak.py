"""A real Keycloak, watched as the portfolio watches its own: what the daemon says when it hangs and when it is gone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.keycloak import Keycloak, keycloak, needs_keycloak
from tests.support.processes import until
from tests.support.watches import Watch, watching

CHECKS = ("discovery", "keys", "ready")


def configured(folder: Path, server: Keycloak) -> Path:
    realm = f"{server.address}/realms/standard"
    path = folder / "ninewatch.yaml"
    path.write_text(f"""\
listen: 127.0.0.1:0
store: {folder / "ninewatch.db"}
products:
  - id: keycloak
    objective: 99.95%
    checks:
      - id: discovery
        http: {realm}/.well-known/openid-configuration
        interval: 2s
        expect: {{header: {{Content-Type: application/json}}, json: {{"$.issuer": "{realm}"}}}}
      - id: keys
        http: {realm}/protocol/openid-connect/certs
        interval: 2s
        expect: {{matches: '"kty":"RSA"'}}
      - id: ready
        http: {server.management}/health/ready
        interval: 2s
        expect: {{json: {{"$.status": UP}}}}
""")
    return path


def states(watch: Watch) -> set[str]:
    return {each["state"] for each in watch.api("/products/keycloak")["checks"]}


def reasons(watch: Watch) -> dict[str, str]:
    return {each["check"]: each["reason"] for each in watch.incidents("open")}


@pytest.mark.slow
@needs_keycloak
def test_a_keycloak_that_hangs_and_one_that_is_gone_are_told_apart(tmp_path: Path) -> None:
    with keycloak(tmp_path) as server, watching(configured(tmp_path, server)) as watch:
        until("a Keycloak that is up", lambda: states(watch) == {"up"}, 90)
        server.signal(signal.SIGSTOP)
        until("three that hang", lambda: reasons(watch) == dict.fromkeys(CHECKS, "deadline"))
        server.signal(signal.SIGCONT)
        until("its return", lambda: states(watch) == {"up"} and not reasons(watch), 90)
        server.signal(signal.SIGKILL)
        until("three that are gone", lambda: reasons(watch) == dict.fromkeys(CHECKS, "connect_refused"))
