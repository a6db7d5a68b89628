"""Functions that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.config.errors import ConfigError
from monitor.config.loader import LoadResult, examine
from monitor.probes.registry import check_types
from monitor.receivers.registry import RECEIVER_TYPES

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

CONFIG = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    help="Configuration file or folder (YAML) of the daemon.",
)
"""The option `-c`, required, of commands that need the daemon's configuration."""


def examined(path: Path, *, allow_exec: bool = True) -> LoadResult:
    """Return the configuration at the path, checked with all probe kinds, with `exec` only if `allow_exec`."""
    return examine(path, check_types(allow_exec=allow_exec), RECEIVER_TYPES)


def loaded(path: Path, *, allow_exec: bool = True) -> tuple[LoadResult, Portfolio]:
    """Return the configuration, its warnings printed.

    Raises:
        ConfigError: it cannot be used; all its mistakes are in the text.
    """
    found = examined(path, allow_exec=allow_exec)
    if found.portfolio is None:
        raise ConfigError(found.problems)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    return found, found.portfolio
