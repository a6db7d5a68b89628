"""Alerts that are no incident: a budget that burns, a certificate that expires, a monitor that sees nothing.

Each is a state that follows from the record or the last probes; here it becomes an alert with a key, from the instant
at which it was first seen to the instant at which it is over. A state that is not known changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerting.alert import Alert
from sla.duration import format_duration
from sla.interval import DAY, MINUTE, SECOND
from sla.observation import Outcome
from sla.product_incident import Severity
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.alerting.outages import Outages
    from monitor.config.model import Product
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from sla.alerting import BurnAlert, BurnPolicy

BURN, CERTIFICATE, BLIND = "burn", "cert", "blind"
SPREAD: Final = 30  # looks over which the products are spread; the shortest look-back of a policy is 5 minutes
BLIND_AFTER: Final = 2 * MINUTE  # without one known outcome
_UNSEEN: Final = "No check had a known outcome for a while: an outage would not be seen"


class Conditions:
    """The alerts that are open, by key. Belongs to the event loop's thread."""

    def __init__(self, ledger: Ledger, outages: Outages) -> None:
        self._ledger, self._outages = ledger, outages
        self.open: dict[str, Alert] = {}
        self.turn = 0
        self._blind_since: int | None = None

    @property
    def watching(self) -> bool:
        """Whether a condition is open, or no check has a known outcome: then each look may change it."""
        return bool(self.open) or self._blind_since is not None or self._sees_nothing()

    def skip(self, looks: int) -> None:
        """Count looks that were skipped."""
        self.turn += looks

    def _sees_nothing(self) -> bool:
        last = [entry.last.result.outcome for entry in self._ledger.entries.values() if entry.last is not None]
        return bool(last) and all(outcome is Outcome.UNKNOWN for outcome in last)

    def restore(self, keys: Iterable[str], severities: Callable[[str], str]) -> None:
        """Continue the alerts that were announced before; `severities` returns the severity last announced of a key."""
        for key in keys:
            kind, _, rest = key.partition(":")
            subject, _, last = rest.rpartition(":")
            if kind in (BURN, CERTIFICATE, BLIND) and last.isdecimal():
                product = subject.partition("/")[0].partition(":")[0] if kind != BLIND else ""
                severity = Severity(severities(key))
                self.open[key] = Alert(key, product, severity, int(last) * SECOND, None, key)

    def step(self, now: int) -> Iterator[list[Alert]]:
        """Look at some products, and yield the alerts that ended, piece by piece; then all alerts that are open.

        Let the loop turn between the pieces: the look-backs of one product take about half a millisecond.
        """
        products = list(self._ledger.products.values())
        for product in products[self.turn % SPREAD :: SPREAD]:
            yield list(self._burns(product, now))
        yield [*self._blind(now), *self._left(now)]
        if self.turn % SPREAD == 0:
            yield list(self._certificates(now))
        self.turn += 1
        yield list(self.open.values())

    def _end(self, key: str, now: int) -> Alert:
        return replace(self.open.pop(key), resolved=now)

    def _left(self, now: int) -> Iterator[Alert]:
        """End the alerts of products that left the configuration."""
        gone = [key for key, each in self.open.items() if each.product and each.product not in self._ledger.products]
        yield from (self._end(key, now) for key in gone)

    def _burns(self, product: Product, now: int) -> Iterator[Alert]:
        for state in self._ledger.burn_alerts(product.id, now):
            prefix = f"{BURN}:{product.id}:{state.policy.alert}:"
            key = next((each for each in self.open if each.startswith(prefix)), None)
            if state.firing and key is not None:
                self.open[key] = _burning(self.open[key], product, state)
            elif state.firing and not self._is_reported(product, state.policy, now):
                key, severity = f"{prefix}{now // SECOND}", Severity(state.policy.severity)
                self.open[key] = _burning(Alert(key, product.id, severity, now, None, ""), product, state)
            elif not state.firing and key is not None:
                yield self._end(key, now)

    def _is_reported(self, product: Product, policy: BurnPolicy, now: int) -> bool:
        """Return whether an incident reports the burn: it is open, or ended within the short look-back."""
        last = next(self._outages.recent(product.id, 0), None)
        return last is not None and (last.resolved is None or now < last.resolved + policy.short)

    def _certificates(self, now: int) -> Iterator[Alert]:
        notice = self._ledger.portfolio.alerting.certificate_notice
        for entry in self._ledger.entries.values():
            expiry = _expiry(entry)
            if expiry is None:
                continue
            key = f"{CERTIFICATE}:{entry.key}:{expiry // SECOND}"
            yield from (self._end(each, now) for each in self._of_certificate(entry) if each != key)
            if expiry - now < notice:
                held = self.open.get(key)
                self.open[key] = _certificate(key, entry, expiry, now, held.opened if held is not None else now)
            elif key in self.open:
                yield self._end(key, now)

    def _of_certificate(self, entry: CheckEntry) -> list[str]:
        return [key for key in self.open if key.startswith(f"{CERTIFICATE}:{entry.key}:")]

    def _blind(self, now: int) -> Iterator[Alert]:
        """Alert when no check had a known outcome for a while: an outage would not be seen."""
        last = [entry.last.result.outcome for entry in self._ledger.entries.values() if entry.last is not None]
        if not last:
            return
        held = next((key for key in self.open if key.startswith(f"{BLIND}:")), None)
        if any(outcome is not Outcome.UNKNOWN for outcome in last):
            self._blind_since = None
            if held is not None:
                yield self._end(held, now)
            return
        if self._blind_since is None:
            self._blind_since = now
        if held is None and now - self._blind_since >= BLIND_AFTER:
            key = f"{BLIND}:local:{self._blind_since // SECOND}"
            self.open[key] = Alert(key, "", Severity.PAGE, self._blind_since, None, _UNSEEN)


def _burning(alert: Alert, product: Product, state: BurnAlert) -> Alert:
    """Return the alert with the burn as it is now."""
    policy = state.policy
    note = (
        f"{float(100 * policy.fraction):g} % of the budget of {format_duration(product.window)} or more was spent in"
        f" the last {format_duration(policy.long)}, and the burn continues."
    )
    summary = f"{product.name} spends its downtime budget {float(state.burn):.3g} times too fast"
    return replace(alert, summary=summary, notes=(note,))


def _expiry(entry: CheckEntry) -> int | None:
    """Return when the certificate that the last probe met expires, None where it met none."""
    seen = None if entry.last is None else entry.last.result.certificate_expiry
    return None if seen is None else int(seen) * SECOND


def _certificate(key: str, entry: CheckEntry, expiry: int, now: int, opened: int) -> Alert:
    left = expiry - now
    when = f"expires in {left // DAY} days" if left >= 2 * DAY else f"expires in {format_duration(max(left, 0))}"
    if left <= 0:
        when = "has expired"
    return Alert(
        key,
        entry.product.id,
        Severity.TICKET,
        opened,
        None,
        f"The certificate of {entry.product.name} ({entry.check.id}) {when}",
        checks=(entry.check.id,),
        notes=(f"Valid until {format_instant(expiry)}, seen at {entry.check.target}.",),
    )
