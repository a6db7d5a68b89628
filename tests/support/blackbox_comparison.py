"""Run the same probes through blackbox_exporter and our /probe, and compare the pages.

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

from tests.support.daemon_process import command, environment
from tests.support.processes import Program, fetch, free_port, running, wait_for

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
    """What a prober answered."""

    text: str

    @property
    def samples(self) -> dict[Sample, float]:
        """Every sample with its labels."""
        found = {}
        for line in self.text.splitlines():
            if match := _LINE.fullmatch(line):
                found[match[1], frozenset(_LABEL.findall(match[2] or ""))] = float(match[3])
        return found

    def value(self, name: str) -> float:
        """The value of a metric without labels."""
        return self.samples[name, frozenset()]

    @property
    def types(self) -> dict[str, str]:
        """The type of each family."""
        return dict(re.findall(r"^# TYPE (\w+) (\w+)$", self.text, re.MULTILINE))


@dataclass(frozen=True)
class BothExporters:
    """The addresses of the two, our process, and the module file that they share."""

    theirs: str
    ours: str

    daemon: Program
    modules: Path

    def asked(self, module: str, target: str, patience: float = 0, **more: str) -> tuple[Page, Page]:
        """Ask the one, then the other, as a scraper would that waits for so many seconds."""
        query = urllib.parse.urlencode({"module": module, "target": target, **more})
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": f"{patience:g}"} if patience else {}
        pages = []
        for base in (self.theirs, self.ours):
            status, body = fetch(f"{base}/probe?{query}", headers)
            assert status == 200, f"{base} {module} {target}: {status} {body!r}"
            pages.append(Page(body.decode()))
        return pages[0], pages[1]


@contextlib.contextmanager
def both_exporters(folder: Path, modules: str) -> Iterator[BothExporters]:
    """Run the two with the same module file while the block lasts."""
    path, config = folder / "blackbox.yml", folder / "ninewatch.yaml"
    path.write_text(modules)
    theirs, unused = (f"127.0.0.1:{free_port()}" for _ in range(2))
    config.write_text(IDLE.format(store=folder / "nw.db", unused=unused))
    exporter = ["prometheus-blackbox-exporter", f"--config.file={path}", f"--web.listen-address={theirs}"]
    daemon = command("run", "-c", config, "--blackbox-config", path)
    with (
        running(folder / "exporter.log", exporter, env=environment()) as one,
        running(folder / "daemon.log", daemon, env=environment()) as other,
    ):
        wait_for(
            "the exporter", lambda: one.find_in_log(r"(Listening on)") and fetch(f"http://{theirs}/-/healthy")[0] == 200
        )
        ours = wait_for("the daemon's address", lambda: other.find_in_log(r"answers at (http://\S+)"))
        yield BothExporters(f"http://{theirs}", ours, other, path)


def main() -> None:
    folder, *asked = sys.argv[1:]
    with both_exporters(Path(folder), (Path(folder) / "modules.yml").read_text()) as two:
        pairs = [two.asked(*each.split(" ")) for each in asked]
    sys.stdout.write(json.dumps([[each.text for each in pair] for pair in pairs]))


if __name__ == "__main__":
    main()
