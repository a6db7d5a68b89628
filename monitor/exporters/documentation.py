"""docs/metrics.md: type, labels and meaning of every family, generated from the families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.clock import SystemClock
from monitor.exporters.daemon import DaemonCollector
from monitor.exporters.exposition import Family
from monitor.exporters.families import CHECK_FAMILIES, FIGURES_AGE, PRODUCT_FAMILIES, SAMPLES_OMITTED, SILENCES
from monitor.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric

_HEAD: Final = """\
# Metrics

Made by `make generate` from the families in `monitor/exporters/`. They are what `/metrics` publishes; what `/probe`
publishes in place of blackbox_exporter is in [blackbox.md](blackbox.md). The daemon also publishes the `process_*`
families of the Prometheus client library: processor time (`process_cpu_seconds_total`, of the process), memory, open
files.

`/metrics` answers in OpenMetrics 1.0.0 if the scraper accepts it (Prometheus does), else in the text format 0.0.4.

## Number of series

It follows from the configuration: up to 20 per check, about 90 per product, about 45 of the daemon. No label holds what
a target sent, with one exception: `reason`, `status` and `detail` (at most 200 characters) of
`ninewatch_open_incident_info`, which exists per open incident while that is open. A page has at most 1,000 of these;
`ninewatch_samples_omitted` counts the rest.

In OpenMetrics, `ninewatch_incidents_total` has the newest incident as its exemplar (label `incident`, and when it
opened), which Prometheus keeps with `--enable-feature=exemplar-storage` and Grafana shows on the graph.

There are no histograms, classic or native. A histogram per check would multiply the series, and one of all checks would
mix unlike targets. The durations of the last probe are gauges, as in blackbox_exporter. (The client library writes
native histograms in OpenMetrics 2.0 only, and has no instrument for them.)

## Counters

The last column of the tables says of each counter whether it begins at 0 again when the daemon restarts.

**no**: it is derived from the record. The same record gives the same value, whichever process publishes it, and the
value never falls: not by a reload, by a restart or `kill -9`, by removing a check or a product and adding it again,
by renaming it with `was:`, by pruning or folding old observations, or by a correction.

- A value is published once the record holds what it counts, because a kill takes what is not on disk. It may be one
  scrape old, and after a start the first value comes with the second scrape at the latest.
- `ninewatch_certain_downtime_seconds_total` counts the certain downtime alone, which no later observation takes back.
  Corrections, maintenance and agreements change the contractual figures, which are gauges; they subtract nothing from
  a counter.
- The series of a removed check or product ends. When it returns, it continues from the value that it had. The
  counters of its product include what a removed check has observed. A renamed check or product gets a new series that
  begins at the former value. Keep `was:`: what is recorded under a former id counts only as long as it is named.
- The value falls, and Prometheus sees a reset, when the record itself loses something: a backup is restored,
  `--new-record` begins an empty one, observations of a wrong clock are set aside at the start, power fails before the
  disk has what was written, or the daemon is killed after `ninewatch_store_dropped_total` rose.

**yes**: it counts what this process did, and begins at 0 with it. `rate()` and `increase()` allow for that.
"""

_TABLE: Final = """
## {title}

| metric | type | labels | unit | meaning | restarts with the process |
|---|---|---|---|---|---|
"""


def metrics_page() -> str:
    """Return the text of docs/metrics.md."""
    tables = {
        "Checks": CHECK_FAMILIES,
        "Products": PRODUCT_FAMILIES,
        "The daemon": [FIGURES_AGE, SAMPLES_OMITTED, SILENCES, *_daemon()],
    }
    return _HEAD + "".join(_TABLE.format(title=title) + "".join(map(_row, rows)) for title, rows in tables.items())


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels.split())
    restarts = "" if family.kind != "counter" else "no" if family.recorded else "yes"
    cells = (f"`{family.name}`", family.kind, labels, family.unit, family.help.replace("|", "\\|"), restarts)
    return f"| {' | '.join(cells)} |\n"


def _daemon() -> Iterator[Family]:
    """Yield the daemon's families, including those of blackbox_exporter's modules."""
    health = Health(config_reload_at=0, blackbox_reload_success=True, blackbox_reload_at=0)
    health.anchored_until, health.anchor_failures = {"id": 0}, {"id": 0}
    for metric in DaemonCollector(health, SystemClock()).collect():
        suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
        labels = " ".join(dict.fromkeys(_labels([metric])))
        yield Family(metric.name + suffix, metric.type, metric.documentation, metric.unit, labels)


def _labels(metrics: Iterable[Metric]) -> Iterator[str]:
    return (label for metric in metrics for sample in metric.samples for label in sample.labels)
