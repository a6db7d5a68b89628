"""The burn alerts of a product in the API, as decided by `sla.alerting`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sla.alerting import BURN_POLICIES
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger


def burn_alerts(ledger: Ledger, product: Product, now: int) -> list[dict[str, Any]]:
    """Return the burn alerts. An unknown state, and a threshold that cannot be reached, are null."""
    firing = {alert.policy: alert.firing for alert in ledger.burn_alerts(product.id, now)}
    rows = []
    for policy in BURN_POLICIES:
        obstacle = product.burn_obstacle(policy)
        rows.append(
            {
                "alert": policy.alert,
                "long_seconds": policy.long / SECOND,
                "short_seconds": policy.short / SECOND,
                "threshold": None if obstacle else float(policy.factor(product.window.length)),
                "firing": firing.get(policy),
                "cannot_fire": obstacle,
            }
        )
    return rows
