"""A vantage and a centre as real processes: kills, cut connections and tokens lose and repeat no observation."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import yaml

from tests.support.addresses import closed_port
from tests.support.daemon_process import DaemonProcess, run_to_exit, running_daemon
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


class Pair:
    """The configurations of a centre and of its vantage `east`, in one folder."""

    def __init__(self, folder: Path, **intake: str) -> None:
        self.folder, self.port = folder, free_port()
        self.scheme = "https" if intake else "http"
        self.products = [
            {
                "id": "forms",
                "objective": "99%",
                "checks": [
                    {"id": f"c{number}", "tcp": f"127.0.0.1:{closed_port()}", "interval": "200ms", "timeout": "100ms"}
                    for number in range(5)
                ],
            }
        ]
        self.centre = self.write(
            "centre",
            role="centre",
            intake={"listen": f"127.0.0.1:{self.port}", **intake},
            vantages=[{"id": "east"}],
            quorum="2 of 2",
        )

    def write(self, name: str, **keys: Any) -> Path:
        """Write the configuration of one daemon."""
        path = self.folder / f"{name}.yaml"
        keys |= {"store": str(self.folder / f"{name}.db"), "listen": "127.0.0.1:0", "products": self.products}
        path.write_text(yaml.safe_dump(keys))
        return path

    def write_vantage(self, **centre: Any) -> Path:
        """Write the configuration of the vantage."""
        values = {"urls": [f"{self.scheme}://127.0.0.1:{self.port}"], "token": {"env": "NW_TOKEN"}, **centre}
        return self.write("east", role="vantage", centre=values)

    def token(self, *options: str) -> str:
        """Create a token of the vantage at the centre."""
        status, output, errors = run_to_exit(
            "token", "create", "east", "--scope", "vantage:write", *options, "-c", self.centre
        )
        assert status == 0, errors
        return next(line for line in output.splitlines() if line.startswith("nw_"))

    def observations(self, name: str, vantage: str) -> set[tuple[Any, ...]]:
        """Return the observations of a vantage in the record of a daemon."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder / name}.db?mode=ro", uri=True)) as connection:
            return set(
                connection.execute(
                    "SELECT check_key, at, outcome, word, latency, recheck FROM observations"
                    " JOIN series ON series.id = series JOIN reasons ON reasons.id = reason WHERE vantage = ?",
                    (vantage,),
                )
            )


def delivered(vantage: DaemonProcess) -> bool:
    """Return whether the centre has stored all frames of the vantage."""
    status = vantage.api("/centre")
    return status["frames_waiting"] == 0 and not status["problem"] and status["last_response"] is not None


def measured_link(centre: DaemonProcess) -> dict[str, Any] | None:
    """Return the link of the vantage at the centre, None before its clock is measured."""
    (link,) = [one["delivery"]["link"] for one in centre.api("/vantages") if one["id"] == "east"]
    return link if link is not None and link["clock_offset_seconds"] is not None else None


@contextlib.contextmanager
def running_pair(pair: Pair, token: str) -> Iterator[tuple[DaemonProcess, DaemonProcess]]:
    vantage = pair.write_vantage()
    with running_daemon(pair.centre) as centre, running_daemon(vantage, extra={"NW_TOKEN": token}) as east:
        yield centre, east


def test_observations_arrive_once_although_both_daemons_are_killed(tmp_path: Path) -> None:
    """The observations of the vantage in the record of the centre equal those in the vantage's own record."""
    pair, chance = Pair(tmp_path), random.Random(17)  # noqa: S311 - a reproducible order
    vantage = pair.write_vantage()
    with contextlib.ExitStack() as centres, contextlib.ExitStack() as vantages:
        extra = {"NW_TOKEN": pair.token()}
        centre = centres.enter_context(running_daemon(pair.centre))
        east = vantages.enter_context(running_daemon(vantage, extra=extra))
        for _ in range(6):
            target = len(pair.observations("centre", "east")) + chance.randrange(5, 40)
            wait_for("deliveries", lambda target=target: len(pair.observations("centre", "east")) >= target)  # type: ignore[misc]
            victim = chance.choice([centre, east])
            victim.signal(signal.SIGKILL)
            victim.wait_for_exit()
            if victim is centre:
                centres.close()
                centre = centres.enter_context(running_daemon(pair.centre))
            else:
                vantages.close()
                east = vantages.enter_context(running_daemon(vantage, extra=extra))
        wait_for("the delivery of all frames", lambda: delivered(east))
        east.signal(signal.SIGTERM)
        assert east.wait_for_exit() == 0
        vantages.close()
        # The frames of the last commit are delivered by the next process life.
        east = vantages.enter_context(running_daemon(vantage, extra=extra))
        wait_for("the delivery of all frames", lambda: delivered(east))
        before = pair.observations("east", "local")
        wait_for("the observations", lambda: before <= pair.observations("centre", "east"))
    assert pair.observations("centre", "east") <= pair.observations("east", "local")


def test_outage_is_decided_by_the_votes_of_both(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    with running_pair(pair, pair.token()) as (centre, _):
        wait_for("an incident", lambda: centre.incidents("open"))
        check = centre.api("/products/forms")["checks"][0]
        assert [(one["id"], one["state"], one["vote"]) for one in check["vantages"]] == [
            ("local", "down", "down"),
            ("east", "down", "down"),
        ]
        link = wait_for("a measured clock", lambda: measured_link(centre))
        assert link["same_checks"] is True
        assert abs(link["clock_offset_seconds"]) <= link["clock_error_seconds"] + 0.001


def test_token_can_be_replaced_and_revoked(tmp_path: Path) -> None:
    """A vantage whose token is revoked keeps its observations, and delivers them with another token."""
    pair = Pair(tmp_path)
    first = pair.token()
    with running_daemon(pair.centre):
        with running_daemon(pair.write_vantage(), extra={"NW_TOKEN": first}) as east:
            wait_for("a delivery", lambda: delivered(east))
            identity = first.split("_")[1]
            assert run_to_exit("token", "revoke", identity, "-c", pair.centre)[0] == 0
            wait_for("the rejection", lambda: "status 401" in east.api("/centre")["problem"])
            assert first not in east.output() + east.body("/") + east.body("/api/v1/centre")
            assert "the centre does not receive observations" in east.body("/readyz")
            wait_for("frames that wait", lambda: east.api("/centre")["frames_waiting"] > 3)
        with running_daemon(pair.write_vantage(), extra={"NW_TOKEN": pair.token()}) as east:
            before = pair.observations("east", "local")
            wait_for("the delivery", lambda: before <= pair.observations("centre", "east"))


def test_intake_requires_tls_and_a_client_certificate_if_configured(tmp_path: Path) -> None:
    authority, clients = trustme.CA(), trustme.CA()
    server = authority.issue_cert("127.0.0.1")
    (tmp_path / "server.pem").write_bytes(server.private_key_and_cert_chain_pem.bytes())
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    (tmp_path / "clients.pem").write_bytes(clients.cert_pem.bytes())
    client = clients.issue_cert("east.example")
    (tmp_path / "client.pem").write_bytes(client.private_key_and_cert_chain_pem.bytes())
    pair = Pair(tmp_path, certificate=str(tmp_path / "server.pem"), client_ca=str(tmp_path / "clients.pem"))
    extra = {"NW_TOKEN": pair.token()}
    with running_daemon(pair.centre) as centre:
        tls = {"ca": str(tmp_path / "ca.pem")}
        with running_daemon(pair.write_vantage(tls=tls), extra=extra) as east:
            wait_for("a problem", lambda: east.api("/centre")["problem"])
            assert east.api("/centre")["last_response"] is None
        tls |= {"certificate": str(tmp_path / "client.pem")}
        with running_daemon(pair.write_vantage(tls=tls), extra=extra) as east:
            wait_for("the delivery", lambda: delivered(east))
            outputs = (
                east.output() + centre.output() + east.body("/") + centre.body("/") + centre.body("/api/v1/vantages")
            )
            keys = [leaf.private_key_pem.bytes().decode().splitlines()[2] for leaf in (server, client)]
            assert [key for key in keys if key in outputs] == []


def test_copy_of_a_vantage_is_superseded(tmp_path: Path) -> None:
    """Two daemons with one token: only the one that started last delivers."""
    pair = Pair(tmp_path)
    token = pair.token()
    with running_pair(pair, token) as (_, first):
        wait_for("a delivery", lambda: delivered(first))
        copy = pair.write("copy", **yaml.safe_load(pair.write_vantage().read_text()))
        with running_daemon(copy, extra={"NW_TOKEN": token}) as second:
            wait_for("a delivery", lambda: delivered(second))
            problem = wait_for("the rejection", lambda: first.api("/centre")["problem"])
            assert "a later started vantage has the same token" in problem
