"""The option `-c`, and loading the daemon's configuration for commands."""

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
"""The required option `-c` of commands that need the daemon's configuration."""

OPTIONAL_CONFIG = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The daemon's configuration.  [default: none, record var/ninewatch.db]",
)
"""The option `-c` of commands that also work with the default record."""


def examine_config(path: Path, *, allow_exec: bool = True) -> LoadResult:
    """Return the result of loading the configuration at the path; `exec` checks are valid only with `allow_exec`."""
    return examine(path, check_types(allow_exec=allow_exec), RECEIVER_TYPES)


def load_config(path: Path, *, allow_exec: bool = True, show_warnings: bool = False) -> tuple[LoadResult, Portfolio]:
    """Load the configuration. `show_warnings` prints its warnings, as `check-config`, `run` and `status` do.

    Raises:
        ConfigError: the configuration is invalid; the text contains all errors.
    """
    result = examine_config(path, allow_exec=allow_exec)
    if result.portfolio is None:
        raise ConfigError(result.problems)
    for warning in result.warnings if show_warnings else ():
        click.echo(f"warning: {warning}", err=True)
    return result, result.portfolio
