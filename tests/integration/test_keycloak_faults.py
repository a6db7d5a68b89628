"""The shipped product file of Keycloak against a real one on a real PostgreSQL, fault by fault."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemon_process import DaemonProcess, running_daemon
from tests.support.keycloak import SECRET, Admin, Keycloak, keycloak, needs_keycloak
from tests.support.postgres import PASSWORD, POSTGRES, Postgres
from tests.support.processes import Program, fetch, free_port, needs, wait_for

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "products" / "keycloak.yaml"
PUBLIC = "https://loginproxy.gov.bc.ca"
CHECKS = ("discovery", "standard", "jwks", "token-endpoint")
LONG = 120.0  # seconds that a busy machine may take for a change to show

OUR_OWN = """\
      - id: our-client
        http: {realm}/protocol/openid-connect/userinfo
        interval: 1s
        oauth2:
          token_url: {realm}/protocol/openid-connect/token
          client_id: ninewatch
          client_secret: {{env: REALM_SECRET}}
          scopes: openid
        expect: {{json: {{"$.preferred_username": service-account-ninewatch}}}}
"""


def configured(folder: Path, base: str) -> Path:
    """Write the shipped file as it stands, but for the host, the pace, and the check of a public name."""
    text, _, _ = SHIPPED.read_text("utf-8").partition("      # 142.34.229.4 is Gold")
    text = re.sub(r"interval: \w+", "interval: 1s", text.replace(PUBLIC, base)).replace("timeout: 5s", "timeout: 800ms")
    head = f"listen: 127.0.0.1:0\nstore: {folder / 'ninewatch.db'}\n"
    path = folder / "ninewatch.yaml"
    path.write_text(head + text + OUR_OWN.format(realm=f"{base}/auth/realms/standard"))
    return path


@dataclass(frozen=True)
class Trial:
    """A Keycloak that is watched, and what it stands on."""

    daemon: DaemonProcess
    server: Keycloak
    database: Postgres

    def states(self) -> dict[str, str]:
        """Return the last probe's outcome of each check."""
        listed = self.daemon.api("/products/keycloak")["checks"]
        return {each["id"]: each["last"]["outcome"] for each in listed if each["last"]}

    def shows(self, *bad: str, **others: str) -> None:
        """Wait until these of the shipped checks are bad and the rest of them good, and others as named."""
        wanted = {name: "bad" if name in bad else "good" for name in CHECKS} | others
        wait_for(f"{wanted}, seen {self.states()}", lambda: wanted.items() <= self.states().items(), LONG)

    def recovers(self) -> None:
        """Wait until all is good, and no incident is open."""
        self.shows(**{"our-client": "good"})
        wait_for("the incidents' end", lambda: not self.daemon.incidents("open"), LONG)


def open_checks(daemon: DaemonProcess) -> set[str]:
    """Return the checks that have an open incident."""
    return {each["check"] for each in daemon.incidents("open")}


@contextlib.contextmanager
def trial(folder: Path, cluster: Path) -> Iterator[tuple[Trial, Program]]:
    port, database = free_port(), Postgres(cluster)
    url = f"jdbc:postgresql://127.0.0.1:{database.port}/postgres?socketTimeout=20"
    config = configured(folder, f"http://127.0.0.1:{port}")
    credential = {"REALM_SECRET": SECRET}
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
def test_each_fault_of_a_real_keycloak_is_judged_as_it_deserves(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What users could not do is down, also where discovery and keys are answered from a cache; our own mistakes and a
    rotation of keys are not.
    """
    with trial(tmp_path, tmp_path_factory.mktemp("cluster")) as (seen, postgres):
        admin = Admin(seen.server)
        opened = seen.daemon.incidents()
        assert {each["check"] for each in opened} >= set(CHECKS), "a slow first start is down until the realm exists"
        seen.recovers()

        admin.realm(accessTokenLifespan=2)  # so that our own client asks for a token at nearly every probe
        admin.realm(enabled=False)
        seen.shows("token-endpoint")
        assert wait_for("the product", lambda: seen.daemon.api("/products/keycloak")["state"] == "down", LONG)
        incident = wait_for("the incident", lambda: seen.daemon.incidents("open"), LONG)[0]
        assert incident["first_failure"]["status"] == 403
        admin.realm(enabled=True)
        seen.recovers()

        admin.realm(attributes={"frontendUrl": "http://login.wrong.example/auth"})
        seen.shows("standard")
        (incident,) = wait_for("the incident", lambda: seen.daemon.incidents("open"), LONG)
        found = "$['issuer'] is \"http://login.wrong.example/auth/realms/standard\""
        assert found in incident["first_failure"]["detail"]
        admin.realm(attributes={"frontendUrl": ""})
        seen.recovers()

        admin.secret("another-secret")
        seen.shows(**{"our-client": "unknown"})
        assert not seen.daemon.incidents("open"), "our own credential opens no incident"
        admin.secret(SECRET)
        seen.recovers()

        before, certs = (
            len(seen.daemon.incidents()),
            f"{seen.server.address}/realms/standard/protocol/openid-connect/certs",
        )
        keys = fetch(certs)
        admin.rotate_keys()
        wait_for("the new key", lambda: fetch(certs) != keys)
        probed = seen.daemon.probes("jwks")
        wait_for("two more probes", lambda: seen.daemon.probes("jwks") >= probed + 2)
        seen.shows(**{"our-client": "good"})
        assert len(seen.daemon.incidents()) == before, "a rotation of keys is no outage"

        with seen.database.frozen(postgres):
            seen.shows("token-endpoint")
            wait_for("its incident", lambda: "token-endpoint" in open_checks(seen.daemon))
        seen.recovers()

        seen.server.signal(signal.SIGSTOP)
        seen.shows(*CHECKS)
        seen.server.signal(signal.SIGCONT)
        seen.recovers()

        postgres.process.send_signal(signal.SIGINT)
        seen.shows("token-endpoint")
        assert SECRET not in seen.daemon.output() + seen.daemon.body("/") + seen.daemon.body("/metrics")
        assert PASSWORD not in seen.daemon.output()
