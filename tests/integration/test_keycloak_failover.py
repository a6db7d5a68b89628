"""Failovers between two sites with a real Keycloak on each: their sessions, and the measured time.

The sites keep their sessions in a database of their own, or both in one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sla.continuity import TransactionState
from sla.interval import SECOND
from tests.support.dns_switch import DnsSwitch
from tests.support.failover import (
    Failover,
    check_failover,
    check_recovery_time,
    check_time_lost,
    observed,
    write_config,
)
from tests.support.keycloak import CLIENT_SECRET, Admin, Keycloak, keycloak, needs_keycloak
from tests.support.postgres import Postgres, needs_postgres
from tests.support.processes import free_port, wait_for
from tests.support.replicated_sites import DR, GOLD, NAME, ActionTime

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.full, pytest.mark.timeout(4500), needs_keycloak]


@dataclass
class KeycloakSites:
    """A Keycloak at Gold and one at DR, on one port of two addresses, and the switch."""

    gold: Keycloak
    dr: Keycloak
    dns: DnsSwitch

    def switch(self) -> ActionTime:
        """Let the name refer to the other site."""
        return ActionTime.of(lambda: setattr(self.dns, "address", DR))


@contextlib.contextmanager
def separate_sites(folder: Path) -> Iterator[KeycloakSites]:
    """Run two Keycloaks, each with its own database and keys: they share no session."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        sites = []
        for name, host in (("gold", GOLD), ("dr", DR)):
            (folder / name).mkdir()
            site = stack.enter_context(keycloak(folder / name, port, host=host))
            Admin(site).enable_refresh_tokens()
            sites.append(site)
        dns = stack.enter_context(DnsSwitch(GOLD).serving())
        yield KeycloakSites(*sites, dns)


@contextlib.contextmanager
def shared_store(folder: Path) -> Iterator[KeycloakSites]:
    """Run two Keycloaks on one PostgreSQL database: they share realm, keys and sessions."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        database = Postgres(folder)  # in a subfolder it would be one level too deep to open all parent folders
        stack.enter_context(database.running())
        url = f"jdbc:postgresql://127.0.0.1:{database.port}/postgres"
        sites = [
            stack.enter_context(keycloak(folder / name, port, url, host)) for name, host in (("gold", GOLD), ("dr", DR))
        ]
        Admin(sites[0]).enable_refresh_tokens()
        dns = stack.enter_context(DnsSwitch(GOLD).serving())
        yield KeycloakSites(*sites, dns)


@contextlib.contextmanager
def scenario(folder: Path, server: Keycloak, dns: DnsSwitch) -> Iterator[Failover]:
    """Let a daemon observe the realm by its name, and keep sessions of a client open."""
    realm = f"{server.address.replace(GOLD, NAME)}/realms/standard"
    health = {
        "http": f"{realm}/.well-known/openid-configuration",
        "expect": {"header": {"Content-Type": "application/json"}, "json": {"$.issuer": realm}},
    }
    session = {"realm": realm, "client_id": "ninewatch", "client_secret": {"env": "REALM_CLIENT_SECRET"}}
    config = write_config(folder, dns, health, {"every": "10s", "keycloak": session})
    with observed(config, dns) as failover:
        yield failover


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the daemon and the commands the secret of the client."""
    monkeypatch.setenv("REALM_CLIENT_SECRET", CLIENT_SECRET)


def test_sessions_are_lost_between_keycloaks_without_a_shared_store(tmp_path: Path) -> None:
    with separate_sites(tmp_path) as sites, scenario(tmp_path, sites.gold, sites.dns) as running:
        gold = Admin(sites.gold)
        wait_for("sessions", lambda: gold.session_count() >= 3, 1200)
        starts = gold.session_starts()
        killed = ActionTime.of(sites.gold.kill)
        running.wait_for_outage()
        recovered = sites.switch()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
        (failover,) = running.product("/sites")["failovers"]
        page = running.daemon.body("/products/records")
    lost = running.states(TransactionState.LOST)
    runs = running.runs()
    # One may have begun after the sessions were read.
    assert len(starts) <= len(lost) <= len(starts) + 1
    assert lost == {run.id for run in runs.values() if 0 < (run.acknowledged("begin") or 0) <= killed.end}
    assert measured["counts"]["lost"] == len(lost)
    assert (result["met"], result["recovered"]) == (False, True)
    assert "of data were lost" in result["reason"]
    oldest = min((runs[name] for name in lost), key=lambda run: run.started)
    received = oldest.acknowledged("begin") or 0
    assert oldest.started - SECOND <= starts[0] <= received  # Keycloak keeps the second
    check_time_lost(result["rpa_seconds"], killed, starts[0], received - starts[0], running)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)
    check_recovery_time(failover["duration_seconds"], killed, recovered, running.store)
    assert "Failover" in page


@needs_postgres
def test_sessions_survive_the_loss_of_one_of_two_keycloaks_on_one_database(tmp_path: Path) -> None:
    with shared_store(tmp_path) as sites, scenario(tmp_path, sites.gold, sites.dns) as running:
        dr = Admin(sites.dr)
        wait_for("sessions", lambda: dr.session_count() >= 3, 1200)
        killed = ActionTime.of(sites.gold.kill)
        open_then = acknowledged_before(running, killed.start)
        running.wait_for_outage()
        recovered = sites.switch()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
    preserved = running.states(TransactionState.PRESERVED)
    assert len(open_then) >= 3
    assert open_then <= preserved, "a session that was open at the loss can be refreshed at the other site"
    assert running.states(TransactionState.LOST) == set()
    assert (measured["counts"]["lost"], measured["rpa_seconds"]["point"]) == (0, 0)
    assert measured["counts"]["preserved"] >= len(open_then)
    assert (result["rpa_seconds"], result["met"], result["recovered"]) == (0, True, True)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)


def acknowledged_before(running: Failover, instant: int) -> set[str]:
    """Return the sessions that had begun, with an answer, and were not finished at an instant."""
    runs = running.runs().values()
    return {run.id for run in runs if 0 < (run.acknowledged("begin") or 0) < instant and not run.acknowledged("finish")}
