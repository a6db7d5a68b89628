"""The shipped product file of Keycloak with a real Keycloak on a real PostgreSQL, one fault after the other."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.test_shipped_journeys import journey
from tests.support.daemon_process import DaemonProcess, running_daemon
from tests.support.keycloak import CLIENT_SECRET, Admin, Keycloak, keycloak, needs_keycloak
from tests.support.postgres import PASSWORD, POSTGRES, Postgres
from tests.support.processes import Program, fetch, free_port, needs, wait_for

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "products" / "keycloak.yaml"
PUBLIC = "https://loginproxy.gov.bc.ca"
CHECKS = ("discovery", "standard", "jwks", "token-endpoint")
# The commented journey of the shipped file, and the sign-in of a user with a second factor.
PROGRAM, USER = JOURNEYS = ("sign-in", "sign-in-of-a-user")
USER_PASSWORD, OTP_KEY = "canary-of-a-user", "canary-of-a-second-factor"
MAX_SECONDS = 120.0  # time until a busy machine shows a change

CLIENT_CHECK = """\
      - id: our-client
        http: {realm}/protocol/openid-connect/userinfo
        interval: 1s
        oauth2:
          token_url: {realm}/protocol/openid-connect/token
          client_id: ninewatch
          client_secret: {{env: REALM_CLIENT_SECRET}}
          scopes: openid
        expect: {{json: {{"$.preferred_username": service-account-ninewatch}}}}
"""


USER_JOURNEY = """\
      - id: sign-in-of-a-user
        interval: 6s
        timeout: 5s
        secrets: {{client_secret: {{env: REALM_CLIENT_SECRET}}, password: {{env: USER_PASSWORD}}}}
        totp: {{code: {{secret: {{env: USER_OTP_KEY}}, period: 3s}}}}
        steps:
          - id: token
            method: POST
            http: {realm}/protocol/openid-connect/token
            form:
              {{grant_type: password, client_id: ninewatch, client_secret: "{{{{client_secret}}}}", username: probe,
               password: "{{{{password}}}}", totp: "{{{{code}}}}"}}
            unknown: {{status: 401, json: {{"$.error": {{in: [invalid_grant, invalid_client, unauthorized_client]}}}}}}
            capture: {{token: "$.access_token"}}
          - id: signature
            jwt: "{{{{token}}}}"
            jwks: {realm}/protocol/openid-connect/certs
            issuer: {realm}
            audience: account
"""


def program_journey(base: str) -> str:
    """Return the commented journey of the shipped file with another host and a shorter interval, as an item of YAML."""

    def local(text: str) -> str:
        text = text.replace(PUBLIC, base).replace(
            "{file: /run/secrets/sso-client-secret}", "{env: REALM_CLIENT_SECRET}"
        )
        return text.replace("interval: 1m", "interval: 6s").replace("timeout: 20s", "timeout: 5s")

    return "".join(
        f"      {line}\n" for line in yaml.safe_dump([journey("keycloak.yaml", local, PROGRAM)]).splitlines()
    )


def write_config(folder: Path, base: str) -> Path:
    """Write the shipped file with another host and shorter intervals, and without the check of the public name."""
    text, _, _ = SHIPPED.read_text("utf-8").partition("      # 142.34.229.4 is Gold")
    text = re.sub(r"interval: \w+", "interval: 1s", text.replace(PUBLIC, base)).replace("timeout: 5s", "timeout: 800ms")
    head = f"listen: 127.0.0.1:0\nstore: {folder / 'ninewatch.db'}\n"
    path = folder / "ninewatch.yaml"
    realm = f"{base}/auth/realms/standard"
    journeys = program_journey(base) + USER_JOURNEY.format(realm=realm)
    path.write_text(head + text + CLIENT_CHECK.format(realm=realm) + journeys)
    return path


@dataclass(frozen=True)
class Trial:
    """A running Keycloak, its database, and the daemon that probes it."""

    daemon: DaemonProcess
    server: Keycloak
    database: Postgres

    def states(self) -> dict[str, str]:
        """Return the last probe's outcome of each check."""
        checks = self.daemon.api("/products/keycloak")["checks"]
        return {check["id"]: check["last"]["outcome"] for check in checks if check["last"]}

    def wait_for_outcomes(self, *bad: str, **others: str) -> None:
        """Wait until these shipped checks are bad and the others good; `others` are outcomes of further checks."""
        expected = {name: "bad" if name in bad else "good" for name in (*CHECKS, *JOURNEYS)} | others
        wait_for(
            f"{expected}; present outcomes: {self.states()}",
            lambda: expected.items() <= self.states().items(),
            MAX_SECONDS,
        )

    def reasons(self) -> set[str]:
        """Return the last probe's reason of each check."""
        return {check["last"]["reason"] for check in self.daemon.api("/products/keycloak")["checks"] if check["last"]}

    def incident_of(self, check: str) -> dict[str, Any]:
        """Wait for an open incident of a check, and return it."""
        return wait_for(
            f"the incident of {check}",
            lambda: next((incident for incident in self.daemon.incidents("open") if incident["check"] == check), None),
            MAX_SECONDS,
        )

    def wait_for_recovery(self) -> None:
        """Wait until every check is good and no incident is open."""
        self.wait_for_outcomes(**{"our-client": "good"})
        wait_for("the resolved incidents", lambda: not self.daemon.incidents("open"), MAX_SECONDS)


def open_checks(daemon: DaemonProcess) -> set[str]:
    """Return the checks with an open incident."""
    return {incident["check"] for incident in daemon.incidents("open")}


@contextlib.contextmanager
def trial(folder: Path, cluster: Path) -> Iterator[tuple[Trial, Program]]:
    port, database = free_port(), Postgres(cluster)
    url = f"jdbc:postgresql://127.0.0.1:{database.port}/postgres?socketTimeout=20"
    config = write_config(folder, f"http://127.0.0.1:{port}")
    credential = {
        "REALM_CLIENT_SECRET": CLIENT_SECRET,
        "USER_PASSWORD": USER_PASSWORD,
        "USER_OTP_KEY": base64.b32encode(OTP_KEY.encode()).decode(),
    }
    with (
        database.running() as postgres,
        running_daemon(config, extra=credential) as daemon,
        keycloak(folder, port, url) as server,
    ):
        yield Trial(daemon, server, database), postgres


def disable_realm(trial_run: Trial, admin: Admin) -> None:
    """Disable the realm: sign-ins fail."""
    admin.update_realm(enabled=False)
    trial_run.wait_for_outcomes("token-endpoint", *JOURNEYS)
    assert trial_run.reasons() >= {"token: http_status"}
    assert wait_for("the product", lambda: trial_run.daemon.api("/products/keycloak")["state"] == "down", MAX_SECONDS)
    incident = trial_run.incident_of("token-endpoint")
    assert incident["first_failure"]["status"] == 403
    admin.update_realm(enabled=True)
    trial_run.wait_for_recovery()


def set_wrong_frontend_url(trial_run: Trial, admin: Admin) -> None:
    """Let Keycloak state a wrong address: sign-ins fail."""
    admin.update_realm(attributes={"frontendUrl": "http://login.wrong.example/auth"})
    trial_run.wait_for_outcomes("standard", *JOURNEYS)
    assert {"discovery: body_mismatch", "signature: jwt_issuer"} <= trial_run.reasons()
    incident = trial_run.incident_of("standard")
    expected_detail = "$['issuer'] is \"http://login.wrong.example/auth/realms/standard\""
    assert expected_detail in incident["first_failure"]["detail"]
    admin.update_realm(attributes={"frontendUrl": ""})
    trial_run.wait_for_recovery()


def use_wrong_client_secret(trial_run: Trial, admin: Admin) -> None:
    """Probe with a wrong client secret: the checks that use it are unknown."""
    admin.set_client_secret("another-secret")
    trial_run.wait_for_outcomes(**{"our-client": "unknown", PROGRAM: "unknown", USER: "unknown"})
    assert not trial_run.daemon.incidents("open"), "our own credential opens no incident"
    admin.set_client_secret(CLIENT_SECRET)
    trial_run.wait_for_recovery()


def use_wrong_password(trial_run: Trial, admin: Admin) -> None:
    """Probe with a wrong password: the sign-in is unknown."""
    admin.set_password("probe", "another-password")
    trial_run.wait_for_outcomes(**{USER: "unknown"})
    assert not trial_run.daemon.incidents("open"), "the password of our own user opens no incident"
    admin.set_password("probe", USER_PASSWORD)
    trial_run.wait_for_recovery()


def rotate_keys(trial_run: Trial, admin: Admin) -> None:
    """Rotate the keys: no check fails."""
    incident_count, certs = (
        len(trial_run.daemon.incidents()),
        f"{trial_run.server.address}/realms/standard/protocol/openid-connect/certs",
    )
    keys = fetch(certs)
    admin.rotate_keys()
    wait_for("the new key", lambda: fetch(certs) != keys)
    probes_before = trial_run.daemon.probes("jwks")
    wait_for("two more probes", lambda: trial_run.daemon.probes("jwks") >= probes_before + 2)
    trial_run.wait_for_outcomes(**{"our-client": "good"})
    assert len(trial_run.daemon.incidents()) == incident_count, "a rotation of keys is no outage"


def freeze_database(trial_run: Trial, postgres: Program) -> None:
    """Stop the database's processes: sign-ins fail."""
    with trial_run.database.frozen(postgres):
        trial_run.wait_for_outcomes("token-endpoint", *JOURNEYS)
        wait_for("the incident of the token endpoint", lambda: "token-endpoint" in open_checks(trial_run.daemon))
    trial_run.wait_for_recovery()


def freeze_server(trial_run: Trial) -> None:
    """Stop Keycloak's process: all checks fail."""
    trial_run.server.signal(signal.SIGSTOP)
    trial_run.wait_for_outcomes(*CHECKS, *JOURNEYS)
    trial_run.server.signal(signal.SIGCONT)
    trial_run.wait_for_recovery()


def stop_database(trial_run: Trial, postgres: Program) -> None:
    """End the database: sign-ins fail. No secret is published."""
    postgres.process.send_signal(signal.SIGINT)
    trial_run.wait_for_outcomes("token-endpoint", *JOURNEYS)
    pages = "".join(trial_run.daemon.body(path) for path in ("/", "/products/keycloak", "/metrics"))
    published = trial_run.daemon.output() + pages + json.dumps(trial_run.daemon.api("/products/keycloak"))
    for secret in (CLIENT_SECRET, USER_PASSWORD, OTP_KEY, "eyJ"):  # tokens start with eyJ
        assert secret not in published
    assert PASSWORD not in trial_run.daemon.output()


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_keycloak
@needs(str(POSTGRES / "initdb"))
@pytest.mark.fault(42)
def test_each_fault_of_a_real_keycloak_gives_the_correct_outcome(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A fault that affects users is down, even if discovery and keys are served from a cache.

    Our own mistakes and a key rotation are not down.
    """
    with trial(tmp_path, tmp_path_factory.mktemp("cluster")) as (trial_run, postgres):
        admin = Admin(trial_run.server)
        first_incidents = trial_run.daemon.incidents()
        assert {incident["check"] for incident in first_incidents} >= set(CHECKS), (
            "a slow first start is down until the realm exists"
        )
        # No code is accepted twice, and those of the last minute are accepted, because this machine is busy.
        admin.update_realm(otpPolicyCodeReusable=False, otpPolicyLookAheadWindow=20)
        admin.enable_password_sign_in()
        admin.add_user_with_code("probe", USER_PASSWORD, OTP_KEY, period=3)
        trial_run.wait_for_recovery()

        admin.update_realm(accessTokenLifespan=2)  # so that our own client asks for a token at nearly every probe
        disable_realm(trial_run, admin)
        set_wrong_frontend_url(trial_run, admin)
        use_wrong_client_secret(trial_run, admin)
        use_wrong_password(trial_run, admin)
        rotate_keys(trial_run, admin)
        freeze_database(trial_run, postgres)
        freeze_server(trial_run)
        stop_database(trial_run, postgres)
