"""Pages of changes: each change is on one page, also if several have the same instant."""

from __future__ import annotations

from monitor.access.audit_log import AuditEntry, ChangeOrigin, Event, Means
from monitor.facts.fact_index import Facts
from monitor.views.changes import Change, ChangeFilter, changes
from tests.support.ledgers import NOW

ENTRIES = [
    AuditEntry(NOW + number // 4, Event.SIGN_IN, ChangeOrigin(Means.SESSION, f"person {number}", "", "192.0.2.7"))
    for number in range(10)
]


def test_changes_of_one_instant_are_divided_among_pages() -> None:
    pages: list[list[Change]] = []
    cursor = ""
    while not pages or cursor:
        page = changes(Facts(), ENTRIES, ChangeFilter(), limit=3, cursor=cursor)
        pages.append(list(page.changes))
        cursor = page.next
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    everything = changes(Facts(), ENTRIES, ChangeFilter())
    assert [change for page in pages for change in page] == list(everything.changes)
    assert everything.next == ""
    assert len({change.id for change in everything.changes}) == 10
