"""The dashboard of the daemon itself: schedule, record, configuration, clock, anchors and resources."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.exporters.dashboards import style
from monitor.exporters.dashboards.expressions import DAEMON
from monitor.exporters.dashboards.panels import PanelBuilder, Query, Row, lines, rows, timeline, value

_SCRAPE_STATES = {0: ("NOT REACHED", style.BAD), 1: ("answers", style.GOOD)}
_CONNECTION_STATES = {0: ("observes", style.GOOD), 1: ("BLIND", style.BAD)}
_DELIVERY_STATES = {0: ("DOES NOT DELIVER", style.BAD), 1: ("delivers", style.GOOD)}


def daemon_rows() -> Iterator[Row]:
    """Yield the rows from top to bottom."""
    yield Row("Now", (*_now(), *_daemons()))
    yield Row("Schedule", tuple(_schedule()))
    yield Row("Record", tuple(_record()))
    yield Row("Clock, anchors and connection", tuple(_clock()))
    yield Row("Other vantages", tuple(_other_vantages()))
    yield Row("Resources", tuple(_resources()))


def _by_daemon(metric: str) -> str:
    return f"{metric}{{{DAEMON}}}"


def _per_daemon(name: str = "") -> str:
    return f"{name} {{{{instance}}}}".strip()


def _events(metric: str, name: str, span: str = "5m") -> Query:
    increase = f"sum by (instance) (increase({_by_daemon(metric)}[{span}]))"
    return Query(increase, _per_daemon(name))


def _now() -> Iterator[PanelBuilder]:
    yield value(
        "Configuration",
        "Whether the configuration on disk is loaded. NO: a change was rejected; see the log.",
        "none",
        Query(f"min({_by_daemon('ninewatch_config_reload_success')})"),
        names=style.YES_NO,
    )
    yield value(
        "Configuration loaded",
        "Time since the configuration was loaded; the longest of all daemons.",
        "s",
        Query(f"time() - min({_by_daemon('ninewatch_config_reload_timestamp_seconds')})"),
    )
    yield value(
        "Running for",
        "Time since the daemon started; the shortest of all daemons.",
        "s",
        Query(f"time() - max({_by_daemon('process_start_time_seconds')})"),
    )
    yield value(
        "Unrecorded",
        "Time since writes to the record began to fail; 0 if they succeed.",
        "s",
        Query(f"max({_by_daemon('ninewatch_store_unrecorded_seconds')})"),
        steps=style.up_to(1, 30),
    )
    yield value(
        "Descriptors exhausted",
        "Number of daemons without free file descriptors. Their probes are unknown.",
        "none",
        Query(f"sum({_by_daemon('ninewatch_descriptors_exhausted')})"),
        steps=style.ANY_IS_BAD,
    )
    yield value(
        "Internal errors",
        "Internal errors after observations and in alerting, in 24 h. Probing continued.",
        "none",
        Query(
            f"sum(increase({_by_daemon('ninewatch_hook_failures_total')}[24h]))"
            f" + sum(increase({_by_daemon('ninewatch_alerting_defects_total')}[24h]))"
        ),
        steps=style.ANY_IS_WARNING,
    )


def _daemons() -> Iterator[PanelBuilder]:
    yield timeline(
        "Scrapes",
        "Whether Prometheus can scrape the daemons.",
        _SCRAPE_STATES,
        Query(_by_daemon("up"), "{{instance}}"),
        width=12,
    )
    yield rows(
        "Versions",
        "Version of ninewatch and of SQLite.",
        f"max by (instance, version, sqlite) ({_by_daemon('ninewatch_build_info')})",
        ("Value",),
        width=12,
    )


def _schedule() -> Iterator[PanelBuilder]:
    yield lines(
        "Lateness of probes",
        "Delay from due to start of the last probe, and the longest delay since the daemon started.",
        "s",
        Query(_by_daemon("ninewatch_schedule_lateness_seconds"), _per_daemon("last")),
        Query(_by_daemon("ninewatch_schedule_lateness_max_seconds"), _per_daemon("longest")),
    )
    yield lines(
        "Lag of the event loop",
        "Lag at the last measurement, and the highest lag since the daemon started.",
        "s",
        Query(_by_daemon("ninewatch_loop_lag_seconds"), _per_daemon("last")),
        Query(_by_daemon("ninewatch_loop_lag_max_seconds"), _per_daemon("highest")),
    )
    yield lines(
        "Probes in progress, probes skipped",
        "The time of a skipped probe is unknown.",
        "none",
        Query(_by_daemon("ninewatch_probes_in_flight"), _per_daemon("in progress")),
        _events("ninewatch_missed_ticks_total", "skipped in 5m"),
    )
    yield lines(
        "Probes per second",
        "Probes of all products, by outcome. Unknown: the monitor could not probe. Re-checks confirm a change.",
        "ops",
        Query(f"sum by (outcome) (rate({_by_daemon('ninewatch_probes_total')}[$__rate_interval]))", "{{outcome}}"),
        Query(f"sum(rate({_by_daemon('ninewatch_rechecks_total')}[$__rate_interval]))", "re-checks"),
    )
    yield lines(
        "Age of figures",
        "Age of the oldest figures of a product on the metrics page.",
        "s",
        Query(_by_daemon("ninewatch_figures_age_seconds"), _per_daemon()),
    )
    yield lines(
        "Samples omitted",
        "Open incidents without a sample of `ninewatch_open_incident_info`, because of the limit per page.",
        "none",
        Query(_by_daemon("ninewatch_samples_omitted"), _per_daemon()),
    )


def _record() -> Iterator[PanelBuilder]:
    yield lines(
        "Write queue",
        "Age of the oldest unwritten observation, and time since writes began to fail.",
        "s",
        Query(_by_daemon("ninewatch_store_queue_age_seconds"), _per_daemon("age")),
        Query(_by_daemon("ninewatch_store_unrecorded_seconds"), _per_daemon("unrecorded")),
    )
    yield lines(
        "Observations waiting",
        "Observations in the write queue.",
        "none",
        Query(_by_daemon("ninewatch_store_queue_depth"), _per_daemon()),
    )
    yield lines(
        "Errors of the record",
        "Failed writes, dropped and late observations in 5 minutes, and lost record files in 24 h.",
        "none",
        _events("ninewatch_store_write_failures_total", "write failures"),
        _events("ninewatch_store_dropped_total", "dropped"),
        _events("ninewatch_late_observations_total", "late"),
        _events("ninewatch_record_losses_total", "files lost", "24h"),
        bars=True,
    )


def _clock() -> Iterator[PanelBuilder]:
    yield lines(
        "Clock",
        "Wall clock minus the record's time. It differs from 0 after the wall clock was set back.",
        "s",
        Query(_by_daemon("ninewatch_clock_offset_seconds"), _per_daemon()),
    )
    yield lines(
        "Clock steps",
        "Steps of the wall clock in 24 h, and observations of a wrong clock that were set aside at startup.",
        "none",
        _events("ninewatch_clock_steps_total", "steps", "24h"),
        Query(_by_daemon("ninewatch_observations_set_aside"), _per_daemon("set aside")),
    )
    yield lines(
        "Anchors",
        "Time since the end of the last anchored day, per anchor. No data: no anchor is configured.",
        "s",
        Query(f"time() - {_by_daemon('ninewatch_anchored_until_timestamp_seconds')}", "{{anchor}}"),
    )
    yield timeline(
        "Connection",
        "Whether far references answer, per address family. No data: no reference has decided yet.",
        _CONNECTION_STATES,
        Query(_by_daemon("ninewatch_vantage_blind"), "{{instance}} {{vantage}} {{family}}"),
    )


def _other_vantages() -> Iterator[PanelBuilder]:
    yield timeline(
        "Deliveries",
        "Whether the other vantages deliver their observations in time. No data: the portfolio has no `vantages`.",
        _DELIVERY_STATES,
        Query(_by_daemon("ninewatch_vantage_delivering"), "{{instance}} {{vantage}}"),
    )
    yield lines(
        "Delay",
        "Age of the newest observation of each other vantage.",
        "s",
        Query(f"time() - {_by_daemon('ninewatch_vantage_newest_timestamp_seconds')}", "{{vantage}}"),
    )
    yield lines(
        "Clock ahead",
        "Time by which the clock of each other vantage is at least ahead.",
        "s",
        Query(_by_daemon("ninewatch_vantage_clock_ahead_seconds"), "{{vantage}}"),
    )
    yield lines(
        "Clock offset",
        "Clock of each vantage that sends its observations, minus the clock of its centre.",
        "s",
        Query(_by_daemon("ninewatch_vantage_clock_offset_seconds"), "{{vantage}}"),
    )
    yield timeline(
        "Same checks",
        "Whether each vantage that sends its observations probes the same checks as its centre.",
        _DELIVERY_STATES,
        Query(_by_daemon("ninewatch_vantage_same_checks"), "{{instance}} {{vantage}}"),
    )
    yield lines(
        "Waiting frames",
        "Frames of a vantage that its centre has not stored, and frames that were deleted before. No data: no centre.",
        "none",
        Query(_by_daemon("ninewatch_frames_waiting"), _per_daemon("waiting")),
        _events("ninewatch_frames_dropped_total", "deleted", "24h"),
    )
    yield lines(
        "Age of undelivered observations",
        "Age of the oldest frame that waits, and time since the last response of the centre.",
        "s",
        Query(f"time() - {_by_daemon('ninewatch_frames_oldest_timestamp_seconds')}", _per_daemon("oldest frame")),
        Query(f"time() - {_by_daemon('ninewatch_centre_response_timestamp_seconds')}", _per_daemon("last response")),
    )
    yield lines(
        "Checks without quorum",
        "Checks whose outage would not be detected, because too few vantages deliver.",
        "none",
        Query(_by_daemon("ninewatch_checks_without_quorum"), _per_daemon("checks")),
    )


def _resources() -> Iterator[PanelBuilder]:
    cpu = f"rate({_by_daemon('process_cpu_seconds_total')}[$__rate_interval])"
    yield lines("CPU", "CPU time per second of the process.", "percentunit", Query(cpu, _per_daemon()))
    yield lines(
        "Memory", "Resident memory.", "bytes", Query(_by_daemon("process_resident_memory_bytes"), _per_daemon())
    )
    yield lines(
        "File descriptors",
        "Open file descriptors, and the limit.",
        "none",
        Query(_by_daemon("process_open_fds"), _per_daemon("open")),
        Query(_by_daemon("process_max_fds"), _per_daemon("limit")),
    )
