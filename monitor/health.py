"""The daemon's own health: one record that the engine and the store fill, and the exporters and pages read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sla.page_response import Response


@dataclass(slots=True)
class Health:
    """What the daemon knows of itself. Plain and mutable on purpose: one writer a field, any reader.

    Instants are microseconds since the Unix epoch (UTC), durations and monotonic moments are float seconds, counts
    only ever rise. The fields of the store are also written from its thread; each write replaces one whole value.

    The engine's:
        lateness, lateness_max: seconds between the moment a probe was due and the moment it was started; last, worst.
        loop_lag, loop_lag_max: seconds by which the event loop answered late; last and worst.
        missed_ticks: probes that were due and never started; their time is unknown.
        in_flight: probes under way.
        last_tick: monotonic moment of the scheduler's last round; None before the first. A wedged loop lets it age.
        hook_failures: events that a hook raised on; probing went on.
        descriptors_exhausted: whether there was no file descriptor left, now or in the last minute.
        descriptor_failures: probes that could not be made for want of a descriptor.
        clock_steps, clock_steps_back: how often the wall clock was set forward and back.
        clock_stepped: microseconds by which the wall clock is ahead of the record's time; negative when it is behind.
        clock_suspect: whether it was set by an hour or more in the last day: nothing is pruned by such a clock.
        set_aside: observations that a wrong clock had stamped, set aside at the start; 0 an hour later.
        dropping_late: whether observations were dropped in the last minute because the record is ahead of the clock.

    The store's:
        write_failures: transactions that failed; each is tried again.
        records_queued, records_written: how much was queued for the store, and how much of that is in it for sure: all
            that was queued before. What was given up counts as written.
        queue_depth: observations not yet written; queue_since: instant of the oldest of them, None when all is written.
        dropped_observations, dropped_runs: given up, oldest first, because the queue was full. Incidents never are.
        unrecorded_since: instant of the oldest observation that a failing store could not take; None while it writes.
        store_error: why the last transaction failed, one line; empty while it writes.
        late_observations: dropped because the record had a later one of the same check (clock set back).
        record_missing: whether the record was taken away and could not be put back yet.
        record_lost: the same, and for some minutes afterwards.
        record_loss, record_lost_at, record_losses: what became of it last, when (monotonic), and how often.
        sqlite_version: of the linked library.

    The notifications':
        notifications_waiting: decided and not delivered; notification_oldest: when the oldest of them was due.
        notifications_sent, notification_failures: messages that a receiver has confirmed, attempts that failed.
        receivers_failing: receivers whose last attempt failed.
        alerting_defects: errors of ninewatch while it decided or delivered; probing went on.
        pages_acknowledged, pages_unacknowledged: open pages with and without an acknowledgement.
        acknowledgements: how many alerts were acknowledged and the microseconds that took, by severity.

    The chain's:
        anchored_until: end of the last day whose head an anchor has, by the id of the anchor.
        anchor_failures: how often an attempt with an anchor failed, by its id; each is tried again.

    The configuration's:
        config_reload_success: whether the last load was taken over; config_reload_at: when the running one was loaded.
        config_source, config_digest: the name of the file or folder of the running one, and `LoadResult.digest` of it.

    Of the modules of /probe, where there are any:
        blackbox_reload_success, blackbox_reload_at: the same; None where no modules were named at the start.
        unknown_modules: how often one was asked for that is not in the file.
    """

    lateness: float = 0.0
    lateness_max: float = 0.0
    loop_lag: float = 0.0
    loop_lag_max: float = 0.0
    missed_ticks: int = 0
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

    config_reload_success: bool = True
    config_reload_at: int | None = None
    config_source: str = ""
    config_digest: str = ""

    blackbox_reload_success: bool | None = None
    blackbox_reload_at: int | None = None
    unknown_modules: int = 0

    def woke(self, moment: float, late: float) -> None:
        """Record a round of the scheduler: the monotonic moment, and the seconds by which the loop answered late."""
        self.last_tick = moment
        self.loop_lag = late
        self.loop_lag_max = max(self.loop_lag_max, late)

    def started(self, late: int) -> None:
        """Record the start of a probe, `late` microseconds after it was due."""
        self.lateness = late / 1_000_000
        if self.lateness > self.lateness_max:
            self.lateness_max = self.lateness

    def queue_age(self, now: int) -> int:
        """Return for how many microseconds the oldest unwritten observation has been waiting; 0 when none is."""
        return max(0, now - self.queue_since) if self.queue_since is not None else 0

    def notification_delay(self, now: int) -> int:
        """Return for how many microseconds the oldest undelivered notification has been due; 0 when none is."""
        return max(0, now - self.notification_oldest) if self.notification_oldest is not None else 0

    def count_pages(self, responses: Iterable[Response]) -> None:
        """Record the responses to alerts that are not over."""
        pages = [each for each in responses if each.severity is Severity.PAGE]
        self.pages_acknowledged = sum(each.acknowledged is not None for each in pages)
        self.pages_unacknowledged = len(pages) - self.pages_acknowledged

    def acknowledged(self, response: Response) -> None:
        """Record that an alert was acknowledged."""
        count, total = self.acknowledgements.get(response.severity, (0, 0))
        self.acknowledgements[response.severity.value] = count + 1, total + (response.time_to_acknowledge or 0)

    def unrecorded(self, now: int) -> int:
        """Return for how many microseconds nothing could be written; 0 while the store writes."""
        return max(0, now - self.unrecorded_since) if self.unrecorded_since is not None else 0
