"""The shipped product file of Keycloak with a real Keycloak on a real PostgreSQL, one fault after the other."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemon_process import DaemonProcess, running_daemon
from tests.support.keycloak import CLIENT_SECRET, Admin, Keycloak, keycloak, needs_keycloak
from tests.support.postgres import PASSWORD, POSTGRES, Postgres
from tests.support.processes import Program, fetch, free_port, needs, wait_for

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "products" / "keycloak.yaml"
PUBLIC = "https://loginproxy.gov.bc.ca"
CHECKS = ("discovery", "standard", "jwks", "token-endpoint")
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


def write_config(folder: Path, base: str) -> Path:
    """Write the shipped file with another host and shorter intervals, and without the check of the public name."""
    text, _, _ = SHIPPED.read_text("utf-8").partition("      # 142.34.229.4 is Gold")
    text = re.sub(r"interval: \w+", "interval: 1s", text.replace(PUBLIC, base)).replace("timeout: 5s", "timeout: 800ms")
    head = f"listen: 127.0.0.1:0\nstore: {folder / 'ninewatch.db'}\n"
    path = folder / "ninewatch.yaml"
    path.write_text(head + text + CLIENT_CHECK.format(realm=f"{base}/auth/realms/standard"))
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
        expected = {name: "bad" if name in bad else "good" for name in CHECKS} | others
        wait_for(
            f"{expected}; present outcomes: {self.states()}",
            lambda: expected.items() <= self.states().items(),
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
    credential = {"REALM_CLIENT_SECRET": CLIENT_SECRET}
    with (
        database.running() as postgres,
        running_daemon(config, extra=credential) as daemon,
        keycloak(folder, port, url) as server,
    ):
        yield Trial(daemon, server, database), postgres


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_keycloak
@needs(str(POSTGRES / "initdb"))
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
        trial_run.wait_for_recovery()

        admin.update_realm(accessTokenLifespan=2)  # so that our own client asks for a token at nearly every probe
        admin.update_realm(enabled=False)
        trial_run.wait_for_outcomes("token-endpoint")
        assert wait_for(
            "the product", lambda: trial_run.daemon.api("/products/keycloak")["state"] == "down", MAX_SECONDS
        )
        incident = wait_for("the incident", lambda: trial_run.daemon.incidents("open"), MAX_SECONDS)[0]
        assert incident["first_failure"]["status"] == 403
        admin.update_realm(enabled=True)
        trial_run.wait_for_recovery()

        admin.update_realm(attributes={"frontendUrl": "http://login.wrong.example/auth"})
        trial_run.wait_for_outcomes("standard")
        (incident,) = wait_for("the incident", lambda: trial_run.daemon.incidents("open"), MAX_SECONDS)
        expected_detail = "$['issuer'] is \"http://login.wrong.example/auth/realms/standard\""
        assert expected_detail in incident["first_failure"]["detail"]
        admin.update_realm(attributes={"frontendUrl": ""})
        trial_run.wait_for_recovery()

        admin.set_client_secret("another-secret")
        trial_run.wait_for_outcomes(**{"our-client": "unknown"})
        assert not trial_run.daemon.incidents("open"), "our own credential opens no incident"
        admin.set_client_secret(CLIENT_SECRET)
        trial_run.wait_for_recovery()

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

        with trial_run.database.frozen(postgres):
            trial_run.wait_for_outcomes("token-endpoint")
            wait_for("the incident of the token endpoint", lambda: "token-endpoint" in open_checks(trial_run.daemon))
        trial_run.wait_for_recovery()

        trial_run.server.signal(signal.SIGSTOP)
        trial_run.wait_for_outcomes(*CHECKS)
        trial_run.server.signal(signal.SIGCONT)
        trial_run.wait_for_recovery()

        postgres.process.send_signal(signal.SIGINT)
        trial_run.wait_for_outcomes("token-endpoint")
        assert CLIENT_SECRET not in trial_run.daemon.output() + trial_run.daemon.body("/") + trial_run.daemon.body(
            "/metrics"
        )
        assert PASSWORD not in trial_run.daemon.output()
