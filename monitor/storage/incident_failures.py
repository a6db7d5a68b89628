"""First and last failing probes of incidents, as rows of the table `incident_failures`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from monitor.errors import StoreError
from sla.incident import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.incident import Incident

_Row = tuple[str, str, str]  # incident id, `first` or `last`, the failure as JSON
_DECODER = msgspec.json.Decoder(Failure)


def failure_rows(incident: Incident) -> Iterator[_Row]:
    """Yield the rows of the incident's failures."""
    for position, failure in (("first", incident.first), ("last", incident.last)):
        if failure is not None:
            yield incident.id, position, msgspec.json.encode(failure).decode()


def with_failures(incidents: Iterable[Incident], rows: Iterable[_Row]) -> list[Incident]:
    """Return the incidents with their failures from the rows.

    Raises:
        StoreError: a row is damaged.
    """
    failures: dict[str, dict[str, Failure]] = defaultdict(dict)
    for incident_id, position, body in rows:
        failures[incident_id][position] = _failure(incident_id, body)
    return [
        replace(incident, first=failures[incident.id].get("first"), last=failures[incident.id].get("last"))
        for incident in incidents
    ]


def _failure(incident_id: str, body: str) -> Failure:
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"the record is damaged: a failing probe of the incident {incident_id} cannot be read ({error}); restore a"
            " backup, or delete the row from incident_failures"
        ) from error
