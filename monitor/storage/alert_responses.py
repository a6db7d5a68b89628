"""Read and convert rows of the table `responses` (responses to alerts). Escalations are stored as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

from monitor.storage import statements as sql
from monitor.storage.connection import has_table
from monitor.storage.rows import DamagedRowError
from sla.escalation import Progress
from sla.page_response import Response
from sla.product_incident import Severity

if TYPE_CHECKING:
    from monitor.storage.connection import Connection
    from sla.interval import Interval


def response_row(response: Response) -> tuple[Any, ...]:
    """Return the row of a response."""
    *fields, _ = astuple(response)
    return (*fields, json.dumps([asdict(progress) for progress in response.escalations]))


def open_responses_in(connection: Connection) -> list[Response]:
    """Return the unfinished responses to alerts, ordered by start. Records of earlier versions have none.

    Raises:
        DamagedRowError: the escalations of a row cannot be read.
    """
    return _responses(connection, sql.OPEN_RESPONSES)


def responses_in(connection: Connection, span: Interval) -> list[Response]:
    """Return the responses that started within the interval, in the order of their start.

    Raises:
        DamagedRowError: the escalations of a row cannot be read.
    """
    return _responses(connection, sql.RESPONSES, span.start, span.end)


def _responses(connection: Connection, query: str, *bounds: int) -> list[Response]:
    if not has_table(connection, "responses"):
        return []
    return [_response(row) for row in connection.execute(query, bounds)]


def _response(row: tuple[Any, ...]) -> Response:
    key, started, product, severity, priority, target, acknowledged, author, via, ended, escalations = row
    fields = (key, started, product, Severity(severity), priority, target, acknowledged, author, via, ended)
    try:
        return Response(*fields, tuple(_progress(progress) for progress in json.loads(escalations)))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedRowError(f"in the table responses, row with key {key!r}, started {started!r}: {error}") from None


def _progress(data: dict[str, Any]) -> Progress:
    return Progress(**{**data, "receivers": tuple(map(str, data["receivers"]))})
