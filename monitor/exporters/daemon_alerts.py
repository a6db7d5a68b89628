"""Alerts about the daemon itself: availability, schedule, recording, notifications.

They keep the label `instance`, which identifies the daemon.
"""

from __future__ import annotations

from typing import Final

from monitor.exporters.rule_file import Alert
from monitor.exporters.selectors import ALIVE

DAEMON_ALERTS: Final = (
    Alert(
        name="NinewatchAbsent",
        expr="absent(ninewatch_build_info)",
        hold="3m",
        severity="critical",
        summary="ninewatch does not run or is not scraped",
        description="Prometheus has no ninewatch target. If the daemon does not run, the time will be unknown.",
    ),
    Alert(
        name="NinewatchInstanceAbsent",
        expr=f"last_over_time({ALIVE}[1d]) unless {ALIVE}",
        hold="3m",
        severity="critical",
        summary="A ninewatch daemon does not answer",
        description=(
            "The daemon {{ $labels.instance }} was scraped within the last day and is not any more: it does not run, "
            "its scrape fails, or it is no longer a target. Alerts about its products keep their last state."
        ),
    ),
    Alert(
        name="NinewatchScheduleLate",
        expr="ninewatch_schedule_lateness_seconds > 5",
        hold="5m",
        severity="warning",
        summary="Probes start {{ $value | humanizeDuration }} late",
        description="The daemon cannot start its probes on time: too many checks, or too little CPU.",
    ),
    Alert(
        name="NinewatchLoopLags",
        expr="ninewatch_loop_lag_seconds > 1",
        hold="5m",
        severity="warning",
        summary="The event loop lags by {{ $value | humanizeDuration }}",
        description="The daemon's event loop is blocked. Probes during a stall are recorded as unknown.",
    ),
    Alert(
        name="NinewatchTicksMissed",
        expr="increase(ninewatch_missed_ticks_total[15m]) > 0",
        hold="15m",
        severity="warning",
        summary="Probes are skipped",
        description=(
            "In 15 minutes {{ $value | humanize }} probes were skipped, because the check's previous probe was still "
            "running or the daemon had no capacity. That time is unknown."
        ),
    ),
    Alert(
        name="NinewatchUnrecorded",
        expr="ninewatch_store_unrecorded_seconds > 0",
        hold="1m",
        severity="critical",
        summary="Observations of the last {{ $value | humanizeDuration }} are not on disk",
        description="Writing to the record fails; probing continues from memory. A restart now would lose that time.",
    ),
    Alert(
        name="NinewatchWritesFail",
        expr="increase(ninewatch_store_write_failures_total[10m]) > 0",
        hold="10m",
        severity="warning",
        summary="Writes to the record keep failing",
        description="{{ $value | humanize }} writes failed in 10 minutes. They are retried; check the disk.",
    ),
    Alert(
        name="NinewatchObservationsDropped",
        expr="increase(ninewatch_store_dropped_total[10m]) > 0",
        hold="0s",
        severity="critical",
        summary="Observations were lost",
        description=(
            "The write queue was full: {{ $value | humanize }} {{ $labels.what }} of the last 10 minutes are in memory "
            "but will not be in the record."
        ),
    ),
    Alert(
        name="NinewatchRecordLost",
        expr="increase(ninewatch_record_losses_total[1h]) > 0",
        hold="0s",
        severity="critical",
        summary="The record was deleted, replaced or truncated",
        description=(
            "Within the last hour the daemon lost its record and rewrote it. After a truncation, raw observations are "
            "missing. Find the program that changes the file, and check the backups."
        ),
    ),
    Alert(
        name="NinewatchConfigReloadFailed",
        expr="ninewatch_config_reload_success == 0",
        hold="1m",
        severity="warning",
        summary="The configuration on disk was rejected",
        description="The previous configuration stays in force. The daemon's log shows each error with file and line.",
    ),
    Alert(
        name="NinewatchClockStepped",
        expr="increase(ninewatch_clock_steps_total[1h]) > 0",
        hold="0s",
        severity="warning",
        summary="The wall clock of the daemon's machine jumped",
        description=(
            "{{ $value | humanize }} steps in an hour. Instants near them may be wrong; check the machine's time "
            "synchronisation."
        ),
    ),
    Alert(
        name="NinewatchClockWrong",
        expr="abs(ninewatch_clock_offset_seconds) > 5 or ninewatch_observations_set_aside > 0",
        hold="1m",
        severity="critical",
        summary="The record's time and the wall clock differ",
        description=(
            "The wall clock was set back after the daemon had followed it, or observations of a wrong clock were set "
            "aside at startup. Correct the clock, then restart the daemon."
        ),
    ),
    Alert(
        name="NinewatchDescriptorsExhausted",
        expr="ninewatch_descriptors_exhausted == 1",
        hold="5m",
        severity="warning",
        summary="The daemon has no file descriptors left",
        description="Probes cannot open connections and are recorded as unknown. Raise the limit of open files.",
    ),
    Alert(
        name="NinewatchInternalErrors",
        expr="increase(ninewatch_hook_failures_total[15m]) + increase(ninewatch_alerting_defects_total[15m]) > 0",
        hold="0s",
        severity="warning",
        summary="The daemon has internal errors",
        description=(
            "{{ $value | humanize }} errors within 15 minutes after observations, or while alerts were decided or "
            "delivered. Probing continued. The daemon's log has the details; report them as a bug."
        ),
    ),
    Alert(
        name="NinewatchNotificationsLate",
        expr="ninewatch_notification_delay_seconds > 300",
        hold="1m",
        severity="critical",
        summary="A notification has been undelivered for {{ $value | humanizeDuration }}",
        description=(
            "The oldest notification of the daemon has been due for {{ $value | humanizeDuration }}: a receiver cannot "
            "be reached, or rejects it. `ninewatch alert list` prints the undelivered notifications."
        ),
    ),
    Alert(
        name="NinewatchReceiverFailing",
        expr="ninewatch_receivers_failing > 0",
        hold="10m",
        severity="warning",
        summary="{{ $value | humanize }} receivers of notifications fail",
        description=(
            "For 10 minutes the last attempt of {{ $value | humanize }} receivers failed. `ninewatch alert test "
            "RECEIVER` sends a test message and prints the error."
        ),
    ),
    Alert(
        name="NinewatchAnchorStale",
        expr=(
            "time() - ninewatch_anchored_until_timestamp_seconds > 2 * 86400\n"
            "or increase(ninewatch_anchor_failures_total[6h]) > 0 unless ninewatch_anchored_until_timestamp_seconds"
        ),
        hold="1h",
        severity="warning",
        summary="The anchor {{ $labels.anchor }} lacks recent heads of the record",
        description=(
            "The anchor {{ $labels.anchor }} has no head of the last two days, or never had one and fails. Until it "
            "has, edits of those days would not be detected by it."
        ),
    ),
)
