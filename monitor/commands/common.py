"""What several commands need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitor.config.errors import ConfigError
from monitor.config.loader import Examined, examine
from monitor.probes.registry import CHECK_TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.model import Portfolio


def examined(path: Path) -> Examined:
    """Return what is at the path, examined with all probe kinds."""
    return examine(path, CHECK_TYPES)


def loaded(path: Path) -> tuple[Examined, Portfolio]:
    """Return the configuration, its warnings printed.

    Raises:
        ConfigError: it cannot be used; all its mistakes are in the text.
    """
    found = examined(path)
    if found.portfolio is None:
        raise ConfigError(found.problems)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    return found, found.portfolio


def plural(count: int, word: str) -> str:
    """Return "1 check", "2 checks"."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
