"""Examine the machine: versions, time zones, clock, limits."""

from __future__ import annotations

import platform
import sqlite3
import ssl
from typing import TYPE_CHECKING

from monitor import zones
from monitor.clock import is_clock_synchronized
from monitor.descriptors import descriptor_limit
from monitor.doctor.finding import Finding, error, good, warning
from monitor.package_files import version
from monitor.startup import SPARE_DESCRIPTORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio


def machine_findings() -> Iterator[Finding]:
    """Yield the findings that do not depend on a configuration."""
    yield good(
        "versions",
        f"ninewatch {version()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" {ssl.OPENSSL_VERSION}",
    )
    if zones.IN_USE is None:
        yield error("time zones", zones.describe_databases(), "install the package tzdata")
    else:
        yield good("time zones", zones.describe_databases())
    synchronized = is_clock_synchronized()
    if synchronized is False:
        yield warning(
            "clock",
            "the kernel reports that no time service synchronizes the clock",
            "run chrony or systemd-timesyncd on this machine or on its host; figures need a clock that is right to 1 s",
        )
    elif synchronized:
        yield good("clock", "synchronized, as the kernel reports")


def limit_findings(portfolio: Portfolio) -> Iterator[Finding]:
    """Yield the findings about limits of the operating system."""
    limit, needed = descriptor_limit(), portfolio.engine.max_in_flight + SPARE_DESCRIPTORS
    if limit < needed:
        yield warning(
            "limits",
            f"{limit:,} open files are allowed, `engine.max_in_flight` needs {needed:,}",
            "raise the limit of open files (LimitNOFILE, ulimit -n); until then fewer probes run at once",
        )
    else:
        yield good("limits", f"{limit:,} open files are allowed, {needed:,} needed")
