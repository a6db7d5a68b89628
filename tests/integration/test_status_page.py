"""A running daemon publishes a status page and its incidents; the copy needs no daemon."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon_process import run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import fetch, wait_for
from tests.support.sinks import Sink

if TYPE_CHECKING:
    from pathlib import Path

BY = ("--by", "zq-author")


def write_config(folder: Path, target: HttpTarget, sink: Sink) -> Path:
    check = {"id": "zq-check", "http": target.url("/zq-path"), "interval": "200ms", "timeout": "150ms"}
    component = {"id": "forms", "name": "Online forms", "product": "zq-product"}
    page = {"id": "citizens", "title": "Services", "host": "status.example.org", "notify": ["list"], "remind": "list"}
    config = {
        "listen": "127.0.0.1:0",
        "store": str(folder / "record.db"),
        "title": "zq portfolio",
        "receivers": [{"id": "list", "webhook": sink.url()}],
        "routes": [{"to": "list", "severities": ["ticket"], "products": ["zq-other"]}],
        "products": [
            {"id": "zq-product", "objective": "99.9%", "checks": [check]},
            {"id": "zq-other", "objective": "99.9%", "checks": [check]},
        ],
        "status_pages": [{**page, "components": [component]}],
    }
    path = folder / "ninewatch.yaml"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.slow
def test_daemon_publishes_incidents_and_sends_updates_and_reminders(tmp_path: Path) -> None:
    with HttpTarget().serving() as target, Sink().serving() as sink:
        config = write_config(tmp_path, target, sink)
        with running_daemon(config) as daemon:

            def page(path: str = "/status/citizens", **headers: str) -> str:
                return fetch(daemon.address + path, headers)[1].decode()

            wait_for("the state", lambda: "The service is operational" in page())
            assert "The service is operational" in page("/", Host="status.example.org")
            assert fetch(f"{daemon.address}/metrics", {"Host": "status.example.org"})[0] == 404
            opening = ("--title", "Forms fail", "--component", "forms", "--impact", "outage", "--text", "We look.")
            status, output, error = run_to_exit(
                "status-page", "open", "citizens", *opening, "--next-update", "1s", *BY, "-c", config
            )
            assert (status, error) == (0, "")
            name = output.split()[1]
            wait_for("the incident", lambda: "Outage of 1 of 1 services: Online forms" in page())
            assert "We look." in page(f"/status/citizens/incidents/{name}")
            wait_for("update and reminder", lambda: len(sink.received) == 2)
            bodies = [received.json() for received in sink.received]
            (update,) = [body["public_incident"] for body in bodies if "public_incident" in body]
            (overdue,) = [body["overdue_update"] for body in bodies if "overdue_update" in body]
            assert (update["text"], overdue["id"], "zq" in json.dumps(update)) == ("We look.", name, False)
            ending = ("--phase", "resolved", "--text", "It works again.", *BY)
            assert run_to_exit("status-page", "update", name, *ending, "-c", config)[0] == 0
            wait_for("the end", lambda: "The service is operational" in page())
            public = [page(), page("/status/citizens/status.json"), page("/status/citizens/feed.atom")]
            assert all("Forms fail" in text or "operational" in text for text in public)
            assert [text for text in public if "zq" in text] == []
        folder = tmp_path / "site"
        status, output, error = run_to_exit("export", "site", folder, "-c", config)
        assert (status, error, "files of citizens, valid until" in output) == (0, "", True)
        assert "It works again." in (folder / "incidents" / f"{name}.html").read_text()
        assert all(b"zq" not in file.read_bytes() for file in folder.rglob("*") if file.is_file())
