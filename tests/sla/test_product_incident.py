"""One incident of a product, however many of its checks fail."""

from __future__ import annotations

from dataclasses import replace

from sla.incident import Incident
from sla.interval import MINUTE
from sla.product_incident import ProductIncident, Severity, update_product_incident

AT = 1_790_000_000_000_000


def incident(check: str, opened: int) -> Incident:
    return Incident.open("forms", f"forms/{check}", opened, "deadline")


def opened(*ongoing: Incident, held: ProductIncident | None = None, down: bool | None = True) -> ProductIncident:
    found = update_product_incident(held, "forms", ongoing, AT, down=down)
    assert found is not None
    return found


def test_it_opens_with_the_first_check_incident_and_resolves_with_the_last() -> None:
    first, second = incident("health", AT), incident("login", AT + MINUTE)
    one = opened(first)
    both = opened(first, second, held=one)
    left = opened(second, held=both)
    ended = update_product_incident(left, "forms", (), AT + 5 * MINUTE, down=False)
    assert ended == replace(one, members=(first.id, second.id), resolved=AT + 5 * MINUTE)
    assert {each.id for each in (one, both, left)} == {one.id}


def test_a_check_that_failed_earlier_and_was_confirmed_later_moves_the_start_and_keeps_the_id() -> None:
    late, early = incident("health", AT), incident("login", AT - MINUTE)
    one = opened(late)
    both = opened(late, early, held=one)
    assert (both.opened, both.id) == (AT - MINUTE, one.id)


def test_the_severity_is_page_while_the_rule_says_down_and_ticket_otherwise() -> None:
    first = incident("health", AT)
    assert opened(first, down=True).severity is Severity.PAGE
    assert opened(first, down=False).severity is Severity.TICKET
    assert opened(first, down=None).severity is Severity.TICKET
    assert opened(first, held=opened(first, down=True), down=False).severity is Severity.TICKET


def test_incidents_of_a_product_never_overlap() -> None:
    """The second check began to fail before the first incident ended, and was confirmed after it."""
    late = incident("login", AT - MINUTE)
    found = update_product_incident(None, "forms", [late], AT + MINUTE, down=True, last=AT)
    assert found is not None
    assert found.opened == AT
    assert found.id != opened(late).id


def test_without_incidents_there_is_none() -> None:
    assert update_product_incident(None, "forms", (), AT, down=False) is None


def test_it_does_not_end_before_it_opened() -> None:
    held = opened(incident("health", AT))
    ended = update_product_incident(held, "forms", (), AT - MINUTE, down=False)
    assert ended is not None
    assert ended.resolved == AT
