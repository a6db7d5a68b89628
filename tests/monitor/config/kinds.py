"""Small check kinds for these tests, and helpers that load a configuration."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from monitor.config.loader import LoadResult, examine
from monitor.config.model import (
    CheckBase,
    Expect,
    Headers,
    HostPortField,
    HttpUrl,
    Model,
    Portfolio,
    Secret,
    Text,
    TlsOptions,
)


class Basic(Model):
    user: Text
    password: Secret


class HttpCheck(CheckBase):
    kind: ClassVar[str] = "http"

    http: HttpUrl
    headers: Headers = Field(default_factory=dict)
    basic: Basic | None = None
    bearer: Secret | None = None
    expect: Expect = Expect()
    tls: TlsOptions = TlsOptions()


class TcpCheck(CheckBase):
    kind: ClassVar[str] = "tcp"

    tcp: HostPortField


class TlsTarget(TlsOptions):
    target: HostPortField


class TlsCheck(CheckBase):
    kind: ClassVar[str] = "tls"

    tls: TlsTarget


KINDS = (HttpCheck, TcpCheck, TlsCheck)

MINIMAL = """\
listen: 127.0.0.1:9999        # default
store: var/ninewatch.db       # default
products:
  - id: demo
    objective: 99.9%
    checks:
      - {id: health, http: "http://127.0.0.1:8000/health", interval: 1s, timeout: 500ms}
"""


def examine_text(folder: Path, text: str, name: str = "c.yaml") -> LoadResult:
    """Examine a file with this text."""
    path = folder / name
    path.write_text(textwrap.dedent(text), "utf-8")
    return examine(path, KINDS)


def load_text(folder: Path, text: str) -> Portfolio:
    """Return the portfolio of this text, which must be valid."""
    result = examine_text(folder, text)
    assert result.portfolio is not None, result.problems
    return result.portfolio


def problems_of(folder: Path, text: str) -> list[str]:
    """Return the problems of this text, without the folder's path."""
    return [str(problem).removeprefix(f"{folder}/") for problem in examine_text(folder, text).problems]


def with_check(line: str) -> str:
    """Return a configuration with one check, whose keys start in line 5, column 10."""
    return f"products:\n  - id: p\n    objective: 99.9%\n    checks:\n      - {{id: c, {line}}}\n"
