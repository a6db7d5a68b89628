"""The daemon's own health, written by engine and store, read by exporters and pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.delivery_status import Deliveries
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.delivery_status import ShippingStatus
    from monitor.vantage_status import VantageStatus
    from sla.page_response import Response


@dataclass(slots=True)
class Health:
    """The daemon's own state. It is mutable: each field has one writer and any number of readers.

    Instants are microseconds since the Unix epoch (UTC). Durations and monotonic moments are float seconds. Counters
    never decrease. The store's thread also writes its fields; each write replaces a complete value.

    The engine's:
        lateness, lateness_max: last and maximum delay from the due instant of a probe to its start, seconds.
        loop_lag, loop_lag_max: last and maximum lag of the event loop, seconds.
        missed_ticks: due probes that were not started; their time is unknown.
        rechecks: additional probes that confirm a change.
        in_flight: probes in progress.
        last_tick: monotonic moment of the loop monitor's last tick; None before the first. It is old while the loop is
            blocked.
        hook_failures: events for which a hook raised an error; probing continued.
        descriptors_exhausted: whether no file descriptor was free, now or in the last minute.
        descriptor_failures: probes that failed because no descriptor was free.
        clock_steps, clock_steps_back: number of forward and backward steps of the wall clock.
        clock_stepped: microseconds by which the wall clock is ahead of the record's time; negative when it is behind.
        clock_suspect: whether the clock was changed by an hour or more in the last day, which suspends pruning.
        set_aside: observations with timestamps of a wrong clock that were set aside at startup; reset after an hour.
        dropping_late: whether observations were dropped in the last minute because the record is ahead of the clock.

    The store's:
        write_failures: transactions that failed; each is retried.
        records_queued, records_written: numbers of items queued for, and written by, the store. Dropped items
            count as written.
        queue_depth: observations not yet written; queue_since: instant of the oldest of them, None if there are none.
        dropped_observations, dropped_runs: dropped, oldest first, because the queue was full. Incidents are never
        dropped. unrecorded_since: instant of the oldest observation that a failing store could not take; None while it
        writes. store_error: error of the last transaction on one line; empty if it succeeded. late_observations:
        dropped because the record has a later observation of the same check (clock set back). record_missing: whether
        the record was removed and is not restored yet. record_lost: as record_missing, and for some minutes afterwards.
        record_loss, record_lost_at, record_losses: cause and moment (monotonic) of the last loss, and number of losses.
        sqlite_version: version of the linked library.

    The notifications':
        notifications_waiting: undelivered notifications; notification_oldest: due instant of the oldest of them.
        notifications_sent, notification_failures: numbers of messages confirmed by a receiver, and of failed attempts.
        receivers_failing: receivers whose last attempt failed.
        alerting_defects: errors of ninewatch during decision or delivery; probing continued.
        pages_acknowledged, pages_unacknowledged: open pages with and without an acknowledgement.
        acknowledgements: number of acknowledged alerts, and sum of the times to acknowledge (microseconds), by
        severity.

    The chain's:
        anchored_until: end of the last day with an anchored head, by the id of the anchor.
        anchor_failures: number of failed attempts with an anchor, by its id; each is retried.

    The vantages':
        vantages: this vantage, and one for each named network, with their references.
        deliveries: whether the other vantages deliver their observations in time, and which checks lost their quorum.
        shipping: the delivery of this vantage to its centre, None if it has none. frames_dropped: frames that were
            deleted before the centre stored them.

    The configuration's:
        config_reload_success: whether the last load succeeded; config_reload_at: instant of the running configuration's
            load.
        config_source, config_digest: file or folder of the running configuration, and its `LoadResult.digest`.

    The modules of /probe:
        blackbox_reload_success, blackbox_reload_at: as for the configuration; None without a file of modules.
        unknown_modules: number of requests with a module that is not in the file.
    """

    lateness: float = 0.0
    lateness_max: float = 0.0
    loop_lag: float = 0.0
    loop_lag_max: float = 0.0
    missed_ticks: int = 0
    rechecks: int = 0
    in_flight: int = 0
    last_tick: float | None = None
    hook_failures: int = 0
    descriptors_exhausted: bool = False
    descriptor_failures: int = 0
    clock_steps: int = 0
    clock_steps_back: int = 0
    clock_stepped: int = 0
    clock_suspect: bool = False
    set_aside: int = 0
    dropping_late: bool = False

    write_failures: int = 0
    records_queued: int = 0
    records_written: int = 0
    queue_depth: int = 0
    queue_since: int | None = None
    dropped_observations: int = 0
    dropped_runs: int = 0
    unrecorded_since: int | None = None
    store_error: str = ""
    late_observations: int = 0
    record_missing: bool = False
    record_lost: bool = False
    record_loss: str = ""
    record_lost_at: float | None = None
    record_losses: int = 0
    sqlite_version: str = ""

    notifications_waiting: int = 0
    notification_oldest: int | None = None
    notifications_sent: int = 0
    notification_failures: int = 0
    receivers_failing: int = 0
    alerting_defects: int = 0
    pages_acknowledged: int = 0
    pages_unacknowledged: int = 0
    acknowledgements: dict[str, tuple[int, int]] = field(default_factory=lambda: {"page": (0, 0), "ticket": (0, 0)})

    anchored_until: dict[str, int] = field(default_factory=dict)
    anchor_failures: dict[str, int] = field(default_factory=dict)

    vantages: tuple[VantageStatus, ...] = ()
    deliveries: Deliveries = field(default_factory=Deliveries)
    shipping: ShippingStatus | None = None
    frames_dropped: int = 0

    config_reload_success: bool = True
    config_reload_at: int | None = None
    config_source: str = ""
    config_digest: str = ""

    blackbox_reload_success: bool | None = None
    blackbox_reload_at: int | None = None
    unknown_modules: int = 0

    def record_tick(self, moment: float, late: float) -> None:
        """Record a tick of the loop monitor: its monotonic moment, and the event-loop lag in seconds."""
        self.last_tick = moment
        self.loop_lag = late
        self.loop_lag_max = max(self.loop_lag_max, late)

    def record_start(self, late: int) -> None:
        """Record the start of a probe, `late` microseconds after it was due."""
        self.lateness = late / 1_000_000
        if self.lateness > self.lateness_max:
            self.lateness_max = self.lateness

    def queue_age(self, now: int) -> int:
        """Return the age of the oldest unwritten observation in microseconds, or 0."""
        return max(0, now - self.queue_since) if self.queue_since is not None else 0

    def notification_delay(self, now: int) -> int:
        """Return the time in microseconds since the oldest undelivered notification was due, or 0."""
        return max(0, now - self.notification_oldest) if self.notification_oldest is not None else 0

    def count_pages(self, responses: Iterable[Response]) -> None:
        """Set the numbers of open pages with and without acknowledgement."""
        pages = [response for response in responses if response.severity is Severity.PAGE]
        self.pages_acknowledged = sum(page.acknowledged is not None for page in pages)
        self.pages_unacknowledged = len(pages) - self.pages_acknowledged

    def acknowledged(self, response: Response) -> None:
        """Record that an alert was acknowledged."""
        count, total = self.acknowledgements.get(response.severity, (0, 0))
        self.acknowledgements[response.severity.value] = count + 1, total + (response.time_to_acknowledge or 0)

    def unrecorded(self, now: int) -> int:
        """Return the time in microseconds since the store began to fail, or 0."""
        return max(0, now - self.unrecorded_since) if self.unrecorded_since is not None else 0
