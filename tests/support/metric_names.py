"""Names of the metrics that the daemon can publish, and of those in a PromQL expression."""

from __future__ import annotations

import re

from monitor.exporters.daemon import Daemon
from monitor.exporters.exposition import Dialect
from monitor.exporters.families import CHECK_FAMILIES, FIGURES_AGE, PAUSED, PRODUCT_FAMILIES, SAMPLES_OMITTED, SILENCES
from monitor.exporters.feature_families import (
    CONTINUITY_FAMILIES,
    DRILL_FAMILIES,
    JOURNEY_FAMILIES,
    LATENCY_FAMILIES,
    SITE_FAMILIES,
)
from monitor.health import Health
from tests.support.clocks import ManualClock

_METRIC = re.compile(r"\b(?:ninewatch|probe)_\w+")


def emitted_families() -> set[str]:
    """Return the names of all families: of checks, of products and of the daemon."""
    page = Daemon(Health(config_reload_at=0), ManualClock()).page(Dialect.TEXT).decode()
    own = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    families = (*CHECK_FAMILIES, *PRODUCT_FAMILIES, *DRILL_FAMILIES, *CONTINUITY_FAMILIES, *SITE_FAMILIES)
    families += (*JOURNEY_FAMILIES, *LATENCY_FAMILIES, FIGURES_AGE, PAUSED, SAMPLES_OMITTED, SILENCES)
    return own | {family.name for family in families}


def queried_metrics(expr: str) -> set[str]:
    return set(_METRIC.findall(expr))
