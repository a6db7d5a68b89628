"""The modes of each simulated product and of the uplink, and their behaviour in each mode."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from monitor.demo import form, responses
from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.demo.responses import Routes

CONTROL = "control"
UPLINK = "uplink"  # the monitor's own connection, simulated by its references
UPLINK_OUTAGE = "outage"  # the mode of the uplink in which no product is reachable either
LISTENERS = (
    CONTROL,
    "keycloak",  # one address for both sites, like that of a global load balancer
    "keycloak-gold",
    "keycloak-golddr",
    "chefs",
    "css-portal",
    "css-api",
    "drop",
    "notify-api",
    "notify-page",
    "secondment-a",
    "secondment-b",
    "uplink-a",
    "uplink-b",
)
BASE_PORT = 17600  # below the ephemeral ports of Linux, which outgoing connections may use
DEFAULT_PORTS = MappingProxyType({name: BASE_PORT + offset for offset, name in enumerate(LISTENERS)})

SLOW_DELAY = 3.0  # seconds, longer than every timeout in config/demo.yaml


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Behaviour of a listener: respond by `routes` after `delay` seconds, or refuse connections if `closed`."""

    routes: Routes
    delay: float = 0.0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Mode:
    """The behaviours of a product's listeners in one mode, with a description."""

    description: str
    listeners: Mapping[str, Behaviour]


CLOSED_PORT = Behaviour({}, closed=True)


def _mode(description: str, **listeners: Routes | Behaviour) -> Mode:
    """Return a mode; keywords are names of listeners with `_` for `-`."""
    behaviours = {name.replace("_", "-"): listener for name, listener in listeners.items()}
    return Mode(description, {name: b if isinstance(b, Behaviour) else Behaviour(b) for name, b in behaviours.items()})


def _usual(**up: Routes) -> dict[str, Mode]:
    """Return the modes that every product has, from its normal routes."""
    return {
        "up": _mode("answers correctly", **up),
        "outage": _mode("connection refused: nothing listens", **dict.fromkeys(up, CLOSED_PORT)),
        "slow": _mode(
            f"answers after {SLOW_DELAY:g} s, later than the timeout",
            **{name: Behaviour(routes, delay=SLOW_DELAY) for name, routes in up.items()},
        ),
    }


MODES: Mapping[str, Mapping[str, Mode]] = {
    "keycloak": _usual(
        keycloak=responses.KEYCLOAK, keycloak_gold=responses.KEYCLOAK, keycloak_golddr=responses.KEYCLOAK_STANDBY
    )
    | {
        "outage": _mode(
            "Gold fails, GoldDR is still on standby: connection refused",
            keycloak=CLOSED_PORT,
            keycloak_gold=CLOSED_PORT,
            keycloak_golddr=responses.KEYCLOAK_STANDBY,
        ),
        "maintenance": _mode(
            "GoldDR starts: the maintenance page answers 200 text/html",
            keycloak=responses.KEYCLOAK_MAINTENANCE,
            keycloak_gold=CLOSED_PORT,
            keycloak_golddr=responses.KEYCLOAK_MAINTENANCE,
        ),
        "failover": _mode(
            "GoldDR answers instead of Gold",
            keycloak=responses.KEYCLOAK,
            keycloak_gold=CLOSED_PORT,
            keycloak_golddr=responses.KEYCLOAK,
        ),
    },
    "chefs": _usual(chefs=form.CHEFS)
    | {
        "not_ready": _mode(
            "200 but not ready: event stream lost, every other route is 503", chefs=responses.CHEFS_NOT_READY
        )
    },
    "css": _usual(css_portal=responses.CSS_PORTAL, css_api=responses.CSS_API)
    | {
        "recovery": _mode(
            "API 503 while Keycloak is in disaster recovery; the heartbeat stays 200",
            css_portal=responses.CSS_PORTAL,
            css_api=responses.CSS_API_RECOVERY,
        ),
        "error": _mode(
            "heartbeats 500: the database is lost",
            css_portal=responses.CSS_PORTAL_BROKEN,
            css_api=responses.CSS_API_BROKEN,
        ),
    },
    "drop": _usual(drop=responses.DROP) | {"error": _mode("500 on every route", drop=responses.DROP_BROKEN)},
    "notify": _usual(notify_api=responses.NOTIFY_API, notify_page=responses.NOTIFY_PAGE)
    | {
        "degraded": _mode(
            "its status page reports e-mail and SMS as degraded; the API answers",
            notify_api=responses.NOTIFY_API,
            notify_page=responses.NOTIFY_PAGE_DEGRADED,
        ),
        "error": _mode(
            'the database is lost: the status line is "0 e3q8"',
            notify_api=responses.NOTIFY_API_BROKEN,
            notify_page=responses.NOTIFY_PAGE_DOWN,
        ),
    },
    "secondment": _usual(secondment_a=responses.SECONDMENT, secondment_b=responses.SECONDMENT)
    | {
        "one_instance_down": _mode(
            "one of its 2 instances is down; the product stays up",
            secondment_a=CLOSED_PORT,
            secondment_b=responses.SECONDMENT,
        ),
        "error": _mode(
            "500 on every route", secondment_a=responses.SECONDMENT_BROKEN, secondment_b=responses.SECONDMENT_BROKEN
        ),
    },
    # The references recover last, so that no probe that failed during the outage is judged by recovered references.
    UPLINK: {
        "up": _mode("both references answer", uplink_a=responses.REFERENCE, uplink_b=responses.REFERENCE),
        UPLINK_OUTAGE: _mode(
            "the monitor's own connection is cut: all targets refuse, no downtime",
            uplink_a=CLOSED_PORT,
            uplink_b=CLOSED_PORT,
        ),
        "returning": _mode(
            "the products are reachable again, the references not yet", uplink_a=CLOSED_PORT, uplink_b=CLOSED_PORT
        ),
    },
}


def find(product: str, mode: str) -> Mode:
    """Return the mode of the product.

    Raises:
        NinewatchError: unknown product or mode; the message lists the known ones.
    """
    if product not in MODES:
        raise NinewatchError(f"unknown product {product!r}; known products: {', '.join(MODES)}")
    if mode not in MODES[product]:
        raise NinewatchError(f"unknown mode {mode!r}; modes of {product}: {', '.join(MODES[product])}")
    return MODES[product][mode]
