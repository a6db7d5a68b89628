"""Failovers between two real sites: PostgreSQL with streaming replication, a service on each, and a change of DNS.

The figures of a running daemon are compared with what the test measured itself, at the service, the databases and the
name server. With Patroni, it is not the test that promotes the standby.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sla.continuity import TransactionState
from tests.support.failover import (
    Failover,
    check_failover,
    check_recovery_point,
    check_recovery_time,
    observed,
    write_config,
)
from tests.support.patroni import needs_patroni
from tests.support.postgres import Postgres, needs_postgres
from tests.support.processes import wait_for
from tests.support.record_service import pair
from tests.support.replicated_sites import TABLE, PatroniSites, ReplicatedSites, Sites, query

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.replicated_sites import Server

PAGE = "<!doctype html><title>Maintenance</title><p>Sorry for the inconvenience"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Postgres:
    """Return a stopped cluster with the table of the service. The sites are copies of it."""
    server = Postgres(tmp_path_factory.mktemp("template"))
    with server.running():
        query(server, TABLE)
    return server


@contextlib.contextmanager
def scenario(folder: Path, sites: Sites) -> Iterator[Failover]:
    """Let a daemon observe running sites. Waits until a transaction is replicated."""
    health = {"http": f"{sites.url}/health", "expect": {"json": {"$.status": "up"}}}
    config = write_config(folder, sites.dns, health, {"every": "2s", "http": pair(sites.url)})
    with observed(config, sites.dns) as failover:
        wait_for("a replicated transaction", lambda: notes(sites.standby))
        yield failover


def notes(server: Server) -> set[str]:
    """Return the run ids of the records in a database."""
    return {row["note"] for row in query(server, "SELECT note FROM records")}


def check_asynchronous(folder: Path, sites: Sites) -> None:
    """Lose the primary with records that it acknowledged and did not send: exactly these are lost."""
    with scenario(folder, sites) as running:
        sites.stop_sending()
        sent = len(sites.gold.acknowledged)
        # The first may have been sent before, the second may not, because one request is sent at a time.
        wait_for("acknowledged records", lambda: len(sites.gold.acknowledged) >= sent + 2)
        killed = sites.lose_primary()
        running.wait_for_outage()
        sites.promote()
        missing = {note: at for note, at in sites.gold.acknowledged.items() if note not in notes(sites.standby)}
        assert missing
        recovered = sites.switch()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
    assert running.states(TransactionState.LOST) == set(missing)
    assert measured["counts"]["lost"] == len(missing)
    assert measured["rpa_seconds"]["low"] > 0
    assert result["rpa_seconds"] == measured["rpa_seconds"]["point"]
    check_recovery_point(result["rpa_seconds"], killed, missing, running)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)
    assert result["met"] is False
    assert "of data were lost" in result["reason"]


def check_synchronous(folder: Path, sites: Sites) -> None:
    """Lose the primary during a commit that waits for the standby: it is not acknowledged, and nothing is lost."""
    with scenario(folder, sites) as running:
        sites.stop_sending()
        wait_for("a commit that waits", sites.waits_for_standby)
        killed = sites.lose_primary()
        running.wait_for_outage()
        sites.promote()
        assert set(sites.gold.acknowledged) <= notes(sites.standby)
        recovered = sites.switch()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
    assert running.states(TransactionState.LOST) == set()
    assert measured["counts"]["never_acknowledged"] == 1
    assert measured["counts"]["preserved"] == len(sites.gold.acknowledged)
    assert (result["rpa_seconds"], result["met"]) == (0, True)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)


@pytest.mark.slow
@needs_postgres
def test_asynchronous_replication_loses_what_was_not_sent(tmp_path: Path, template: Postgres) -> None:
    with ReplicatedSites(tmp_path, template, synchronous=False).running() as sites:
        check_asynchronous(tmp_path, sites)


@pytest.mark.slow
@needs_postgres
def test_synchronous_replication_loses_nothing(tmp_path: Path, template: Postgres) -> None:
    with ReplicatedSites(tmp_path, template, synchronous=True).running() as sites:
        check_synchronous(tmp_path, sites)


@pytest.mark.full
@pytest.mark.timeout(1200)
@needs_patroni
def test_patroni_promotes_a_standby_that_did_not_receive_everything(tmp_path: Path) -> None:
    with PatroniSites(tmp_path, synchronous=False).running() as sites:
        check_asynchronous(tmp_path, sites)


@pytest.mark.full
@pytest.mark.timeout(1200)
@needs_patroni
def test_patroni_promotes_a_synchronous_standby_without_a_loss(tmp_path: Path) -> None:
    with PatroniSites(tmp_path, synchronous=True).running() as sites:
        check_synchronous(tmp_path, sites)


@pytest.mark.slow
@needs_postgres
def test_maintenance_page_at_the_other_site_is_part_of_the_outage(tmp_path: Path, template: Postgres) -> None:
    """A page with status 200 is neither a recovery nor a missing record."""
    with (
        ReplicatedSites(tmp_path, template, synchronous=True).running() as sites,
        scenario(tmp_path, sites) as running,
    ):
        killed = sites.lose_primary()
        running.wait_for_outage()
        sites.dr.page = PAGE
        query(sites.standby, "SELECT pg_promote()")
        sites.switch()
        wait_for("the other site", lambda: running.product("/sites")["active"] == "dr")
        wait_for("a transaction that gets the page", lambda: any("/records" in path for path in sites.dr.paged))
        assert running.product()["state"] == "down"
        assert not running.states(TransactionState.LOST)
        recovered = sites.end_maintenance()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
    assert running.states(TransactionState.LOST) == set()
    assert measured["counts"]["preserved"] == len(sites.gold.acknowledged)
    assert (result["rpa_seconds"], result["met"], result["recovered"]) == (0, True, True)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)
