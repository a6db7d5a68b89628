"""Product incidents and notifications as rows of an open record."""

from __future__ import annotations

import json
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from monitor.notification import Kind, Notification
from monitor.storage import statements as sql
from monitor.storage.rows import DamagedRowError
from sla.product_incident import ProductIncident, Severity

if TYPE_CHECKING:
    import sqlite3


def product_incident_row(incident: ProductIncident) -> tuple[Any, ...]:
    """Return the row of a product incident."""
    *fields, members, unannounced = astuple(incident)
    return (*fields, json.dumps(members), unannounced)


def notification_row(notification: Notification) -> tuple[Any, ...]:
    """Return the row of a notification; its columns have the order of the type's fields."""
    return astuple(notification)


def product_incidents_in(connection: sqlite3.Connection) -> list[ProductIncident]:
    """Return all product incidents of an open record, oldest first; none of a record of an earlier version.

    Raises:
        DamagedRowError: one has a severity or members that cannot be read.
    """
    if not connection.execute(sql.HAS_PRODUCT_INCIDENTS).fetchone():
        return []
    return [_product_incident(row) for row in connection.execute(sql.PRODUCT_INCIDENTS)]


def unfinished_in(connection: sqlite3.Connection) -> list[Notification]:
    """Return the notifications of keys that a receiver has unfinished, in the order of their decision."""
    if not connection.execute(sql.HAS_NOTIFICATIONS).fetchone():
        return []
    return [_notification(row) for row in connection.execute(sql.UNFINISHED_NOTIFICATIONS)]


def latest_in(connection: sqlite3.Connection, limit: int) -> list[Notification]:
    """Return the notifications that were decided last, newest first."""
    if not connection.execute(sql.HAS_NOTIFICATIONS).fetchone():
        return []
    return [_notification(row) for row in connection.execute(sql.LATEST_NOTIFICATIONS, (limit,))]


def notifications_since(connection: sqlite3.Connection, since: int) -> list[Notification]:
    """Return the notifications that were due at the instant or later, in the order of their decision."""
    if not connection.execute(sql.HAS_NOTIFICATIONS).fetchone():
        return []
    return [_notification(row) for row in connection.execute(sql.NOTIFICATIONS_SINCE, (since,))]


def _product_incident(row: tuple[Any, ...]) -> ProductIncident:
    name, product, opened, resolved, severity, members, unannounced = row
    try:
        listed = json.loads(members)
        if not isinstance(listed, list):
            raise ValueError("members is no list")
        quiet = None if unannounced is None else Severity(unannounced)
        return ProductIncident(name, product, opened, resolved, Severity(severity), tuple(map(str, listed)), quiet)
    except (ValueError, RecursionError) as error:
        raise DamagedRowError(f"in the table product_incidents, row with id {name!r}: {error}") from None


def _notification(row: tuple[Any, ...]) -> Notification:
    key, receiver, turn, event, *rest = row
    return Notification(key, receiver, turn, Kind(event), *rest)
