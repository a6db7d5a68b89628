"""The shipped product file of Keycloak against a real one on a real PostgreSQL, fault by fault."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemon_process import Watch, watching
from tests.support.keycloak import SECRET, Admin, Keycloak, keycloak, needs_keycloak
from tests.support.postgres import PASSWORD, POSTGRES, Postgres
from tests.support.processes import Program, fetch, free_port, needs, until

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

    watch: Watch
    server: Keycloak
    database: Postgres

    def states(self) -> dict[str, str]:
        """Return the last probe's outcome of each check."""
        listed = self.watch.api("/products/keycloak")["checks"]
        return {each["id"]: each["last"]["outcome"] for each in listed if each["last"]}

    def shows(self, *bad: str, **others: str) -> None:
        """Wait until these of the shipped checks are bad and the rest of them good, and others as named."""
        wanted = {name: "bad" if name in bad else "good" for name in CHECKS} | others
        until(f"{wanted}, seen {self.states()}", lambda: wanted.items() <= self.states().items(), LONG)

    def recovers(self) -> None:
        """Wait until all is good, and no incident is open."""
        self.shows(**{"our-client": "good"})
        until("the incidents' end", lambda: not self.watch.incidents("open"), LONG)


def open_checks(watch: Watch) -> set[str]:
    """Return the checks that have an open incident."""
    return {each["check"] for each in watch.incidents("open")}


@contextlib.contextmanager
def trial(folder: Path, cluster: Path) -> Iterator[tuple[Trial, Program]]:
    port, database = free_port(), Postgres(cluster)
    url = f"jdbc:postgresql://127.0.0.1:{database.port}/postgres?socketTimeout=20"
    config = configured(folder, f"http://127.0.0.1:{port}")
    credential = {"REALM_SECRET": SECRET}
    with (
        database.running() as postgres,
        watching(config, extra=credential) as watch,
        keycloak(folder, port, url) as server,
    ):
        yield Trial(watch, server, database), postgres


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
        opened = seen.watch.incidents()
        assert {each["check"] for each in opened} >= set(CHECKS), "a slow first start is down until the realm exists"
        seen.recovers()

        admin.realm(accessTokenLifespan=2)  # so that our own client asks for a token at nearly every probe
        admin.realm(enabled=False)
        seen.shows("token-endpoint")
        assert until("the product", lambda: seen.watch.api("/products/keycloak")["state"] == "down", LONG)
        incident = until("the incident", lambda: seen.watch.incidents("open"), LONG)[0]
        assert incident["first_failure"]["status"] == 403
        admin.realm(enabled=True)
        seen.recovers()

        admin.realm(attributes={"frontendUrl": "http://login.wrong.example/auth"})
        seen.shows("standard")
        (incident,) = until("the incident", lambda: seen.watch.incidents("open"), LONG)
        found = "$['issuer'] is \"http://login.wrong.example/auth/realms/standard\""
        assert found in incident["first_failure"]["detail"]
        admin.realm(attributes={"frontendUrl": ""})
        seen.recovers()

        admin.secret("another-secret")
        seen.shows(**{"our-client": "unknown"})
        assert not seen.watch.incidents("open"), "our own credential opens no incident"
        admin.secret(SECRET)
        seen.recovers()

        before, certs = (
            len(seen.watch.incidents()),
            f"{seen.server.address}/realms/standard/protocol/openid-connect/certs",
        )
        keys = fetch(certs)
        admin.rotate_keys()
        until("the new key", lambda: fetch(certs) != keys)
        probed = seen.watch.probes("jwks")
        until("two more probes", lambda: seen.watch.probes("jwks") >= probed + 2)
        seen.shows(**{"our-client": "good"})
        assert len(seen.watch.incidents()) == before, "a rotation of keys is no outage"

        with seen.database.frozen(postgres):
            seen.shows("token-endpoint")
            until("its incident", lambda: "token-endpoint" in open_checks(seen.watch))
        seen.recovers()

        seen.server.signal(signal.SIGSTOP)
        seen.shows(*CHECKS)
        seen.server.signal(signal.SIGCONT)
        seen.recovers()

        postgres.process.send_signal(signal.SIGINT)
        seen.shows("token-endpoint")
        assert SECRET not in seen.watch.said() + seen.watch.body("/") + seen.watch.body("/metrics")
        assert PASSWORD not in seen.watch.said()
