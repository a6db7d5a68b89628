"""Measure the time from a fault to its page, by ninewatch's notifications and by Prometheus with Alertmanager.

    python -m bench.page_delay [--rounds 5] [--interval 4000] [--timeout 500] [--recheck 300] [--fall 4] [--peers]

In each round, a product fails and recovers. The delay is the time from the instant at which the target starts to
respond 503 (in every second round: stops responding) to the webhook's request. The limit is interval + fall x timeout +
(fall - 1) x recheck + 4 s; without re-checks, `fall` probes take (fall - 1) x interval or longer. The 95th percentile
is compared with it. With `--peers`, Prometheus scrapes
the same daemon and evaluates ninewatch's rules every second, and alerts through Alertmanager without `group_wait`
(Debian's packages prometheus and prometheus-alertmanager); a round then takes two to three minutes, because the alert
is held for a minute and its rules are evaluated every 30 s. Everything runs on loopback.
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

from bench.cost import run_program, wait_until_answering
from bench.stack import Ports

RULES = Path(__file__).parents[1] / "dashboards/ninewatch.rules.yaml"
PAUSE = 3.0  # seconds between the recovery and the next fault
LONGEST_WAIT = 180.0  # seconds; the alert of Prometheus takes up to 100 on a free machine


class Target:
    """A target that responds 200 if `healthy`, else 503, or only after its recovery if it `hangs`."""

    hangs = False

    def __init__(self) -> None:
        self.recovered = threading.Event()
        self.recovered.set()

    @property
    def healthy(self) -> bool:
        return self.recovered.is_set()

    def fail(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.recovered.clear()


class QuietHandler(BaseHTTPRequestHandler):
    """A handler that does not log requests."""

    def log_message(self, *_: object) -> None:
        pass

    def respond(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


Arrivals = queue.Queue[tuple[float, str, str]]  # monotonic seconds, path, event


@contextlib.contextmanager
def serve(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve requests on a free port during the `with` block; yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def target_handler(target: Target) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            if target.hangs:
                target.recovered.wait()
            with contextlib.suppress(OSError):  # the probe has ended
                self.respond(200 if target.healthy else 503)

    return Handler


def sink_handler(arrivals: Arrivals) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:
            arrived = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.respond(200)
            if self.path == "/hook":
                arrivals.put((arrived, self.path, body["event"]))
            for alert in body.get("alerts", ()):
                if alert["labels"]["alertname"] == "NinewatchProductDown":
                    arrivals.put((arrived, self.path, alert["status"]))

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
         recheck: {options.recheck}ms, fall: {options.fall}, rise: 1}}
""")
    return path


@contextlib.contextmanager
def peers(directory: Path, ports: Ports, sink: int) -> Iterator[None]:
    """Run Prometheus with ninewatch's rules, and Alertmanager, both without additional waits."""
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
    with run_program(manager, directory, "alertmanager"), run_program(server, directory, "prometheus"):
        wait_until_answering(f"http://127.0.0.1:{ports.prometheus}/-/ready")
        wait_until_answering(f"http://127.0.0.1:{ports.blackbox}/-/ready")
        yield


def wait_for(arrivals: Arrivals, paths: set[str], event: str) -> dict[str, float]:
    """Wait until all paths received the event, and return the first arrival by path. Other arrivals are ignored."""
    first_arrivals: dict[str, float] = {}
    deadline = time.monotonic() + LONGEST_WAIT
    while missing := paths - set(first_arrivals):
        try:
            arrived, path, kind = arrivals.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            names = ", ".join(sorted(missing))
            raise SystemExit(
                f"no event {event!r} at {names} within {LONGEST_WAIT:g} s; run on a free machine"
            ) from None
        if kind == event or (event, kind) in (("opened", "firing"), ("resolved", "resolved")):
            first_arrivals.setdefault(path, arrived)
    return first_arrivals


def measure(target: Target, arrivals: Arrivals, paths: set[str], rounds: int) -> dict[str, list[float]]:
    """Return the delays in seconds by path."""
    delays: dict[str, list[float]] = {path: [] for path in paths}
    for number in range(rounds):
        time.sleep(PAUSE + number % 7 * 0.6)  # faults at different instants between two probes
        target.fail(hangs=number % 2 == 1)
        fault_at = time.monotonic()
        for path, arrived in wait_for(arrivals, paths, "opened").items():
            delays[path].append(arrived - fault_at)
        latest = ", ".join(f"{path} {values[-1]:.3f}" for path, values in sorted(delays.items()))
        print(f"  round {number + 1} of {rounds}: {latest}", flush=True)
        target.recovered.set()
        wait_for(arrivals, paths, "resolved")
    return delays


def percentile(values: list[float]) -> float:
    """Return the 95th percentile; never above the largest value."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def main() -> int:
    """Measure and print the delays. Return 1 if the 95th percentile of ninewatch's pages exceeded the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--interval", type=int, default=4000, help="milliseconds")
    parser.add_argument("--timeout", type=int, default=500, help="milliseconds")
    parser.add_argument("--recheck", type=int, default=300, help="milliseconds")
    parser.add_argument("--fall", type=int, default=4)
    parser.add_argument("--peers", action="store_true", help="measure the path over Prometheus and Alertmanager too")
    options = parser.parse_args()
    if options.peers and not all(map(shutil.which, ("prometheus", "prometheus-alertmanager"))):
        raise SystemExit("needs prometheus and prometheus-alertmanager (Debian's packages)")
    rechecks = (options.fall - 1) * options.recheck
    limit = (options.interval + options.fall * options.timeout + rechecks) / 1e3 + 4
    target, arrivals, ports = Target(), Arrivals(), Ports.free()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        target_port = stack.enter_context(serve(target_handler(target)))
        sink = stack.enter_context(serve(sink_handler(arrivals)))
        config = configuration(directory, ports, target_port, sink, options)
        command = [sys.executable, "-m", "monitor", "run", "-c", str(config)]
        stack.enter_context(run_program(command, directory, "ninewatch"))
        wait_until_answering(f"http://127.0.0.1:{ports.ninewatch}/readyz")
        if options.peers:
            stack.enter_context(peers(directory, ports, sink))
        paths = {"/hook", "/alertmanager"} if options.peers else {"/hook"}
        delays = measure(target, arrivals, paths, options.rounds)
    print(f"fault to page, seconds, {options.rounds} rounds; limit {limit:.2f}")
    for path, name in (("/hook", "ninewatch's webhook"), ("/alertmanager", "Prometheus + Alertmanager")):
        if values := sorted(delays.get(path, ())):
            quantile = percentile(values)
            print(f"  {name:<27} median {statistics.median(values):.3f}, 95 % {quantile:.3f}, max {values[-1]:.3f}")
    return int(percentile(delays["/hook"]) > limit)


if __name__ == "__main__":
    raise SystemExit(main())
