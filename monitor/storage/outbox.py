"""Convert product incidents and notifications to and from rows of an open record."""

from __future__ import annotations

import json
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from monitor.notification import Kind, Notification
from monitor.storage import statements as sql
from monitor.storage.connection import has_table
from monitor.storage.rows import DamagedRowError
from sla.product_incident import ProductIncident, Severity

if TYPE_CHECKING:
    from monitor.storage.connection import Connection


def product_incident_row(incident: ProductIncident) -> tuple[Any, ...]:
    """Return the row of a product incident."""
    *fields, members, suppressed_up_to = astuple(incident)
    return (*fields, json.dumps(members), suppressed_up_to)


def notification_row(notification: Notification) -> tuple[Any, ...]:
    """Return the row of a notification, with columns in the order of the type's fields."""
    return astuple(notification)


def product_incidents_in(connection: Connection) -> list[ProductIncident]:
    """Return all product incidents of an open record, oldest first. A record of an earlier version has none.

    Raises:
        DamagedRowError: the severity or the members of a row are invalid.
    """
    if not has_table(connection, "product_incidents"):
        return []
    return [_product_incident(row) for row in connection.execute(sql.PRODUCT_INCIDENTS)]


def unfinished_in(connection: Connection) -> list[Notification]:
    """Return the notifications of all keys with an undelivered or unresolved notification, in the order of creation."""
    if not has_table(connection, "notifications"):
        return []
    return [_notification(row) for row in connection.execute(sql.UNFINISHED_NOTIFICATIONS)]


def latest_in(connection: Connection, limit: int) -> list[Notification]:
    """Return the latest notifications, newest first."""
    if not has_table(connection, "notifications"):
        return []
    return [_notification(row) for row in connection.execute(sql.LATEST_NOTIFICATIONS, (limit,))]


def notifications_of(connection: Connection, key: str) -> list[Notification]:
    """Return the notifications of one alert, in the order of their decision."""
    if not has_table(connection, "notifications"):
        return []
    return [_notification(row) for row in connection.execute(sql.NOTIFICATIONS_OF, (key,))]


def notifications_since(connection: Connection, since: int) -> list[Notification]:
    """Return the notifications that were due at the instant or later, in the order of their decision."""
    if not has_table(connection, "notifications"):
        return []
    return [_notification(row) for row in connection.execute(sql.NOTIFICATIONS_SINCE, (since,))]


def _product_incident(row: tuple[Any, ...]) -> ProductIncident:
    name, product, opened, resolved, severity, members, suppressed_up_to = row
    try:
        check_incidents = json.loads(members)
        if not isinstance(check_incidents, list):
            raise ValueError("members is not a list")
        suppressed = None if suppressed_up_to is None else Severity(suppressed_up_to)
        members = tuple(map(str, check_incidents))
        return ProductIncident(name, product, opened, resolved, Severity(severity), members, suppressed)
    except (ValueError, RecursionError) as error:
        raise DamagedRowError(f"in the table product_incidents, row with id {name!r}: {error}") from None


def _notification(row: tuple[Any, ...]) -> Notification:
    key, receiver, turn, event, *rest = row
    return Notification(key, receiver, turn, Kind(event), *rest)
