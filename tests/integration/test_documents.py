"""Every command of the documentation works as written in a fresh clone, and prints what the document shows.

The clone is a copy of the files under version control. One demo runs for all documents, as README.md tells its readers
to leave it running; a `ninewatch run` goes on until another one of the same configuration is started.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from monitor.demo.modes import DEFAULT_PORTS
from tests.support.documents import CodeBlock, Command, blocks, expected, plain
from tests.support.processes import Program, free_port, running, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a document has up to twenty commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "dashboards/*.md", "helm/*/*.md")
    for path in ROOT.glob(pattern)
)
HELM = shutil.which("helm", path=str(ROOT / ".tools")) or shutil.which("helm")

# What a test cannot run as it is written: the command -> why, and what is run in its place (None: nothing).
_NEEDS_THE_SINK = "runs until it is stopped, or sends to it; tests/monitor/commands/test_alert.py does both"
EXEMPT: dict[str, tuple[str, str | None]] = {
    "ninewatch alert sink": (_NEEDS_THE_SINK, None),
    "ninewatch alert test channel -c examples/alerting.yaml": (_NEEDS_THE_SINK, None),
    "ninewatch alert test mail -c examples/alerting.yaml": (_NEEDS_THE_SINK, None),
    "make run     # run simulated products that fail on a schedule, and the daemon that monitors them": (
        "builds an environment first; .ci/run runs it in a fresh clone. The demo itself is the fixture",
        None,
    ),
    "make test    # static checks and tests; contacts no other host": (
        "runs these tests; .ci/run runs it in a fresh clone",
        None,
    ),
    "ninewatch probe https://loginproxy.gov.bc.ca/auth/realms/standard/.well-known/openid-configuration": (
        "a public host; tests contact loopback only",
        "ninewatch probe http://127.0.0.1:17601/auth/realms/standard/.well-known/openid-configuration",
    ),
    'ninewatch correct --revoke 3f9a0c51d2e4 --author "Ana Ng" --reason "it was the service after all" '
    "-c examples/mine.yaml": (
        "a correction's id is made of its content and the time at which it was made",
        "ninewatch correct --revoke $(ninewatch corrections -c examples/mine.yaml | grep -oE '\\b[0-9a-f]{12}\\b' | "
        'head -1) --author "Ana Ng" --reason "it was the service after all" -c examples/mine.yaml',
    ),
}
_NEEDS_A_CLUSTER = "helm upgrade --install"
# Blocks without a language that show no command: (document, first line) -> what they are.
FIGURES = {
    ("ARCHITECTURE.md", "sla  <-  probe_result"): "the direction of imports",
}
# Exit statuses that are no failure of the example, by a pattern of the command.
STATUS = (
    (r"check-config examples/mistake", {1}),  # it shows mistakes
    (r"ninewatch audit", {1}),  # it shows wrong claims
    (r"ninewatch measure examples/kuma", {1}),  # it shows a missed objective
    (r"ninewatch status", {0, 1}),  # 1 until the first probe has ended
)
# Figures of the machine's speed and of today, which no document can show: a pattern -> what stands for it.
EPHEMERAL = {
    r"ninewatch probe .*--json": (r"\d+\.\d{2,}(e-\d+)?", "0.1"),
    r"ninewatch measure": (r"(all observations used, up to )\S+;", r"\1now;"),
}


@dataclass
class Clone:
    """A fresh clone with the demo running, and what its commands started."""

    folder: Path
    ports: dict[str, str]
    environment: dict[str, str]
    stack: ExitStack
    started: dict[str, Program] = field(default_factory=dict)

    def here(self, command: str) -> str:
        """Return the command for the ports that were free on this machine."""
        for written, got in self.ports.items():
            command = command.replace(f"127.0.0.1:{written}", f"127.0.0.1:{got}")
        return command

    def run(self, command: str) -> tuple[int, str]:
        """Run it by the shell; return its exit status and what it printed."""
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def start(self, command: str) -> None:
        """Run it in the background until it says that it answers, in place of one of the same configuration."""
        words = self.here(command).split("#")[0].split()
        config = words[words.index("-c") + 1]
        if (before := self.started.pop(config, None)) is not None:
            before.stop()
        log = self.folder / f"run{len(list(self.folder.glob('run*.log')))}.log"
        words[0] = str(self.folder / ".venv/bin/ninewatch")
        program = self.stack.enter_context(running(log, words, cwd=self.folder, env=self.environment))
        wait_for(f"{command} to answer", lambda: program.find_in_log(r"(answers at \S+)"))
        self.started[config] = program


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv/bin").mkdir(parents=True)
    program = folder / ".venv/bin/ninewatch"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m monitor "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{Path(HELM).parent if HELM else ''}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}
    environment = {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}
    listens = {"9999": str(free_port()), "9998": str(free_port())}
    with ExitStack() as stack:
        demo = [str(program), "demo", "--script", "none", "--listen", f"127.0.0.1:{listens['9999']}"]
        log = folder / "demo.log"
        watched = stack.enter_context(running(log, demo, cwd=folder, env=environment))
        wait_for("the demo", lambda: watched.find_in_log(r"(answers at \S+)"))
        shipped, got = ((folder / name).read_text() for name in ("config/demo.yaml", "var/demo/demo.yaml"))
        ports = dict(zip(_ports(shipped), _ports(got), strict=True)) | listens
        assert set(map(str, DEFAULT_PORTS.values())) & set(ports), "the demo's products are among them"
        found = Clone(folder, ports, environment, stack)
        mine = folder / "examples/mine.yaml"
        mine.write_text(found.here(mine.read_text()))
        yield found


def _ports(portfolio: str) -> list[str]:
    return re.findall(r"127\.0\.0\.1:(\d+)", portfolio)


def chosen(command: Command) -> str | None:
    """Return what is run for a command: itself, its substitute, or nothing."""
    if command.text.startswith(_NEEDS_A_CLUSTER):  # needs a cluster: the same manifests are rendered without one
        return None if HELM is None else command.text.replace(_NEEDS_A_CLUSTER, "helm template")
    return EXEMPT[command.text][1] if command.text in EXEMPT else command.text


def normal(command: str, output: str) -> str:
    for pattern, (figure, stands) in EPHEMERAL.items():
        if re.search(pattern, command):
            output = re.sub(figure, stands, output)
    return plain(output)


def statuses(command: str) -> set[int]:
    return next((allowed for pattern, allowed in STATUS if re.search(pattern, command)), {0})


def judged(clone: Clone, document: str, command: Command) -> Iterator[str]:
    """Run a command, and yield what is not as the document shows it."""
    text, place = chosen(command), f"{document}:{command.line}: {command.text}"
    if text is None:
        return
    if re.search(r"ninewatch run ", text):
        clone.start(text)
        return
    status, output = clone.run(text)
    if status not in statuses(text) or "Traceback" in output:
        yield f"{place}\nexit status {status}\n{output}"
    elif command.shown and not expected(normal(text, "\n".join(command.shown)).splitlines()).fullmatch(
        normal(text, output)
    ):
        shown = "\n".join(command.shown)
        yield f"{place}\nshows\n{shown}\nand prints\n{output}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_works_and_prints_what_is_shown(clone: Clone, document: str) -> None:
    wrong = [
        problem
        for block in blocks(ROOT / document)
        for command in block.commands
        for problem in judged(clone, document, command)
    ]
    assert not wrong, "\n\n".join(wrong)


def test_every_block_is_a_command_or_is_named_as_a_figure() -> None:
    """A block that the test would pass over is listed with what it is; so is every exemption that is left."""
    found = [(document, block) for document in DOCUMENTS for block in blocks(ROOT / document)]
    others = {(document, first(block)) for document, block in found if not block.commands}
    assert {(document, line) for document, line in others if not listed(document, line)} == set()
    assert all(any(d == name and line.startswith(start) for d, line in others) for name, start in FIGURES)
    written = {command.text for _, block in found for command in block.commands}
    assert set(EXEMPT) <= written, "an exemption without its command"


def first(block: CodeBlock) -> str:
    return block.text.splitlines()[0]


def listed(document: str, line: str) -> bool:
    return any(document == name and line.startswith(start) for name, start in FIGURES)


def test_the_configuration_that_the_readme_shows_is_the_one_that_ships() -> None:
    (shown,) = re.findall(r"```yaml\n(listen: 127.0.0.1:9998\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert yaml.safe_load(shown) == yaml.safe_load((ROOT / "examples/mine.yaml").read_text())


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        (["a 1", "b 2"], "a 1\nb 2\n", True),
        (["a 1", "b 2"], "a 1\nb 3\n", False),
        (["a ...", "b 2"], "a 1 and more\nb 2", True),
        (["a 1", "...", "z 9"], "a 1\nb 2\nc 3\nz 9", True),
        (["a 1", "...", "z 9"], "a 1\nz 8", False),
        (["a 1"], "a 1\nb 2", False),
        (["a.1"], "a 1", False),
    ],
)
def test_an_output_is_compared_line_by_line(shown: list[str], output: str, same: bool) -> None:
    assert (expected(shown).fullmatch(plain(output)) is not None) is same


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$ ninewatch nines 99\n99% is 2.00 nines\n$ make x\n", [("ninewatch nines 99", 1), ("make x", 0)]),
        ("ninewatch a \\\n  --b\nninewatch c\n", [("ninewatch a --b", 0), ("ninewatch c", 0)]),
        ("a diagram\n", []),
    ],
)
def test_commands_are_found_in_a_block(tmp_path: Path, text: str, found: list[tuple[str, int]]) -> None:
    document = tmp_path / "x.md"
    document.write_text(f"# X\n\n```\n{text}```\n\n```yaml\nmake: 1\n```\n")
    (block,) = blocks(document)
    assert [(command.text, len(command.shown)) for command in block.commands] == found
