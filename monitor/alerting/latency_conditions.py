"""Alerts of latency objectives whose budget burns too fast, as decided by `sla.latency_alerting`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerting.alert import Alert
from monitor.ledger.latency_objectives import latency_figures
from sla.fact import content_id
from sla.interval import SECOND
from sla.latency_alerting import BUDGET_FRACTION
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.latency_objectives import LatencyFigure
    from monitor.ledger.ledger import Ledger

LATENCY: Final = "latency"
_NOTE: Final = (
    f"{float(100 * BUDGET_FRACTION):g} % of the budget of the window or more was spent by slow responses since the "
    "start of yesterday, and the burn continues. Slow responses do not reduce availability."
)


def resolved_latency_alerts(ledger: Ledger, product: Product, open_: dict[str, Alert], now: int) -> Iterator[Alert]:
    """Open and update the alerts of the product's latency objectives in `open_`; yield the resolved ones.

    Alerts of objectives that were removed or changed are resolved. Without responses nothing changes.
    """
    prefix = f"{LATENCY}:{product.id}:"
    keys = {key.rpartition(":")[0]: key for key in open_ if key.startswith(prefix)}
    for figure in latency_figures(ledger, product, now):
        subject = f"{prefix}{_key_name(figure)}"
        key = keys.pop(subject, None)
        if figure.alerting_burn:
            key = f"{subject}:{now // SECOND}" if key is None else key
            open_[key] = _alert(key, product, figure, open_[key].opened if key in open_ else now)
        elif figure.alerting_burn is not None and key is not None:
            yield replace(open_.pop(key), resolved=now)
    for key in keys.values():
        yield replace(open_.pop(key), resolved=now)


def _key_name(figure: LatencyFigure) -> str:
    """Return a name of the objective without the separators of alert keys."""
    return content_id(f"{figure.check} {figure.measured.objective} {figure.measured.window_length}")


def _alert(key: str, product: Product, figure: LatencyFigure, opened: int) -> Alert:
    of_check = f" ({figure.check})" if figure.check else ""
    times = f"{float(figure.alerting_burn or 0):.3g}"
    summary = (
        f"{product.name}{of_check} responds too slowly: "
        f"the budget of {figure.measured.objective} is spent {times} times too fast"
    )
    checks = (figure.check,) if figure.check else ()
    return Alert(key, product.id, Severity.TICKET, opened, None, summary, checks=checks, notes=(_NOTE,))
