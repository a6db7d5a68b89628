"""Examine an installation: configuration, record, machine and network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.clock import SystemClock
from monitor.doctor.finding import Finding, error, good, warning
from monitor.doctor.machine import limit_findings, machine_findings
from monitor.doctor.network import daemon_findings, probe_findings
from monitor.doctor.record import record_findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from monitor.config.loader import LoadResult


def findings(path: Path, loaded: LoadResult, *, offline: bool) -> Iterator[Finding]:
    """Yield all findings about the installation with the configuration at the path.

    With an invalid configuration, only the machine is examined too. `offline`: send nothing to the targets.
    """
    yield from machine_findings()
    if loaded.portfolio is None:
        yield from (error("configuration", str(problem), "correct the configuration") for problem in loaded.problems)
        return
    portfolio = loaded.portfolio
    for text in loaded.warnings:
        yield warning("configuration", str(text), "see CONFIGURATION.md")
    checks = sum(len(product.checks) for product in portfolio.products)
    yield good("configuration", f"{path}: {len(portfolio.products)} products, {checks} checks, no errors")
    yield from limit_findings(portfolio)
    yield from record_findings(portfolio.store, SystemClock().now())
    yield from daemon_findings(portfolio.listen.as_destination(), loaded.digest)
    if not offline:
        yield from probe_findings(portfolio)
