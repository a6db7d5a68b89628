"""The dashboard of alerts: firing alerts, delivery of notifications, and acknowledgements."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.exporters.dashboards import style
from monitor.exporters.dashboards.expressions import JOB, by_product
from monitor.exporters.dashboards.panels import PanelBuilder, Query, Row, lines, timeline, value

_OUTAGE = {0: ("no outage", style.GOOD), 1: ("OUTAGE", style.BAD)}
_FIRING = {1: ("fires", style.BAD), 0: ("pending", style.WARNING)}


def alert_delivery_rows() -> Iterator[Row]:
    """Yield the rows from top to bottom."""
    yield Row("Now", tuple(_now()))
    yield Row("Alerts", tuple(_alerts()))
    yield Row("Delivery", tuple(_delivery()))
    yield Row("Acknowledgements and silences", tuple(_acknowledgements()))


def _daemon(metric: str, matchers: str = "") -> str:
    return f"{metric}{{{JOB}{',' + matchers if matchers else ''}}}"


def _now() -> Iterator[PanelBuilder]:
    waiting, delay = _daemon("ninewatch_notifications_waiting"), _daemon("ninewatch_notification_delay_seconds")
    yield value(
        "Notifications waiting",
        "Notifications that are not delivered. Check the receivers if the number stays above 0.",
        "none",
        Query(f"sum({waiting})"),
        steps=style.ANY_IS_WARNING,
    )
    yield value(
        "Delay",
        "Time since the oldest undelivered notification was due.",
        "s",
        Query(f"max({delay})"),
        steps=style.up_to(60, 300),
    )
    yield value(
        "Receivers failing",
        "Receivers whose last attempt failed.",
        "none",
        Query(f"sum({_daemon('ninewatch_receivers_failing')})"),
        steps=style.ANY_IS_BAD,
    )
    for name, label, steps in (
        ("not acknowledged", "false", style.ANY_IS_BAD),
        ("acknowledged", "true", style.ANY_IS_WARNING),
    ):
        text = f"Open pages that are {name}."
        pages = _daemon("ninewatch_open_pages", f'acknowledged="{label}"')
        yield value(f"Pages {name}", text, "none", Query(f"sum({pages})"), steps=steps)
    yield value(
        "Alerts that cannot fire",
        "Burn alerts that can never fire, because the objective is too low for the window; see `check-config`.",
        "none",
        Query(f"sum({by_product('ninewatch_burn_alert_possible', labels='product, window')} == bool 0)"),
        steps=style.ANY_IS_WARNING,
    )


def _alerts() -> Iterator[PanelBuilder]:
    yield timeline(
        "Outages",
        "Products that are down by their open incidents, even if their state is unknown.",
        _OUTAGE,
        Query(by_product("ninewatch_product_outage"), "{{product}}"),
        label="product",
    )
    yield timeline(
        "Alerts of Prometheus",
        "Alerts of ninewatch's rules. Watchdog always fires; if it is missing, Prometheus has not loaded the rules.",
        _FIRING,
        Query('max by (alertname) (ALERTS{alertname=~"Watchdog|Ninewatch.*",alertstate="firing"})', "{{alertname}}"),
    )
    burn = by_product("ninewatch_alerting_burn_rate", labels="product, window")
    yield lines(
        "Burn alerts",
        "Burn rate over the look-back of each burn alert while it fires, else 0.",
        "none",
        Query(burn, "{{product}} {{window}}"),
        width=24,
    )


def _delivery() -> Iterator[PanelBuilder]:
    yield lines(
        "Waiting",
        "Notifications that are not delivered.",
        "none",
        Query(_daemon("ninewatch_notifications_waiting"), "{{instance}}"),
    )
    yield lines(
        "Delay of the oldest",
        "Time since the oldest undelivered notification was due.",
        "s",
        Query(_daemon("ninewatch_notification_delay_seconds"), "{{instance}}"),
    )
    yield lines(
        "Receivers failing",
        "Receivers whose last attempt failed.",
        "none",
        Query(_daemon("ninewatch_receivers_failing"), "{{instance}}"),
    )
    sent, failed = "ninewatch_notifications_sent_total", "ninewatch_notification_failures_total"
    yield lines(
        "Sent and failed",
        "Notifications confirmed by a receiver, and failed attempts, in the preceding 5 minutes.",
        "none",
        Query(f"sum(increase({_daemon(sent)}[5m]))", "sent"),
        Query(f"sum(increase({_daemon(failed)}[5m]))", "failed attempts"),
        width=12,
        bars=True,
    )
    yield lines(
        "Internal errors",
        "Internal errors while alerts were decided or delivered, in the preceding hour.",
        "none",
        Query(f"sum(increase({_daemon('ninewatch_alerting_defects_total')}[1h]))", "errors"),
        width=12,
        bars=True,
    )


def _acknowledgements() -> Iterator[PanelBuilder]:
    count = f"sum by (severity) (increase({_daemon('ninewatch_acknowledgements_total')}[24h]))"
    total = f"sum by (severity) (increase({_daemon('ninewatch_time_to_acknowledge_seconds_total')}[24h]))"
    yield lines(
        "Open pages",
        "Open pages, by whether a person acknowledged them.",
        "none",
        Query(f"sum by (acknowledged) ({_daemon('ninewatch_open_pages')})", "acknowledged: {{acknowledged}}"),
        width=6,
    )
    yield lines(
        "Acknowledged in 24 h",
        "Alerts that a person acknowledged in the preceding 24 hours.",
        "none",
        Query(count, "{{severity}}"),
        width=6,
    )
    yield lines(
        "Mean time to acknowledge",
        "Mean time from announcement to acknowledgement, over the preceding 24 hours.",
        "s",
        Query(f"{total} /  ({count} > 0)", "{{severity}}"),
        width=6,
    )
    yield lines(
        "Active silences",
        "Active silences by scope. `GET /api/v1/silences` lists them with author, reason and end.",
        "none",
        Query(f"max by (covers) ({_daemon('ninewatch_silences')})", "{{covers}}"),
        width=6,
    )
