"""The page of /metrics in tests, rendered for a ledger and parsed by the client library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
from monitor.health import Health

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from tests.support.clocks import ManualClock

Samples = dict[tuple[str, frozenset[str]], float]


def rendered_page(exporter: Exporter, dialect: Dialect = Dialect.OPENMETRICS) -> str:
    """Return the page as text."""
    return b"".join(exporter.render(dialect)).decode()


def samples(exporter: Exporter) -> Samples:
    """Return the page as `(name, label values) -> value`, parsed by the client library."""
    families = text_string_to_metric_families(rendered_page(exporter))
    return {(s.name, frozenset(s.labels.values())): s.value for f in families for s in f.samples}


def exporter_of(ledger: Ledger, clock: ManualClock) -> Exporter:
    """Return the exporter of a healthy daemon with this ledger."""
    return Exporter(ledger, Health(sqlite_version="3.40.1", config_reload_at=clock.now()), clock)
