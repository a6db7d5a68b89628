"""Alerts about products and their checks: outages, unknown time, certificates, readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.exporters.rule_file import Alert
from monitor.exporters.selectors import or_last_value, over_replicas, unless_by_design
from sla.interval import SECOND
from sla.objective import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PRODUCT_PAGE: Final = "/products/{{ $labels.product }}"
_NOT_PAUSED: Final = "\nunless on (product) ninewatch_check_paused == 1"
_STATE_UNKNOWN: Final = 'ninewatch_product_state{state="unknown"}'


def product_alerts(drill_every: int) -> Iterator[Alert]:
    """Yield the alerts about the products that a daemon publishes. `drill_every` is in microseconds."""
    yield from _outage_alerts()
    yield from _unknown_alerts()
    yield from _certificate_alerts()
    yield _readiness_alert()
    yield from _site_alerts()
    yield from _drill_alerts(drill_every)


def missing_products(products: Sequence[str]) -> Alert:
    """Return the alert about configured products that are not published by any daemon."""
    absent = "\nor ".join(f'absent(ninewatch_product_state{{product="{product}"}})' for product in products)
    return Alert(
        "NinewatchProductAbsent",
        f"(\n{absent}\n)\nunless on () absent(ninewatch_build_info)",
        "critical",
        "{{ $labels.product }} is not measured",
        "A ninewatch daemon answers, but none publishes the product {{ $labels.product }}, which was in the "
        "configuration that these rules were printed for.",
        hold="10m",
        page=PRODUCT_PAGE,
    )


def _outage_alerts() -> Iterator[Alert]:
    down = (
        "For more than a minute, so many checks of {{ $labels.product }} have had open incidents that its rule is not "
        "met. The alert resolves when the product is seen up, not while the monitor is blind."
    )
    yield Alert(
        "NinewatchProductDown",
        f"{or_last_value('ninewatch_product_outage', '1d', 'ninewatch_objective_ratio')} == 1{unless_by_design()}",
        "critical",
        "{{ $labels.product }} is down",
        down,
        hold="1m",
        page=PRODUCT_PAGE,
        queried=down + _probe_results("product"),
    )
    fails = (
        "An incident of the check {{ $labels.check }} of {{ $labels.product }} has been open for 5 minutes. The "
        "product may still be up, with less redundancy."
    )
    yield Alert(
        "NinewatchCheckDown",
        f"{or_last_value('ninewatch_check_outage', '6h', 'ninewatch_check_unknown')} == 1",
        "warning",
        "{{ $labels.check }} of {{ $labels.product }} fails",
        fails,
        hold="5m",
        page=PRODUCT_PAGE,
        queried=fails + _probe_results("product", "check"),
    )


def _probe_results(*labels: str) -> str:
    """Return a template that prints the results of the first failed probes of the open incidents."""
    names = ", ".join(f"{label}=%q" for label in labels)
    values = " ".join(f"$labels.{label}" for label in labels)
    results = f"max by (check, reason, detail) (ninewatch_open_incident_info{{{names}}})"
    return (
        f"{{{{ range printf `{results}` {values} | query }}}} Check {{{{ .Labels.check }}}}: {{{{ .Labels.reason }}}}"
        "{{ with .Labels.detail }} ({{ . }}){{ end }}.{{ end }}"
    )


# All families of the uplink, by every replica.
_FULLY_BLIND = over_replicas("min", 'ninewatch_vantage_blind{vantage="local"}', "vantage", "family")


def _unknown_alerts() -> Iterator[Alert]:
    yield Alert(
        "NinewatchProductUnknown",
        f"{or_last_value(_STATE_UNKNOWN, '6h', function='min')} == 1{_NOT_PAUSED}",
        "warning",
        "The state of {{ $labels.product }} is unknown",
        "For 10 minutes no probe of {{ $labels.product }} could distinguish up from down: the monitor is the cause. "
        "The time counts as unknown, not as downtime.",
        hold="10m",
        page=PRODUCT_PAGE,
    )
    yield from _blind_alerts()
    yield from _vantage_alerts()
    yield Alert(
        "NinewatchCoverageLow",
        f"""{over_replicas("max", 'ninewatch_coverage_ratio{window="1h"}')} < 0.9{_NOT_PAUSED}""",
        "warning",
        "{{ $value | humanizePercentage }} of the last hour of {{ $labels.product }} are known",
        "For an hour, less than 90 % of the last hour of {{ $labels.product }} was known: probes are skipped, or end "
        "as unknown. The bounds of its availability become wide, and short outages are not seen.",
        hold="1h",
        page=PRODUCT_PAGE,
    )
    yield Alert(
        "NinewatchProductsAbsent",
        "absent(ninewatch_product_state)",
        "critical",
        "No product is measured",
        "Prometheus has no product state series: the daemon does not run, is not scraped, or has no products.",
        hold="5m",
    )


def _blind_alerts() -> Iterator[Alert]:
    yield Alert(
        "NinewatchMonitorBlind",
        f"{over_replicas('min', _STATE_UNKNOWN, 'product', 'state')} == 1\nor {_FULLY_BLIND} == 1",
        "critical",
        "ninewatch cannot observe the products",
        "For 5 minutes all far references failed, or no probe of any product could distinguish up from down: the "
        "monitor's own network, resolver, file descriptors or CPU are the cause. Outages cannot be detected.",
        hold="5m",
    )
    yield Alert(
        "NinewatchVantagePartlyBlind",
        f"{over_replicas('min', 'ninewatch_vantage_blind')} == 1\nunless on () ({_FULLY_BLIND} == 1)",
        "warning",
        "{{ $labels.vantage }} cannot observe over {{ $labels.family }}",
        "For 5 minutes all deciding references of {{ $labels.vantage }} failed over {{ $labels.family }}. Failed "
        "probes over that family are recorded as unknown.",
        hold="5m",
    )


def _vantage_alerts() -> Iterator[Alert]:
    """Yield the alerts about other vantages, which never fire without any."""
    several = "ignoring (vantage) ninewatch_vantage_delivering"
    lost = or_last_value("ninewatch_checks_without_quorum", "6h", several, "min")
    yield Alert(
        "NinewatchQuorumLost",
        f"{lost} > 0",
        "critical",
        "Checks without a quorum of vantages: {{ $value }}",
        "For a minute, so few vantages have delivered valid observations of {{ $value }} checks that an outage of them "
        "would not be detected. The time counts as unknown. The alert resolves when enough vantages deliver again.",
        hold="1m",
    )
    yield Alert(
        "NinewatchVantageSilent",
        f"{over_replicas('max', 'ninewatch_vantage_delivering')} == 0",
        "warning",
        "The vantage {{ $labels.vantage }} does not deliver in time",
        "For 5 minutes the vantage {{ $labels.vantage }} has delivered no observations, only old or unknown ones, or "
        "not of all checks. It has no vote until it delivers again.",
        hold="5m",
    )
    yield Alert(
        "NinewatchCentreNotReached",
        f"time() - {over_replicas('min', 'ninewatch_frames_oldest_timestamp_seconds')} > 300",
        "warning",
        "The centre does not receive the observations of a vantage",
        "The oldest observation that the centre has not stored is {{ $value | humanizeDuration }} old. Observations "
        "are kept for `centre.keep` and sent later; the centre never receives older ones.",
        hold="1m",
    )


def _certificate_alerts() -> Iterator[Alert]:
    known = "ignoring (kind) ninewatch_check_unknown == 1"
    expiry = or_last_value("probe_ssl_earliest_cert_expiry", "6h", known, "min")
    for name, days, severity in (
        ("NinewatchCertificateExpiring", 21, "warning"),
        ("NinewatchCertificateExpiresSoon", 3, "critical"),
    ):
        yield Alert(
            name,
            f"{expiry} - time() < {days} * 86400",
            severity,
            "A certificate of {{ $labels.product }} expires in {{ $value | humanizeDuration }}",
            "The check {{ $labels.check }} of {{ $labels.product }} received a certificate that expires in "
            f"{{{{ $value | humanizeDuration }}}}; the limit is {days} days (negative: it has expired).",
            hold="10m",
            page=PRODUCT_PAGE,
        )


def _readiness_alert() -> Alert:
    ceiling = or_last_value("ninewatch_claim_ceiling_ratio", "1d", function="min")
    return Alert(
        "NinewatchReadinessBelowObjective",
        f"{ceiling}\n< {or_last_value('ninewatch_objective_ratio', '1d', function='min')}",
        "warning",
        "{{ $labels.product }} is not ready for its objective",
        "With its unmet readiness items, at most {{ $value | humanizePercentage }} may be claimed for "
        "{{ $labels.product }}, which is less than its objective. Its page lists the items.",
        hold="1h",
        page=PRODUCT_PAGE,
    )


def _site_alerts() -> Iterator[Alert]:
    for name, state, summary, text in (
        (
            "NinewatchNoSiteActive",
            "none",
            "No site of {{ $labels.product }} is active",
            "For a minute, no site of {{ $labels.product }} was the active one: all sites are down, or the switch "
            "between them (the DNS server, the load balancer) is.",
        ),
        (
            "NinewatchSeveralSitesActive",
            "several",
            "More than one site of {{ $labels.product }} is active",
            "For a minute, more than one site of {{ $labels.product }} was active. Data that is written to both may be "
            "lost.",
        ),
    ):
        metric = f'ninewatch_sites_state{{state="{state}"}}'
        yield Alert(
            name, f"{or_last_value(metric, '6h')} == 1", "critical", summary, text, hold="1m", page=PRODUCT_PAGE
        )
    missed = or_last_value("ninewatch_failover_met", "1d", function="min")
    yield Alert(
        "NinewatchFailoverTimeMissed",
        f"{missed} == 0",
        "warning",
        "The last {{ $labels.kind }} of {{ $labels.product }} took longer than promised",
        "The last {{ $labels.kind }} of {{ $labels.product }} certainly lasted longer than the promised failover time. "
        "The alert resolves after the next one that keeps it.",
        page=PRODUCT_PAGE,
    )


def _drill_alerts(every: int) -> Iterator[Alert]:
    age = or_last_value("ninewatch_last_drill_age_seconds", "6h", function="min")
    yield Alert(
        "NinewatchDrillOverdue",
        f"{age} > {every // SECOND}",
        "warning",
        "The last {{ $labels.kind }} drill of {{ $labels.product }} was {{ $value | humanizeDuration }} ago",
        f"A drill of each kind is due every {format_duration(every)}. A recovery that is not exercised is not known to "
        "work, and its evidence expires.",
        hold="1h",
        page=PRODUCT_PAGE,
    )
    yield Alert(
        "NinewatchDrillFindingsOverdue",
        f"{or_last_value('ninewatch_drill_findings_overdue', '6h')} > 0",
        "warning",
        "{{ $value }} findings of drills of {{ $labels.product }} are overdue",
        "Findings of drills are open after their due day. The page of the product lists them with their owners.",
        hold="1h",
        page=PRODUCT_PAGE,
    )
