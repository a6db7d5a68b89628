"""Every command in the documentation works in a fresh clone, and prints the output that the document shows.

The clone is a copy of the files under version control. One demo runs for all documents, as README.md instructs its
readers. A `ninewatch run` continues until another one with the same configuration starts.
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
from tests.support.documents import CodeBlock, Command, blocks, output_pattern, plain
from tests.support.processes import Program, free_port, run_program, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a document has up to twenty commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "dashboards/*.md", "helm/*/*.md")
    for path in ROOT.glob(pattern)
)
HELM = shutil.which("helm", path=str(ROOT / ".tools")) or shutil.which("helm")

# Commands that a test cannot run: the command -> the reason, and the command to run instead (None: no command).
_NEEDS_THE_SINK = "runs until it is stopped, or sends to it; tests/integration/test_first_alert.py does both"
_NEEDS_POSTGRES = "needs a server of PostgreSQL; tests/monitor/backup/test_store_copy.py copies in both directions"
EXEMPT: dict[str, tuple[str, str | None]] = {
    'ninewatch store copy ninewatch.db "host=db.example.org user=ninewatch dbname=ninewatch" -c ninewatch.yaml': (
        _NEEDS_POSTGRES,
        None,
    ),
    'ninewatch store copy "host=db.example.org user=ninewatch dbname=ninewatch" restored.db -c ninewatch.yaml': (
        _NEEDS_POSTGRES,
        None,
    ),
    "ninewatch alert sink": (_NEEDS_THE_SINK, None),
    "ninewatch alert test channel -c examples/alerting.yaml": (_NEEDS_THE_SINK, None),
    "ninewatch alert test mail -c examples/alerting.yaml": (_NEEDS_THE_SINK, None),
    "prometheus --config.file=examples/prometheus.yml --storage.tsdb.path=var/prometheus": (
        "runs until it is stopped; tests/integration/test_prometheus.py checks the file",
        None,
    ),
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
    'ninewatch correct --revoke 3f9a0c51d2e4 --by "Ana Ng" --reason "it was the service after all" '
    "-c examples/mine.yaml": (
        "a correction's id is made of its content and the time at which it was made",
        "ninewatch correct --revoke $(ninewatch corrections -c examples/mine.yaml | grep -oE '\\b[0-9a-f]{12}\\b' | "
        'head -1) --by "Ana Ng" --reason "it was the service after all" -c examples/mine.yaml',
    ),
}
_NEEDS_A_CLUSTER = "helm upgrade --install"
# Blocks without a language that show no command: (document, first line) -> their content.
DIAGRAMS = {
    ("ARCHITECTURE.md", "sla  <-  probe_result"): "the direction of imports",
}
# Expected exit statuses other than 0, by a pattern of the command.
STATUS = (
    (r"check-config examples/mistake", {1}),  # it shows mistakes
    (r"ninewatch audit", {1}),  # it shows wrong claims
    (r"ninewatch measure examples/kuma", {1}),  # it shows a missed objective
    (r"ninewatch gate forms -c", {0, 1, 3}),  # the answer depends on what was observed so far
    (r"ninewatch status", {0, 1}),  # 1 until the first probe has ended
)
# Output that depends on the machine's speed or the date: command pattern -> (output pattern, replacement).
EPHEMERAL = {
    r"ninewatch probe .*--json": (r"\d+\.\d{2,}(e-\d+)?", "0.1"),
    r"ninewatch measure": (r"(all observations used, up to )\S+;", r"\1now;"),
}


@dataclass
class Clone:
    """A fresh clone with the demo running, and the programs that its commands started."""

    folder: Path
    ports: dict[str, str]
    environment: dict[str, str]
    stack: ExitStack
    started: dict[str, Program] = field(default_factory=dict)

    def with_local_ports(self, command: str) -> str:
        """Return the command with the ports that were free on this machine."""
        for document_port, port in self.ports.items():
            command = command.replace(f"127.0.0.1:{document_port}", f"127.0.0.1:{port}")
        return command

    def run(self, command: str) -> tuple[int, str]:
        """Run the command in a shell; return its exit status and its output."""
        completed = subprocess.run(
            ["bash", "-c", self.with_local_ports(command)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        return completed.returncode, completed.stdout.decode(errors="replace")

    def start(self, command: str) -> None:
        """Run the command in the background and wait until it answers.

        A program with the same configuration is stopped first.
        """
        arguments = self.with_local_ports(command).split("#")[0].split()
        config = arguments[arguments.index("-c") + 1]
        if (earlier_program := self.started.pop(config, None)) is not None:
            earlier_program.stop()
        log = self.folder / f"run{len(list(self.folder.glob('run*.log')))}.log"
        arguments[0] = str(self.folder / ".venv/bin/ninewatch")
        program = self.stack.enter_context(run_program(log, arguments, cwd=self.folder, env=self.environment))
        wait_for(f"{command} to answer", lambda: program.find_in_log(r"(answers at \S+)"))
        self.started[config] = program


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    folder = tmp_path_factory.mktemp("clone")
    tracked_files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked_files.decode().split("\0")):
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
    listens = {port: str(free_port()) for port in ("9999", "9998", "9997")}
    with ExitStack() as stack:
        demo = [str(program), "demo", "--script", "none", "--listen", f"127.0.0.1:{listens['9999']}"]
        log = folder / "demo.log"
        demo_program = stack.enter_context(run_program(log, demo, cwd=folder, env=environment))
        wait_for("the demo", lambda: demo_program.find_in_log(r"(answers at \S+)"))
        shipped_config, running_config = (
            (folder / name).read_text() for name in ("config/demo.yaml", "var/demo/demo.yaml")
        )
        ports = dict(zip(_ports(shipped_config), _ports(running_config), strict=True)) | listens
        assert set(map(str, DEFAULT_PORTS.values())) & set(ports), "the ports of the demo's products are among them"
        fresh_clone = Clone(folder, ports, environment, stack)
        for example in (folder / "examples").glob("*.yaml"):
            example.write_text(fresh_clone.with_local_ports(example.read_text()))
        fresh_clone.start("ninewatch run -c examples/mine.yaml")  # README does so; other documents use its record
        yield fresh_clone


def _ports(portfolio: str) -> list[str]:
    return re.findall(r"127\.0\.0\.1:(\d+)", portfolio)


def command_to_run(command: Command) -> str | None:
    """Return the command to run: the command itself, its substitute, or None."""
    if command.text.startswith(_NEEDS_A_CLUSTER):  # needs a cluster: the same manifests are rendered without one
        return None if HELM is None else command.text.replace(_NEEDS_A_CLUSTER, "helm template")
    return EXEMPT[command.text][1] if command.text in EXEMPT else command.text


def normalize(command: str, output: str) -> str:
    for pattern, (changing, replacement) in EPHEMERAL.items():
        if re.search(pattern, command):
            output = re.sub(changing, replacement, output)
    return plain(output)


def expected_statuses(command: str) -> set[int]:
    return next((allowed for pattern, allowed in STATUS if re.search(pattern, command)), {0})


def run_command(clone: Clone, document: str, command: Command) -> Iterator[str]:
    """Run a command, and yield each difference from the document."""
    command_text, location = command_to_run(command), f"{document}:{command.line}: {command.text}"
    if command_text is None:
        return
    if re.search(r"ninewatch run ", command_text):
        clone.start(command_text)
        return
    status, output = clone.run(command_text)
    if status not in expected_statuses(command_text) or "Traceback" in output:
        yield f"{location}\nexit status {status}\n{output}"
    elif command.shown and not output_pattern(normalize(command_text, "\n".join(command.shown)).splitlines()).fullmatch(
        normalize(command_text, output)
    ):
        displayed = "\n".join(command.shown)
        yield f"{location}\nshows\n{displayed}\nand prints\n{output}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_prints_the_shown_output(clone: Clone, document: str) -> None:
    problems = [
        problem
        for block in blocks(ROOT / document)
        for command in block.commands
        for problem in run_command(clone, document, command)
    ]
    assert not problems, "\n\n".join(problems)


def test_every_block_has_commands_or_is_listed_as_a_diagram() -> None:
    """Every block without commands is listed, and every exemption is in use."""
    document_blocks = [(document, block) for document in DOCUMENTS for block in blocks(ROOT / document)]
    blocks_without_commands = {
        (document, first_line(block)) for document, block in document_blocks if not block.commands
    }
    assert {(document, line) for document, line in blocks_without_commands if not is_listed(document, line)} == set()
    assert all(
        any(d == name and line.startswith(start) for d, line in blocks_without_commands) for name, start in DIAGRAMS
    )
    command_texts = {command.text for _, block in document_blocks for command in block.commands}
    assert set(EXEMPT) <= command_texts, "an exemption without its command"


def first_line(block: CodeBlock) -> str:
    return block.text.splitlines()[0]


def is_listed(document: str, line: str) -> bool:
    return any(document == name and line.startswith(start) for name, start in DIAGRAMS)


def test_readme_shows_the_shipped_configuration() -> None:
    (yaml_block,) = re.findall(
        r"```yaml\n(listen: 127.0.0.1:9998\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert yaml.safe_load(yaml_block) == yaml.safe_load((ROOT / "examples/mine.yaml").read_text())


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
def test_output_is_compared_line_by_line(shown: list[str], output: str, same: bool) -> None:
    assert (output_pattern(shown).fullmatch(plain(output)) is not None) is same


@pytest.mark.parametrize(
    ("text", "expected_commands"),
    [
        ("$ ninewatch nines 99\n99% is 2.00 nines\n$ make x\n", [("ninewatch nines 99", 1), ("make x", 0)]),
        ("ninewatch a \\\n  --b\nninewatch c\n", [("ninewatch a --b", 0), ("ninewatch c", 0)]),
        ("a diagram\n", []),
    ],
)
def test_commands_of_a_block_are_parsed(tmp_path: Path, text: str, expected_commands: list[tuple[str, int]]) -> None:
    document = tmp_path / "x.md"
    document.write_text(f"# X\n\n```\n{text}```\n\n```yaml\nmake: 1\n```\n")
    (block,) = blocks(document)
    assert [(command.text, len(command.shown)) for command in block.commands] == expected_commands
