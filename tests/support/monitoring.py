"""Prometheus and Alertmanager for tests, with a product that fails on demand and a webhook receiver."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from monitor.exporters.rule_file import Alert, Group, render
from monitor.exporters.rules import groups
from tests.support.processes import Program, fetch, free_port, run_program, wait_for

CURRENT_PROMETHEUS = Path(__file__).parents[2] / ".tools/prometheus"  # built by .ci/run


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Do not log requests."""

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextlib.contextmanager
def serve_in_threads(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run the server in threads while the `with` block runs, and yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Target:
    """A product that is good while `healthy` is set."""

    def __init__(self) -> None:
        self.healthy = True

    @contextlib.contextmanager
    def serving(self, context: ssl.SSLContext | None = None) -> Iterator[int]:
        target = self

        class Handler(_Quiet):
            def do_GET(self) -> None:
                self.answer(200 if target.healthy else 503)

        with serve_in_threads(Handler, context) as port:
            yield port


class Pager:
    """A webhook receiver. `alerts` has every received alert in order, with its path."""

    def __init__(self) -> None:
        self.alerts: list[tuple[str, dict[str, Any]]] = []

    def received(self, path: str, name: str, status: str) -> dict[str, Any] | None:
        """Return the first alert with this path, name and status."""
        expected = (path, name, status)
        return next((a for p, a in tuple(self.alerts) if (p, a["labels"]["alertname"], a["status"]) == expected), None)

    @contextlib.contextmanager
    def listening(self) -> Iterator[str]:
        pager = self

        class Handler(_Quiet):
            def do_POST(self) -> None:
                notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                pager.alerts.extend((self.path, alert) for alert in notification["alerts"])
                self.answer(200)

        with serve_in_threads(Handler) as port:
            yield f"http://127.0.0.1:{port}"


class Prometheus:
    """A running Prometheus, queried with its API."""

    def __init__(self, address: str) -> None:
        self.address = address

    def api(self, path: str, **parameters: str) -> Any:
        """Return `data` of the response. Fails with the message of Prometheus if it is an error."""
        query = urllib.parse.urlencode(parameters)
        answer = json.loads(fetch(f"{self.address}/api/v1/{path}?{query}")[1] or b"{}")
        assert answer.get("status") == "success", f"{path} {parameters}: {answer}"
        return answer["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the current instant vector."""
        result: list[dict[str, Any]] = self.api("query", query=expr)["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]


def without_hold_times(group: Group) -> Group:
    """Return the group with alerts that fire without delay."""
    return replace(
        group, rules=tuple(replace(rule, hold="0s") if isinstance(rule, Alert) else rule for rule in group.rules)
    )


@contextlib.contextmanager
def prometheus(folder: Path, scraped: str, alertmanager: str = "", program: str = "prometheus") -> Iterator[Prometheus]:
    """Run Prometheus with the shipped rules, with intervals of one second and without `for`."""
    (folder / "rules.yaml").write_text(render(map(without_hold_times, groups()), "1s"))
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "ninewatch", "static_configs": [{"targets": [_host(scraped)]}]}],
    }
    if alertmanager:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [_host(alertmanager)]}]}]}
    with prometheus_with_config(folder, config, program) as server:
        yield server


@contextlib.contextmanager
def prometheus_with_config(
    folder: Path, config: dict[str, Any], executable: str = "prometheus"
) -> Iterator[Prometheus]:
    """Run Prometheus with this configuration."""
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        executable,
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={address}",
        "--rules.alert.resend-delay=1s",  # alerts before Alertmanager is found are lost until resent
    ]
    with run_program(folder / "prometheus.log", command) as program:
        _ready(program, f"http://{address}")
        yield Prometheus(f"http://{address}")


@contextlib.contextmanager
def alertmanager(folder: Path, config: str, port: int | None = None) -> Iterator[str]:
    """Run Alertmanager without peers, and yield its address. With a port, it can be stopped and started again."""
    (folder / "alertmanager.yaml").write_text(config)
    address = f"127.0.0.1:{port or free_port()}"
    command = [
        "prometheus-alertmanager",
        f"--config.file={folder}/alertmanager.yaml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with run_program(folder / "alertmanager.log", command) as program:
        _ready(program, f"http://{address}")
        yield f"http://{address}"


def _ready(program: Program, address: str) -> None:
    def ready() -> bool:
        assert program.process.poll() is None, program.log.read_text()
        return fetch(f"{address}/-/ready")[0] == 200

    wait_for(f"{program.process.args} to be ready", ready)


def _host(address: str) -> str:
    return urllib.parse.urlsplit(address).netloc
