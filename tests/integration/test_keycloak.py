"""A real Keycloak, probed with checks as in the portfolio: the reported reasons when it hangs and when it stops."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import yaml

from sla.observation import Outcome
from tests.support.daemon_process import DaemonProcess, running_daemon
from tests.support.keycloak import CLIENT_SECRET, Keycloak, keycloak, needs_keycloak
from tests.support.probing import attempt
from tests.support.processes import wait_for

DOCS = Path(__file__).parents[2] / "docs/http.md"
PUBLIC = ("discovery", "keys", "ready")


def write_config(folder: Path, server: Keycloak) -> Path:
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
      - id: token
        http: {realm}/protocol/openid-connect/userinfo
        interval: 2s
        oauth2:
          token_url: {realm}/protocol/openid-connect/token
          client_id: ninewatch
          client_secret: {{env: REALM_CLIENT_SECRET}}
          scopes: openid
        expect: {{json: {{"$.preferred_username": service-account-ninewatch}}}}
""")
    return path


def states(daemon: DaemonProcess) -> set[str]:
    return {check["state"] for check in daemon.api("/products/keycloak")["checks"]}


def reasons(daemon: DaemonProcess) -> dict[str, str]:
    """Return the incident's reason of each check that needs no token."""
    return {
        incident["check"]: incident["reason"] for incident in daemon.incidents("open") if incident["check"] in PUBLIC
    }


def last_reason(daemon: DaemonProcess, check: str) -> str:
    """Return the reason of the check's last probe."""
    return next(known["last"]["reason"] for known in daemon.api("/products/keycloak")["checks"] if known["id"] == check)


@pytest.mark.slow
@pytest.mark.timeout(400)
@needs_keycloak
def test_hanging_and_stopped_keycloak_have_different_reasons(tmp_path: Path) -> None:
    with (
        keycloak(tmp_path) as server,
        running_daemon(write_config(tmp_path, server), extra={"REALM_CLIENT_SECRET": CLIENT_SECRET}) as daemon,
    ):
        wait_for("a Keycloak that is up", lambda: states(daemon) == {"up"}, 90)
        server.signal(signal.SIGSTOP)
        wait_for("three hanging checks", lambda: reasons(daemon) == dict.fromkeys(PUBLIC, "deadline"))
        server.signal(signal.SIGCONT)
        wait_for("the recovery", lambda: states(daemon) == {"up"} and not reasons(daemon), 90)
        server.signal(signal.SIGKILL)
        # A probe in progress at the kill gets a reset connection, which is then the reason of its incident.
        wait_for("three checks that are down", lambda: set(reasons(daemon)) == set(PUBLIC))
        wait_for(
            "three refused connections",
            lambda: all(last_reason(daemon, check) == "connect_refused" for check in PUBLIC),
        )
        wait_for(
            "the failed token request", lambda: last_reason(daemon, "token") in {"connect_refused", "token_unavailable"}
        )
        assert CLIENT_SECRET not in daemon.output() + daemon.body("/") + daemon.body("/metrics")


@pytest.mark.slow
@pytest.mark.timeout(400)
@needs_keycloak
async def test_rejected_client_secret_is_inconclusive_for_a_real_keycloak(tmp_path: Path) -> None:
    """Uses the example of docs/http.md with a rotated secret and with an unknown client."""
    (example_yaml,) = re.findall(r"```yaml\n(- id: token .*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    check = next(entry for entry in yaml.safe_load(example_yaml) if entry["id"] == "token")
    with keycloak(tmp_path) as server:
        check["http"] = f"{server.address}/realms/standard/protocol/openid-connect/token"
        form = "grant_type=client_credentials&client_id={}&client_secret={}"
        results = {}
        for client, secret in (("ninewatch", CLIENT_SECRET), ("ninewatch", "rotated"), ("nobody", "none")):
            result = (await attempt({**check, "body": form.format(client, secret)}, 30)).result
            results[client, secret] = result.outcome, result.reason
        check["http"] = f"{server.address}/realms/gone/protocol/openid-connect/token"
        result_without_realm = (await attempt({**check, "body": form.format("ninewatch", CLIENT_SECRET)}, 30)).result
    assert results == {
        ("ninewatch", CLIENT_SECRET): (Outcome.GOOD, ""),
        ("ninewatch", "rotated"): (Outcome.UNKNOWN, "inconclusive"),
        ("nobody", "none"): (Outcome.UNKNOWN, "inconclusive"),
    }
    assert (result_without_realm.outcome, result_without_realm.reason) == (Outcome.BAD, "http_status"), (
        "a missing realm is an outage"
    )
