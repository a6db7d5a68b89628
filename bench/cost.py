"""Compare the CPU time per probe of ninewatch and of blackbox_exporter with Prometheus, for the same work.

    python -m bench.cost [--seconds 40] [--rounds 2] [--only http|https]

Needs Debian's packages nginx-light, prometheus and prometheus-blackbox-exporter; without the last two, only ninewatch
is measured. Everything runs on loopback. Work: 1,000 HTTP checks every 10 s, and 200 HTTPS checks every 10 s with full
handshakes. Every probe opens a connection, and checks status and body. /metrics is scraped every 15 s. CPU time is user
+ system time of the processes from /proc, after a warm-up, without that of the target.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.stack import Ports, certificate, nginx_config, ninewatch_config, peers_config

TICK = os.sysconf("SC_CLK_TCK")
SCRAPE_EVERY = 15.0


@dataclass(frozen=True)
class Work:
    """A workload of `checks` checks that are probed every `interval` seconds."""

    name: str
    checks: int
    interval: int

    def probes(self, seconds: float) -> float:
        return self.checks * seconds / self.interval


WORKLOADS = (Work("http", 1000, 10), Work("https", 200, 10))


def cpu_seconds(pids: list[int]) -> float:
    """Return the user + system CPU time of the processes in seconds."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_mib(pids: list[int]) -> float:
    """Return the resident memory of the processes in MiB."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.contextmanager
def run_program(command: list[str], directory: Path, name: str) -> Iterator[int]:
    """Run a program during the `with` block, with its output in a file; yield the process id."""
    with (directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=directory)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - a loopback address
        return response.read().decode()


def wait_until_answering(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            fetch(url)
            return
        time.sleep(0.2)
    raise SystemExit(f"{url} does not respond; see the logs")


def measure(pids: list[int], seconds: float, scrape: str | None) -> tuple[float, float]:
    """Scrape for `seconds` seconds; return the CPU time of the processes and the elapsed time in seconds."""
    before, start = cpu_seconds(pids), time.monotonic()
    next_scrape = start
    while time.monotonic() < start + seconds:
        if scrape is not None:
            fetch(scrape)
        next_scrape = min(next_scrape + SCRAPE_EVERY, start + seconds)
        time.sleep(max(0.0, next_scrape - time.monotonic()))
    return cpu_seconds(pids) - before, time.monotonic() - start


def measure_ninewatch(work: Work, ports: Ports, directory: Path, seconds: float) -> dict[str, float]:
    """Measure ninewatch."""
    config = ninewatch_config(directory, work.name, work.checks, work.interval, ports)
    command = [sys.executable, "-m", "monitor", "run", "-c", str(config)]
    with run_program(command, directory, "ninewatch") as pid:
        base = f"http://127.0.0.1:{ports.ninewatch}"
        wait_until_answering(f"{base}/livez")
        time.sleep(work.interval + 3)
        before = _good_probes(base)
        cpu, elapsed = measure([pid], seconds, f"{base}/metrics")
        good_probes = _good_probes(base) - before
        return {
            "ms": 1e3 * cpu / max(good_probes, 1),
            "done": good_probes / work.probes(elapsed),
            "rss": resident_mib([pid]),
        }


def _good_probes(base: str) -> float:
    lines = fetch(f"{base}/metrics").splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith("ninewatch_probes_total") and '"good"' in line
    )


def measure_peers(work: Work, ports: Ports, directory: Path, seconds: float) -> dict[str, float]:
    """Measure blackbox_exporter and Prometheus together."""
    modules, prometheus = peers_config(directory, work.name, work.checks, work.interval, ports)
    blackbox = ["prometheus-blackbox-exporter", f"--config.file={modules}", "--log.level=error"]
    blackbox.append(f"--web.listen-address=127.0.0.1:{ports.blackbox}")
    server = ["prometheus", f"--config.file={prometheus}", f"--web.listen-address=127.0.0.1:{ports.prometheus}"]
    server += [f"--storage.tsdb.path={directory / ('tsdb-' + work.name)}", "--log.level=error"]
    with run_program(blackbox, directory, "blackbox") as one, run_program(server, directory, "prometheus") as two:
        wait_until_answering(f"http://127.0.0.1:{ports.prometheus}/-/ready")
        time.sleep(work.interval + 8)
        cpu, elapsed = measure([one, two], seconds, None)
        query = f"http://127.0.0.1:{ports.prometheus}/api/v1/query?query=sum(probe_success)"
        up = float(json.loads(fetch(query))["data"]["result"][0]["value"][1])
        return {"ms": 1e3 * cpu / work.probes(elapsed), "done": up / work.checks, "rss": resident_mib([one, two])}


def main() -> None:
    """Measure ninewatch and the peers alternately, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40, help="measured seconds per round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=[work.name for work in WORKLOADS])
    options = parser.parse_args()
    if shutil.which("nginx") is None:
        raise SystemExit("needs nginx: apt-get install nginx-light")
    peers = all(map(shutil.which, ("prometheus", "prometheus-blackbox-exporter")))
    if not peers:
        print("prometheus or prometheus-blackbox-exporter is not installed: measuring only ninewatch")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        ports = Ports.free()
        certificate(directory)
        command = ["nginx", "-c", str(nginx_config(directory, ports)), "-g", "daemon off;"]
        with run_program(command, directory, "nginx"):
            wait_until_answering(f"http://127.0.0.1:{ports.http}/")
            for work in WORKLOADS:
                if options.only in (None, work.name):
                    compare(work, ports, directory, options.seconds, options.rounds, peers)


def compare(work: Work, ports: Ports, directory: Path, seconds: float, rounds: int, peers: bool) -> None:
    """Measure one workload and print its table."""
    print(
        f"\n{work.checks:,} {work.name.upper()} checks every {work.interval} s, {rounds} rounds of {seconds:g} s",
        flush=True,
    )
    sides: dict[str, list[dict[str, float]]] = {"ninewatch": [], "blackbox+Prometheus": []}
    for _ in range(rounds):
        sides["ninewatch"].append(measure_ninewatch(work, ports, directory, seconds))
        if peers:
            sides["blackbox+Prometheus"].append(measure_peers(work, ports, directory, seconds))
    for side, runs in sides.items():
        if runs:
            rounds_text = ", ".join(f"{run['ms']:.3f}" for run in runs)
            print(
                f"  {side:<20} {statistics.median(r['ms'] for r in runs):6.3f} ms CPU per probe ({rounds_text}); "
                f"{100 * runs[-1]['done']:5.1f} % good; {runs[-1]['rss']:4.0f} MiB",
                flush=True,
            )
    if peers:
        pairs = zip(sides["ninewatch"], sides["blackbox+Prometheus"], strict=True)
        ratios = [ninewatch["ms"] / peers["ms"] for ninewatch, peers in pairs]
        print(f"  ratio {statistics.median(ratios):.3f} = 1/{1 / statistics.median(ratios):.1f}", flush=True)


if __name__ == "__main__":
    main()
