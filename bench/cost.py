"""CPU a probe of this daemon beside blackbox_exporter + Prometheus doing the same work in the same run.

    python -m bench.cost [--seconds 40] [--rounds 2] [--only http|https]

Needs nginx, prometheus and prometheus-blackbox-exporter (Debian's packages of these names); without the peers it
measures this daemon alone. Everything runs on loopback. Work: a new connection a probe, status and body checked,
1,000 HTTP checks every 10 s and 200 HTTPS checks every 10 s with a full handshake; /metrics scraped every 15 s.
CPU is user + system of the processes from /proc, after a warm-up, the target's own left out.
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
    """A workload: so many checks, each probed every `interval` seconds."""

    name: str
    checks: int
    interval: int

    def probes(self, seconds: float) -> float:
        return self.checks * seconds / self.interval


WORKLOADS = (Work("http", 1000, 10), Work("https", 200, 10))


def cpu_seconds(pids: list[int]) -> float:
    """Return user + system CPU of the processes so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_mib(pids: list[int]) -> float:
    """Return the processes' resident memory."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.contextmanager
def started(command: list[str], directory: Path, name: str) -> Iterator[int]:
    """Run a program for as long as the block lasts; its output goes to a file."""
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
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback address
        return answer.read().decode()


def until_answering(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            fetch(url)
            return
        time.sleep(0.2)
    raise SystemExit(f"{url} does not answer; see the logs")


def measured(pids: list[int], seconds: float, scrape: str | None) -> tuple[float, float]:
    """Return CPU seconds spent while `seconds` go by (with our scrapes), and the seconds that went by."""
    before, start = cpu_seconds(pids), time.monotonic()
    moment = start
    while time.monotonic() < start + seconds:
        if scrape is not None:
            fetch(scrape)
        moment = min(moment + SCRAPE_EVERY, start + seconds)
        time.sleep(max(0.0, moment - time.monotonic()))
    return cpu_seconds(pids) - before, time.monotonic() - start


def ours(work: Work, ports: Ports, directory: Path, seconds: float) -> dict[str, float]:
    """Measure this daemon."""
    config = ninewatch_config(directory, work.name, work.checks, work.interval, ports)
    command = [sys.executable, "-m", "monitor", "run", "-c", str(config)]
    with started(command, directory, "ninewatch") as pid:
        base = f"http://127.0.0.1:{ports.ninewatch}"
        until_answering(f"{base}/livez")
        time.sleep(work.interval + 3)
        before = _good(base)
        cpu, passed = measured([pid], seconds, f"{base}/metrics")
        done = _good(base) - before
        return {"ms": 1e3 * cpu / max(done, 1), "done": done / work.probes(passed), "rss": resident_mib([pid])}


def _good(base: str) -> float:
    lines = fetch(f"{base}/metrics").splitlines()
    return sum(float(x.rsplit(" ", 1)[1]) for x in lines if x.startswith("ninewatch_probes_total") and '"good"' in x)


def theirs(work: Work, ports: Ports, directory: Path, seconds: float) -> dict[str, float]:
    """Measure blackbox_exporter and Prometheus together."""
    modules, prometheus = peers_config(directory, work.name, work.checks, work.interval, ports)
    blackbox = ["prometheus-blackbox-exporter", f"--config.file={modules}", "--log.level=error"]
    blackbox.append(f"--web.listen-address=127.0.0.1:{ports.blackbox}")
    server = ["prometheus", f"--config.file={prometheus}", f"--web.listen-address=127.0.0.1:{ports.prometheus}"]
    server += [f"--storage.tsdb.path={directory / ('tsdb-' + work.name)}", "--log.level=error"]
    with started(blackbox, directory, "blackbox") as one, started(server, directory, "prometheus") as two:
        until_answering(f"http://127.0.0.1:{ports.prometheus}/-/ready")
        time.sleep(work.interval + 8)
        cpu, passed = measured([one, two], seconds, None)
        query = f"http://127.0.0.1:{ports.prometheus}/api/v1/query?query=sum(probe_success)"
        up = float(json.loads(fetch(query))["data"]["result"][0]["value"][1])
        return {"ms": 1e3 * cpu / work.probes(passed), "done": up / work.checks, "rss": resident_mib([one, two])}


def main() -> None:
    """Measure in turn, ours and theirs, and print a table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40, help="measured seconds a side and round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=[work.name for work in WORKLOADS])
    options = parser.parse_args()
    if shutil.which("nginx") is None:
        raise SystemExit("needs nginx: apt-get install nginx-light")
    peers = all(map(shutil.which, ("prometheus", "prometheus-blackbox-exporter")))
    if not peers:
        print("prometheus or prometheus-blackbox-exporter is not installed: measuring this daemon alone")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        ports = Ports.free()
        certificate(directory)
        command = ["nginx", "-c", str(nginx_config(directory, ports)), "-g", "daemon off;"]
        with started(command, directory, "nginx"):
            until_answering(f"http://127.0.0.1:{ports.http}/")
            for work in WORKLOADS:
                if options.only in (None, work.name):
                    compare(work, ports, directory, options.seconds, options.rounds, peers)


def compare(work: Work, ports: Ports, directory: Path, seconds: float, rounds: int, peers: bool) -> None:
    """Print one workload's rows."""
    print(
        f"\n{work.checks:,} {work.name.upper()} checks every {work.interval} s, {rounds} rounds of {seconds:g} s",
        flush=True,
    )
    sides: dict[str, list[dict[str, float]]] = {"ninewatch": [], "blackbox+Prometheus": []}
    for _ in range(rounds):
        sides["ninewatch"].append(ours(work, ports, directory, seconds))
        if peers:
            sides["blackbox+Prometheus"].append(theirs(work, ports, directory, seconds))
    for side, runs in sides.items():
        if runs:
            each = ", ".join(f"{run['ms']:.3f}" for run in runs)
            print(
                f"  {side:<20} {statistics.median(r['ms'] for r in runs):6.3f} ms CPU a probe ({each}); "
                f"{100 * runs[-1]['done']:5.1f} % good; {runs[-1]['rss']:4.0f} MiB",
                flush=True,
            )
    if peers:
        pairs = zip(sides["ninewatch"], sides["blackbox+Prometheus"], strict=True)
        ratios = [a["ms"] / b["ms"] for a, b in pairs]
        print(f"  ratio {statistics.median(ratios):.3f} = 1/{1 / statistics.median(ratios):.1f}", flush=True)


if __name__ == "__main__":
    main()
