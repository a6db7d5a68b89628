"""Send the same probes to blackbox_exporter and to /probe, and compare the responses.

`python -m tests.support.blackbox_comparison FOLDER "MODULE TARGET" ...` writes the pages as JSON, for a test that
needs them in another network namespace.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.addresses import closed_port
from tests.support.daemon_process import command, environment
from tests.support.processes import Program, fetch, free_port, run_program, wait_for

IDLE = """
listen: 127.0.0.1:0
store: {store}
products: [{{id: none, objective: 99%, checks: [{{id: none, tcp: "{unused}", interval: 1d, timeout: 1s}}]}}]
"""
Sample = tuple[str, frozenset[tuple[str, str]]]
_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Page:
    """The response of a prober."""

    text: str

    @property
    def samples(self) -> dict[Sample, float]:
        """The samples by name and labels."""
        samples = {}
        for line in self.text.splitlines():
            if match := _LINE.fullmatch(line):
                samples[match[1], frozenset(_LABEL.findall(match[2] or ""))] = float(match[3])
        return samples

    def value(self, name: str) -> float:
        """The value of a metric without labels."""
        return self.samples[name, frozenset()]

    @property
    def types(self) -> dict[str, str]:
        """The type of each family."""
        return dict(re.findall(r"^# TYPE (\w+) (\w+)$", self.text, re.MULTILINE))


@dataclass(frozen=True)
class BothExporters:
    """The addresses of both exporters, the daemon's process, and the common module file."""

    exporter_url: str
    ninewatch_url: str

    daemon: Program
    modules: Path

    def probe(self, module: str, target: str, scrape_timeout: float = 0, **parameters: str) -> tuple[Page, Page]:
        """Send the probe to both exporters, with a scrape timeout in seconds."""
        query = urllib.parse.urlencode({"module": module, "target": target, **parameters})
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": f"{scrape_timeout:g}"} if scrape_timeout else {}
        pages = []
        for base in (self.exporter_url, self.ninewatch_url):
            status, body = fetch(f"{base}/probe?{query}", headers)
            assert status == 200, f"{base} {module} {target}: {status} {body!r}"
            pages.append(Page(body.decode()))
        return pages[0], pages[1]


@contextlib.contextmanager
def both_exporters(folder: Path, modules: str) -> Iterator[BothExporters]:
    """Run both exporters with the same module file while the `with` block runs."""
    path, config = folder / "blackbox.yml", folder / "ninewatch.yaml"
    path.write_text(modules)
    blackbox_address, unused = f"127.0.0.1:{free_port()}", f"127.0.0.1:{closed_port()}"
    config.write_text(IDLE.format(store=folder / "nw.db", unused=unused))
    exporter = ["prometheus-blackbox-exporter", f"--config.file={path}", f"--web.listen-address={blackbox_address}"]
    daemon = command("run", "-c", config, "--blackbox-config", path)
    with (
        run_program(folder / "exporter.log", exporter, env=environment()) as exporter_program,
        run_program(folder / "daemon.log", daemon, env=environment()) as daemon_program,
    ):
        wait_for(
            "the exporter",
            lambda: (
                exporter_program.find_in_log(r"(Listening on)")
                and fetch(f"http://{blackbox_address}/-/healthy")[0] == 200
            ),
        )
        ninewatch_address = wait_for(
            "the daemon's address", lambda: daemon_program.find_in_log(r"answers at (http://\S+)")
        )
        yield BothExporters(f"http://{blackbox_address}", ninewatch_address, daemon_program, path)


def main() -> None:
    folder, *requests = sys.argv[1:]
    with both_exporters(Path(folder), (Path(folder) / "modules.yml").read_text()) as both:
        pairs = [both.probe(*request.split(" ")) for request in requests]
    sys.stdout.write(json.dumps([[page.text for page in pair] for pair in pairs]))


if __name__ == "__main__":
    main()
