"""Metric families of the daemon itself, rendered by prometheus-client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import generate_latest as text
from prometheus_client.openmetrics.exposition import ALLOWUTF8
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.registry import Collector

from monitor import zones
from monitor.exporters.exposition import Dialect
from monitor.package_files import version
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from monitor.clock import Clock
    from monitor.health import Health

_SINCE_START = ", since the daemon started"  # the daemon's counters are not derived from the record
# name, help text, field of Health
_COUNTERS = (
    ("ninewatch_missed_ticks", "Due probes that were not started (the time is unknown)", "missed_ticks"),
    ("ninewatch_rechecks", "Additional probes that confirmed or refuted a change", "rechecks"),
    ("ninewatch_store_write_failures", "Transactions that failed and were retried", "write_failures"),
    (
        "ninewatch_record_losses",
        "Times that the record was deleted, replaced or truncated, and rewritten",
        "record_losses",
    ),
    ("ninewatch_hook_failures", "Errors in hooks after an observation (probing continued)", "hook_failures"),
    ("ninewatch_notifications_sent", "Notifications that receivers confirmed", "notifications_sent"),
    ("ninewatch_notification_failures", "Attempts to deliver a notification that failed", "notification_failures"),
    (
        "ninewatch_alerting_defects",
        "Internal errors while alerts were decided or delivered",
        "alerting_defects",
    ),
    (
        "ninewatch_late_observations",
        "Observations dropped because a later observation was recorded",
        "late_observations",
    ),
)
_SECONDS = (
    ("ninewatch_schedule_lateness", "Delay from due to start of the last probe", "lateness"),
    (
        "ninewatch_schedule_lateness_max",
        "Longest delay from due to start of a probe, since the daemon started",
        "lateness_max",
    ),
    ("ninewatch_loop_lag", "Lag of the event loop, last measured", "loop_lag"),
    ("ninewatch_loop_lag_max", "Highest lag of the event loop since the daemon started", "loop_lag_max"),
)
_GAUGES = (
    ("ninewatch_probes_in_flight", "Probes in progress", "in_flight"),
    (
        "ninewatch_observations_set_aside",
        "Observations of a wrong clock that were set aside at a startup within the last hour",
        "set_aside",
    ),
    ("ninewatch_store_queue_depth", "Observations in the write queue", "queue_depth"),
    (
        "ninewatch_descriptors_exhausted",
        "1 if file descriptors are exhausted, or were in the last minute",
        "descriptors_exhausted",
    ),
    ("ninewatch_notifications_waiting", "Notifications that are not delivered", "notifications_waiting"),
    ("ninewatch_receivers_failing", "Receivers whose last attempt failed", "receivers_failing"),
    (
        "ninewatch_config_reload_success",
        "1 if the last load of the configuration succeeded",
        "config_reload_success",
    ),
)


class DaemonCollector(Collector):
    """Collects the daemon's families from Health at every scrape."""

    def __init__(self, health: Health, clock: Clock) -> None:
        self._health = health
        self._clock = clock
        self._version = version()

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        health = self._health
        for name, help_, field in _COUNTERS:
            yield CounterMetricFamily(name, help_ + _SINCE_START, value=getattr(health, field))
        for name, help_, field in _SECONDS:
            yield GaugeMetricFamily(name, help_, value=getattr(health, field), unit="seconds")
        for name, help_, field in _GAUGES:
            yield GaugeMetricFamily(name, help_, value=float(getattr(health, field)))
        yield self._vantages()
        yield from self._deliveries()
        yield from self._shipping()
        yield from self._anchors()
        yield from self._wall_clock()
        yield from self._store()
        yield from self._notifications()
        yield from self._acknowledgements()
        yield from self._configuration()

    def _vantages(self) -> Metric:
        name, help_ = "ninewatch_vantage_blind", "1 if all deciding references of the address family fail, 0 if not"
        blind = GaugeMetricFamily(name, help_, labels=["vantage", "family"])
        for status in self._health.vantages:
            for family, observes in status.sees.items():
                if observes is not None:
                    blind.add_metric([status.id, family], float(not observes))
        return blind

    def _deliveries(self) -> Iterator[Metric]:
        """Yield the families about the other vantages, without samples if there are none."""
        deliveries = self._health.deliveries
        name, help_ = "ninewatch_vantage_delivering", "0 if the vantage does not deliver in time, 1 if it does"
        delivering = GaugeMetricFamily(name, help_, labels=["vantage"])
        name, help_ = "ninewatch_vantage_newest_timestamp", "Instant of the vantage's newest observation, Unix time"
        newest = GaugeMetricFamily(name, help_, labels=["vantage"], unit="seconds")
        name, help_ = "ninewatch_vantage_clock_ahead", "Time by which the vantage's clock is at least ahead"
        ahead = GaugeMetricFamily(name, help_, labels=["vantage"], unit="seconds")
        name, help_ = "ninewatch_vantage_clock_offset", "Vantage's clock minus this daemon's clock, as measured"
        offset = GaugeMetricFamily(name, help_, labels=["vantage"], unit="seconds")
        name, help_ = (
            "ninewatch_vantage_same_checks",
            "1 if the vantage probes the same checks, 0 if not",
        )
        same = GaugeMetricFamily(name, help_, labels=["vantage"])
        for status in deliveries.vantages:
            if (link := status.link) is not None:
                same.add_metric([status.id], float(link.same_checks))
                if link.clock is not None:
                    offset.add_metric([status.id], -link.clock.offset / SECOND)
            ahead.add_metric([status.id], status.ahead / SECOND)
            delivering.add_metric([status.id], float(not status.state.failing))
            if status.newest is not None:
                newest.add_metric([status.id], status.newest / SECOND)
        name = "ninewatch_checks_without_quorum"
        help_ = "Checks whose outage would not be detected, because too few vantages deliver observations"
        without = GaugeMetricFamily(name, help_, labels=[])
        if deliveries.losses or deliveries.assured_since is not None:  # known since the start
            without.add_metric([], len(deliveries.losses))
        yield from (delivering, newest, ahead, offset, same, without)

    def _shipping(self) -> Iterator[Metric]:
        """Yield the families about the delivery of this vantage to its centre, without samples if there is none."""
        status = self._health.shipping
        name, help_ = "ninewatch_frames_waiting", "Frames of observations that the centre has not stored"
        waiting = GaugeMetricFamily(name, help_, labels=[])
        name, help_ = "ninewatch_frames_oldest_timestamp", "Instant of the oldest frame that waits, Unix time"
        oldest = GaugeMetricFamily(name, help_, labels=[], unit="seconds")
        name, help_ = "ninewatch_centre_response_timestamp", "Instant of the centre's last response, Unix time"
        response = GaugeMetricFamily(name, help_, labels=[], unit="seconds")
        help_ = f"Frames deleted before the centre stored them{_SINCE_START}"
        dropped = CounterMetricFamily("ninewatch_frames_dropped", help_, labels=[])
        if status is not None:
            waiting.add_metric([], status.waiting)
            dropped.add_metric([], self._health.frames_dropped)
            if status.oldest is not None:
                oldest.add_metric([], status.oldest / SECOND)
            if status.delivered_at is not None:
                response.add_metric([], status.delivered_at / SECOND)
        yield from (waiting, oldest, response, dropped)

    def _anchors(self) -> Iterator[Metric]:
        health = self._health
        name, help_ = "ninewatch_anchored_until_timestamp", "End of the last day whose head is anchored, Unix time"
        until = GaugeMetricFamily(name, help_, labels=["anchor"], unit="seconds")
        for anchor, at in health.anchored_until.items():
            until.add_metric([anchor], at / SECOND)
        yield until
        name, help_ = "ninewatch_anchor_failures", "Failed attempts to anchor a head since the daemon started"
        failures = CounterMetricFamily(name, help_, labels=["anchor"])
        for anchor, count in health.anchor_failures.items():
            failures.add_metric([anchor], count)
        yield failures

    def _wall_clock(self) -> Iterator[Metric]:
        health = self._health
        help_ = f"Steps of the wall clock{_SINCE_START}"
        steps = CounterMetricFamily("ninewatch_clock_steps", help_, labels=["direction"])
        steps.add_metric(["forward"], health.clock_steps)
        steps.add_metric(["backward"], health.clock_steps_back)
        yield steps
        name, help_ = "ninewatch_clock_offset", "Wall clock minus the record's time"
        yield GaugeMetricFamily(name, help_, value=health.clock_stepped / SECOND, unit="seconds")

    def _store(self) -> Iterator[Metric]:
        health, now = self._health, self._clock.now()
        help_ = f"Observations and runs that were dropped because the queue was full{_SINCE_START}"
        dropped = CounterMetricFamily("ninewatch_store_dropped", help_, labels=["what"])
        dropped.add_metric(["observation"], health.dropped_observations)
        dropped.add_metric(["run"], health.dropped_runs)
        yield dropped
        age = health.queue_age(now) / SECOND
        yield GaugeMetricFamily(
            "ninewatch_store_queue_age", "Age of the oldest unwritten observation", age, unit="seconds"
        )
        since = health.unrecorded(now) / SECOND
        yield GaugeMetricFamily(
            "ninewatch_store_unrecorded",
            "Time since writes to the record began to fail, 0 if they succeed",
            since,
            unit="seconds",
        )

    def _notifications(self) -> Iterator[Metric]:
        delay = self._health.notification_delay(self._clock.now()) / SECOND
        name, help_ = "ninewatch_notification_delay", "Time since the oldest undelivered notification was due"
        yield GaugeMetricFamily(name, help_, delay, unit="seconds")

    def _acknowledgements(self) -> Iterator[Metric]:
        health = self._health
        name, help_ = "ninewatch_open_pages", "Open pages, by whether a person acknowledged them"
        pages = GaugeMetricFamily(name, help_, labels=["acknowledged"])
        pages.add_metric(["true"], health.pages_acknowledged)
        pages.add_metric(["false"], health.pages_unacknowledged)
        yield pages
        name, help_ = "ninewatch_acknowledgements", f"Alerts that a person acknowledged{_SINCE_START}"
        acknowledged = CounterMetricFamily(name, help_, labels=["severity"])
        name, help_ = "ninewatch_time_to_acknowledge", f"Total time from announcement to acknowledgement{_SINCE_START}"
        times = CounterMetricFamily(name, help_, labels=["severity"], unit="seconds")
        for severity, (count, total) in health.acknowledgements.items():
            acknowledged.add_metric([severity], count)
            times.add_metric([severity], total / SECOND)
        yield from (acknowledged, times)

    def _configuration(self) -> Iterator[Metric]:
        health = self._health
        if health.config_reload_at is not None:
            name, help_ = (
                "ninewatch_config_reload_timestamp",
                "Instant at which the running configuration was loaded, Unix time",
            )
            yield GaugeMetricFamily(name, help_, value=health.config_reload_at / SECOND, unit="seconds")
        yield from self._modules()
        build = {"version": self._version, "sqlite": health.sqlite_version}
        yield InfoMetricFamily("ninewatch_build", "Version of ninewatch", value=build)
        if (database := zones.IN_USE) is not None:
            info = {"version": database.version or "", "source": database.source}
            yield InfoMetricFamily("ninewatch_time_zone_database", "Time zone database in use", info)

    def _modules(self) -> Iterator[Metric]:
        """Yield the families about modules that blackbox_exporter has, if a module file is loaded."""
        health = self._health
        if health.blackbox_reload_success is None or health.blackbox_reload_at is None:
            return
        name, help_ = (
            "blackbox_exporter_config_last_reload_successful",
            "1 if the last load of the modules succeeded",
        )
        yield GaugeMetricFamily(name, help_, value=float(health.blackbox_reload_success))
        name, help_ = (
            "blackbox_exporter_config_last_reload_success_timestamp",
            "Instant of the last successful load of the modules, Unix time",
        )
        yield GaugeMetricFamily(name, help_, value=health.blackbox_reload_at / SECOND, unit="seconds")
        help_ = f"Requests for unknown modules{_SINCE_START}"
        yield CounterMetricFamily("blackbox_module_unknown", help_, value=health.unknown_modules)


class Daemon:
    """The registry of the families of the daemon and of its process (CPU, memory, open files)."""

    def __init__(self, health: Health, clock: Clock) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(DaemonCollector(health, clock))
        ProcessCollector(registry=self.registry)

    def page(self, dialect: Dialect) -> bytes:
        """Return the families in a dialect, in OpenMetrics with the final `# EOF`."""
        if dialect is Dialect.TEXT:
            return text(self.registry)
        # All names are valid under either scheme; the default one copies names character by character.
        return bytes(openmetrics(self.registry, ALLOWUTF8))  # type: ignore[no-untyped-call]
