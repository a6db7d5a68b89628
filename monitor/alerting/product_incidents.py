"""The product incidents of a ledger: opened, escalated and resolved as check incidents come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sla.alerting import outage
from sla.product_incident import ProductIncident, Severity, update_product_incident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident


class Outages:
    """All product incidents, by id and by product. Belongs to the event loop's thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.all = ledger.product_incidents
        self._open: dict[str, str] = {}
        self._of: dict[str, list[str]] = {}

    def restore(self, recorded: Iterable[ProductIncident], now: int) -> list[ProductIncident]:
        """Take in the record's; return those that change: check incidents of earlier versions are wrapped, unannounced.

        An open one none of whose checks is down any more (the record was edited, a clock was wrong) is resolved.
        """
        for incident in recorded:
            self._take(replace(incident, product=self._ledger.former_ids.product(incident.product)))
        wrapped = [each for name in self._products() if (each := self._wrapped(name, now)) is not None]
        return [*wrapped, *self.reconcile(now)]

    def _wrapped(self, product: str, now: int) -> ProductIncident | None:
        if product in self._open or product not in self._ledger.products or not self._ongoing(product):
            return None
        known = {name for each in self._of.get(product, ()) for name in self.all[each].members}
        if any(each.id in known for each in self._ongoing(product)):
            return None  # it left the configuration while it was down and came back: that is announced
        made = self._advance(product, now)
        if made is None:
            return None
        quiet = ProductIncident(
            made.id, made.product, made.opened, None, made.severity, made.members, unannounced=made.severity
        )
        return self._take(quiet)

    def reconcile(self, now: int) -> list[ProductIncident]:
        """Bring all in line with the portfolio, after it changed; return those that changed.

        The incident of a product or a check that was taken out ends now: it is not monitored any more.
        """
        self._rename()
        changed = []
        for product in self._products():
            before = self.open(product)
            after = self._advance(product, now)
            if after is not None and after != before:
                changed.append(self._take(after))
        return changed

    def _rename(self) -> None:
        """Let the incidents of a product that was renamed (`was:`) be those of its present id."""
        former = self._ledger.former_ids
        if any(former.product(name) != name for name in self._of):
            held = [replace(each, product=former.product(each.product)) for each in self.all.values()]
            self._open, self._of = {}, {}
            self.all.clear()
            for each in sorted(held, key=lambda each: each.opened):
                self._take(each)

    def _products(self) -> list[str]:
        return list(dict.fromkeys((*self._ledger.products, *self._open)))

    def changed(self, incident: Incident) -> ProductIncident | None:
        """Return the product's incident after a check incident opened or resolved, None if nothing of it changed."""
        before = self.open(incident.product)
        after = self._advance(incident.product, incident.opened if incident.resolved is None else incident.resolved)
        return None if after is None or after == before else self._take(after)

    def _advance(self, product: str, now: int) -> ProductIncident | None:
        held, ongoing = self.open(product), self._ongoing(product)
        end = now if ongoing else self._end(held, now)
        return update_product_incident(held, product, ongoing, end, down=self.down(product), last=self._last(product))

    def _end(self, held: ProductIncident | None, now: int) -> int:
        """Return the last end of the check incidents inside, `now` where none of them is known to have ended."""
        if held is None:
            return now
        members = (each for each in self._ledger.all_incidents() if each.product == held.product)
        ends = [each.resolved for each in members if each.id in held.members and each.resolved is not None]
        gone = len(ends) < len(held.members)
        return max([*ends, now]) if gone or not ends else max(ends)

    def _last(self, product: str) -> int:
        """Return the end of the product's incident before the present one, 0 if there was none."""
        ends = (self.all[name].resolved for name in self._of.get(product, ()))
        return max((end for end in ends if end is not None), default=0)

    def down(self, product: str) -> bool | None:
        """Return whether so many checks have an open incident that the product's rule is not met; None: not known."""
        held = self._ledger.products.get(product)
        if held is None:
            return None
        return outage(held.rule, ((each.tracker, each.timeline) for each in self._ledger.entries_of(product)))

    def _ongoing(self, product: str) -> list[Incident]:
        if product not in self._ledger.products:
            return []
        return [each.tracker.open for each in self._ledger.entries_of(product) if each.tracker.open is not None]

    def open(self, product: str) -> ProductIncident | None:
        """Return the product's open incident."""
        name = self._open.get(product)
        return None if name is None else self.all[name]

    def ongoing(self) -> list[ProductIncident]:
        """Return all open ones."""
        return [self.all[name] for name in self._open.values()]

    def paging(self, product: str) -> bool:
        """Return whether the product is down by its rule, as decided."""
        held = self.open(product)
        return held is not None and held.severity is Severity.PAGE

    def recent(self, product: str, since: int) -> Iterator[ProductIncident]:
        """Yield the product's incidents that opened at the instant or later, newest first."""
        for name in reversed(self._of.get(product, ())):
            if self.all[name].opened < since:
                return
            yield self.all[name]

    def _take(self, incident: ProductIncident) -> ProductIncident:
        if incident.id not in self.all:
            self._of.setdefault(incident.product, []).append(incident.id)
        self.all[incident.id] = incident
        if incident.resolved is None:
            self._open[incident.product] = incident.id
        elif self._open.get(incident.product) == incident.id:
            del self._open[incident.product]
        return incident
