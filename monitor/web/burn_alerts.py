"""The burn alerts of a product in the API, as `sla.alerting` decides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sla.alerting import BURN_POLICIES
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger


def burn_alerts(ledger: Ledger, product: Product, now: int) -> list[dict[str, Any]]:
    """Return each burn alert; null for an unknown state and for a threshold that cannot be reached."""
    firing = {alert.policy: alert.firing for alert in ledger.burn_alerts(product.id, now)}
    listed = []
    for policy in BURN_POLICIES:
        reason_never_fires = product.burn_obstacle(policy)
        listed.append(
            {
                "alert": policy.alert,
                "long_seconds": policy.long / SECOND,
                "short_seconds": policy.short / SECOND,
                "threshold": None if reason_never_fires else float(policy.factor(product.window)),
                "firing": firing.get(policy),
                "cannot_fire": reason_never_fires,
            }
        )
    return listed
