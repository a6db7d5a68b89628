"""`ninewatch status`: print the state of all products, queried from the daemon."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from monitor.commands.config_option import load_config
from monitor.config.addresses import HostPort
from monitor.errors import NinewatchError
from monitor.network.json_client import error_text, get
from monitor.views.text_table import aligned_lines
from sla.interval import SECOND
from sla.objective import format_duration, format_percent

_HEADINGS: tuple[str, ...] = (
    "STATE",
    "PRODUCT",
    "AVAILABILITY",
    "BOUNDS",
    "COVERAGE",
    "OBJECTIVE",
    "VERDICT",
    "BUDGET LEFT",
    "OPEN",
)


@click.command(short_help="Print the state of the products from the running daemon.")
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), help="The daemon's configuration.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
def status(path: Path | None, as_json: bool) -> None:
    """Print each product's state, availability with bounds, budget and open incidents.

    Queries the daemon at the configuration's `listen` address (127.0.0.1:9999 without -c). Exit status: 0 if every
    product is up, 1 if one is down or unknown, 2 if the daemon does not respond or runs another configuration
    than that of -c.
    """
    configuration, portfolio = (None, None) if path is None else load_config(path, show_warnings=True)
    listen = HostPort("127.0.0.1", 9999) if portfolio is None else portfolio.listen
    address = listen.as_destination()
    if path is not None and configuration is not None:
        _check_configuration(path, configuration.digest, _query(address, "configuration"), address)
    products = _query(address, "products")
    try:
        text = json.dumps(products, indent=2) if as_json else "\n".join([_table(products), *_observed_parts(products)])
    except (KeyError, TypeError):
        raise _unknown_server(address) from None
    click.echo(text)
    for note in _notes(products) if path is None else ():  # loading a configuration prints the same warnings
        click.echo(f"note: {note}", err=True)
    sys.exit(0 if all(product["state"] == "up" for product in products) else 1)


def _check_configuration(path: Path, digest: str, running: Any, address: HostPort) -> None:
    """Check that the daemon runs the configuration with this digest.

    Raises:
        NinewatchError: the daemon runs another configuration; the message names both.
    """
    try:
        source, running_digest, rejected = str(running["source"]), str(running["digest"]), running["reload_refused"]
    except (KeyError, TypeError):
        raise _unknown_server(address) from None
    if running_digest == digest:
        return
    remedy = (
        "its last reload was rejected; see its log"
        if rejected
        else "specify its configuration with -c, reload it (SIGHUP), "
        f"or give {path} its own `listen` address and start `ninewatch run -c {path}`"
    )
    raise NinewatchError(
        f"the daemon at {address} runs another configuration, {source} (digest {running_digest[:12]}), than {path} "
        f"(digest {digest[:12]}); {remedy}"
    )


def _query(address: HostPort, resource: str) -> Any:
    try:
        response = get(f"http://{address}/api/v1/{resource}", timeout=10, direct=True)
        data = response.json()
    except ValueError:
        raise _unknown_server(address) from None
    except OSError as error:
        raise NinewatchError(
            f"no daemon answers at {address}: {error_text(error)}; start `ninewatch run`, or "
            f"specify its configuration with -c"
        ) from None
    if response.status != HTTPStatus.OK:
        raise _unknown_server(address)
    return data


def _unknown_server(address: HostPort) -> NinewatchError:
    return NinewatchError(
        f"the server at {address} is not ninewatch of this version; specify its configuration with -c"
    )


def _notes(products: list[dict[str, Any]]) -> list[str]:
    return [f"{product['id']}: {line}" for product in products for line in product["alerts_that_cannot_fire"]]


def _observed_parts(products: list[dict[str, Any]]) -> Iterator[str]:
    """Yield one line per product whose record is younger than its window."""
    for product in products:
        if (figures := product.get("watched")) is not None:
            bounds = figures["availability"]
            text = f"{_percent(bounds['point'])}, between {_percent(bounds['low'])} and {_percent(bounds['high'])}"
            decidable_at = figures["decidable_at"]
            yield f"{product['id']}: observed since {figures['since']}: {text}" + (
                ""
                if decidable_at is None or product["verdict"] == "met"
                else f"; a verdict is possible from {decidable_at}"
            )


def _table(products: list[dict[str, Any]]) -> str:
    return "\n".join(aligned_lines([_HEADINGS, *map(_row, products)]))


def _row(product: dict[str, Any]) -> tuple[str, ...]:
    figures = product["availability"]
    remaining = product["budget"]["remaining_seconds"]
    bounds = f"{_percent(figures['low'])} to {_percent(figures['high'])}" if figures["low"] is not None else "n/a"
    return (
        product["state"],
        product["id"],
        _percent(figures["point"]),
        bounds,
        _percent(product["coverage"]),
        _percent(product["objective"]),
        product["verdict"] or "n/a",
        "n/a"
        if remaining is None
        else ("-" if remaining < 0 else "") + format_duration(abs(round(remaining * SECOND))),
        str(product["incidents_open"]),
    )


def _percent(ratio: float | None) -> str:
    return format_percent(None if ratio is None else Fraction(repr(ratio)))
