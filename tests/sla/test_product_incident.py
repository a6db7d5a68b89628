"""Tests of product incidents: one incident per outage, independent of the number of failing checks."""

from __future__ import annotations

from dataclasses import replace

from sla.incident import Incident
from sla.interval import MINUTE
from sla.product_incident import ProductIncident, Severity, update_product_incident

AT = 1_790_000_000_000_000


def incident(check: str, opened: int) -> Incident:
    return Incident.open("forms", f"forms/{check}", opened, "deadline")


def updated_incident(
    *ongoing: Incident, previous: ProductIncident | None = None, down: bool | None = True
) -> ProductIncident:
    incident = update_product_incident(previous, "forms", ongoing, AT, down=down)
    assert incident is not None
    return incident


def test_product_incident_opens_with_the_first_and_resolves_with_the_last_check_incident() -> None:
    first, second = incident("health", AT), incident("login", AT + MINUTE)
    one = updated_incident(first)
    both = updated_incident(first, second, previous=one)
    product_incident = updated_incident(second, previous=both)
    ended = update_product_incident(product_incident, "forms", (), AT + 5 * MINUTE, down=False)
    assert ended == replace(one, members=(first.id, second.id), resolved=AT + 5 * MINUTE)
    assert {incident.id for incident in (one, both, product_incident)} == {one.id}


def test_earlier_check_incident_moves_the_start_but_not_the_id() -> None:
    late, early = incident("health", AT), incident("login", AT - MINUTE)
    one = updated_incident(late)
    both = updated_incident(late, early, previous=one)
    assert (both.opened, both.id) == (AT - MINUTE, one.id)


def test_severity_is_page_while_the_product_is_down_else_ticket() -> None:
    first = incident("health", AT)
    assert updated_incident(first, down=True).severity is Severity.PAGE
    assert updated_incident(first, down=False).severity is Severity.TICKET
    assert updated_incident(first, down=None).severity is Severity.TICKET
    assert updated_incident(first, previous=updated_incident(first, down=True), down=False).severity is Severity.TICKET


def test_incidents_of_a_product_do_not_overlap() -> None:
    """The second check failed before the end of the first incident, and its incident opened afterwards."""
    late = incident("login", AT - MINUTE)
    product_incident = update_product_incident(None, "forms", [late], AT + MINUTE, down=True, previous_end=AT)
    assert product_incident is not None
    assert product_incident.opened == AT
    assert product_incident.id != updated_incident(late).id


def test_without_check_incidents_there_is_no_product_incident() -> None:
    assert update_product_incident(None, "forms", (), AT, down=False) is None


def test_product_incident_does_not_end_before_it_opened() -> None:
    product_incident = updated_incident(incident("health", AT))
    ended = update_product_incident(product_incident, "forms", (), AT - MINUTE, down=False)
    assert ended is not None
    assert ended.resolved == AT
