"""Time from a fault to its page: ninewatch's own notifications, and the path over Prometheus and Alertmanager.

    python -m bench.page_delay [--rounds 20] [--interval 200] [--timeout 150] [--fall 2] [--peers]

A product fails and recovers in each round. The clock runs from the instant at which the target begins to answer 503 to
the arrival of the webhook's request. The limit is fall x (interval + timeout) + 2 s. With `--peers` the same daemon is
scraped by Prometheus (each second, rules as shipped, evaluated each second) that alerts through Alertmanager (no
`group_wait`): Debian's packages prometheus and prometheus-alertmanager. Everything runs on loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.cost import started, until_answering
from bench.stack import Ports

RULES = Path(__file__).parents[1] / "dashboards/ninewatch.rules.yaml"
PAUSE = 3.0  # seconds between the recovery of a round and the fault of the next


class Target:
    """Answers 200 or 503, as `healthy` says."""

    healthy = True


class Quiet(BaseHTTPRequestHandler):
    """Logs no requests."""

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


Arrivals = queue.Queue[tuple[float, str, str]]  # monotonic seconds, path, event


@contextlib.contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve on a free port while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def target_handler(target: Target) -> type[Quiet]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            self.answer(200 if target.healthy else 503)

    return Handler


def sink_handler(arrivals: Arrivals) -> type[Quiet]:
    class Handler(Quiet):
        def do_POST(self) -> None:
            arrived = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(200)
            if self.path == "/hook":
                arrivals.put((arrived, self.path, body["event"]))
            for each in body.get("alerts", ()):
                if each["labels"]["alertname"] == "NinewatchProductDown":
                    arrivals.put((arrived, self.path, each["status"]))

    return Handler


def configuration(directory: Path, ports: Ports, target: int, sink: int, options: argparse.Namespace) -> Path:
    path = directory / "ninewatch.yaml"
    path.write_text(f"""
listen: 127.0.0.1:{ports.ninewatch}
store: {directory}/record.db
receivers: [{{id: ops, webhook: "http://127.0.0.1:{sink}/hook"}}]
alerting: {{damping: {{incidents: 1000}}}}
products:
  - id: product
    objective: 99%
    checks:
      - {{id: check, http: "http://127.0.0.1:{target}/", interval: {options.interval}ms, timeout: {options.timeout}ms,
         fall: {options.fall}, rise: 1}}
""")
    return path


@contextlib.contextmanager
def peers(directory: Path, ports: Ports, sink: int) -> Iterator[None]:
    """Run Prometheus with the shipped rules, and Alertmanager, each without waits of its own."""
    (directory / "alertmanager.yaml").write_text(f"""
route: {{receiver: sink, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: sink, webhook_configs: [{{url: "http://127.0.0.1:{sink}/alertmanager"}}]}}]
""")
    (directory / "prometheus.yaml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{RULES}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{ports.blackbox}"]}}]}}]}}
scrape_configs: [{{job_name: ninewatch, static_configs: [{{targets: ["127.0.0.1:{ports.ninewatch}"]}}]}}]
""")
    manager = ["prometheus-alertmanager", f"--config.file={directory}/alertmanager.yaml", "--cluster.listen-address="]
    manager += [f"--web.listen-address=127.0.0.1:{ports.blackbox}", f"--storage.path={directory}/alertmanager"]
    server = ["prometheus", f"--config.file={directory}/prometheus.yaml", f"--storage.tsdb.path={directory}/tsdb"]
    server += [f"--web.listen-address=127.0.0.1:{ports.prometheus}"]
    with started(manager, directory, "alertmanager"), started(server, directory, "prometheus"):
        until_answering(f"http://127.0.0.1:{ports.prometheus}/-/ready")
        until_answering(f"http://127.0.0.1:{ports.blackbox}/-/ready")
        yield


def wait_for(arrivals: Arrivals, paths: set[str], event: str) -> dict[str, float]:
    """Return when each of the paths got the event first; other arrivals are dropped."""
    found: dict[str, float] = {}
    while set(found) != paths:
        arrived, path, kind = arrivals.get(timeout=120)
        if kind == event or (event, kind) in (("opened", "firing"), ("resolved", "resolved")):
            found.setdefault(path, arrived)
    return found


def measure(target: Target, arrivals: Arrivals, paths: set[str], rounds: int) -> dict[str, list[float]]:
    """Return the delays of each path, seconds."""
    delays: dict[str, list[float]] = {path: [] for path in paths}
    for number in range(rounds):
        time.sleep(PAUSE + number % 7 * 0.03)  # faults at other instants between two probes
        target.healthy, began = False, time.monotonic()
        for path, arrived in wait_for(arrivals, paths, "opened").items():
            delays[path].append(arrived - began)
        target.healthy = True
        wait_for(arrivals, paths, "resolved")
    return delays


def main() -> int:
    """Measure and print; exit 1 if a page of ninewatch's own was later than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--interval", type=int, default=200, help="milliseconds")
    parser.add_argument("--timeout", type=int, default=150, help="milliseconds")
    parser.add_argument("--fall", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="measure the path over Prometheus and Alertmanager too")
    options = parser.parse_args()
    if options.peers and not all(map(shutil.which, ("prometheus", "prometheus-alertmanager"))):
        raise SystemExit("needs prometheus and prometheus-alertmanager (Debian's packages)")
    limit = options.fall * (options.interval + options.timeout) / 1e3 + 2
    target, arrivals, ports = Target(), Arrivals(), Ports.free()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = stack.enter_context(listening(target_handler(target)))
        sink = stack.enter_context(listening(sink_handler(arrivals)))
        config = configuration(directory, ports, served, sink, options)
        command = [sys.executable, "-m", "monitor", "run", "-c", str(config)]
        stack.enter_context(started(command, directory, "ninewatch"))
        until_answering(f"http://127.0.0.1:{ports.ninewatch}/readyz")
        if options.peers:
            stack.enter_context(peers(directory, ports, sink))
        paths = {"/hook", "/alertmanager"} if options.peers else {"/hook"}
        delays = measure(target, arrivals, paths, options.rounds)
    print(f"fault to page, seconds, {options.rounds} rounds; limit {limit:.2f}")
    for path, name in (("/hook", "ninewatch's webhook"), ("/alertmanager", "Prometheus + Alertmanager")):
        if found := sorted(delays.get(path, ())):
            late = statistics.quantiles(found, n=20)[-1] if len(found) > 1 else found[0]
            print(f"  {name:<27} median {statistics.median(found):.3f}, 95 % {late:.3f}, max {found[-1]:.3f}")
    return int(max(delays["/hook"]) > limit)


if __name__ == "__main__":
    raise SystemExit(main())
