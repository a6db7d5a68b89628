"""Alerts without an incident: burning budgets, expiring certificates, sites, drills, vantages, and a blind monitor.

Each condition is computed from the record or the last probes. Its alert opens when the condition is first detected and
resolves when the condition ends. While the condition is unknown, the alert stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerting.alert import Alert
from monitor.alerting.drill_conditions import DRILL, DrillConditions
from monitor.alerting.latency_conditions import LATENCY, resolved_latency_alerts
from monitor.alerting.site_conditions import SITES, resolved_site_alerts
from monitor.alerting.vantage_conditions import QUORUM, SILENT_VANTAGE, resolved_vantage_alerts
from monitor.delivery_status import Deliveries
from monitor.probe_result import VANTAGE
from sla.duration import format_duration
from sla.interval import DAY, MINUTE, SECOND
from sla.observation import Outcome
from sla.product_incident import Severity
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.alerting.product_incidents import ProductIncidents
    from monitor.config.model import Product
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from monitor.vantage_status import VantageStatus
    from sla.alerting import BurnAlert, BurnPolicy

BURN, CERTIFICATE, BLIND = "burn", "cert", "blind"
UPDATES_PER_ROUND: Final = 30  # updates to check all products once; the shortest burn-rate window is 5 minutes
BLIND_AFTER: Final = 2 * MINUTE  # without a known outcome
VANTAGE_BLIND_AFTER: Final = 30 * SECOND  # of failed references to open the alert, and of working ones to resolve it
_OF_PRODUCTS: Final = (BURN, LATENCY, CERTIFICATE, SITES, DRILL)
_OF_MONITOR: Final = (BLIND, SILENT_VANTAGE, QUORUM)
_BLIND_SUMMARY: Final = "No check had a known outcome for a while: an outage would not be seen"

_BLIND_NOTE: Final = "Failed probes are recorded as unknown: they open no incident and spend no budget."


class Conditions:
    """The open alerts by key. Not thread-safe: use it on the event loop's thread only.

    `vantages` and `deliveries` return the current statuses of this vantage and of the others.
    """

    def __init__(
        self,
        ledger: Ledger,
        product_incidents: ProductIncidents,
        vantages: Callable[[], Sequence[VantageStatus]] = tuple,
        deliveries: Callable[[], Deliveries] = Deliveries,
    ) -> None:
        self._ledger, self._product_incidents = ledger, product_incidents
        self._vantages, self._deliveries = vantages, deliveries
        self.open: dict[str, Alert] = {}
        self.update_count = 0
        self._blind_since: int | None = None
        self._drills = DrillConditions(ledger)

    @property
    def needs_updates(self) -> bool:
        """Whether each update may change an alert: a condition is open, or no check has a known outcome."""
        blind = any(status.blind for status in self._vantages())
        blind = blind or bool(self._deliveries().vantages)
        return bool(self.open) or self._blind_since is not None or blind or self._is_blind()

    def skip(self, count: int) -> None:
        """Count skipped updates."""
        self.update_count += count

    def _is_blind(self) -> bool:
        outcomes = self._last_outcomes()
        return bool(outcomes) and all(outcome is Outcome.UNKNOWN for outcome in outcomes)

    def _last_outcomes(self) -> list[Outcome]:
        return [entry.last.result.outcome for entry in self._ledger.entries.values() if entry.last is not None]

    def restore(self, keys: Iterable[str], severity_of: Callable[[str], str]) -> None:
        """Restore the alerts of an earlier process; `severity_of` returns the last announced severity of a key."""
        for key in keys:
            kind, _, rest = key.partition(":")
            subject, _, seconds = rest.rpartition(":")
            if kind in (*_OF_PRODUCTS, *_OF_MONITOR) and seconds.isdecimal():
                product = subject.partition("/")[0].partition(":")[0] if kind in _OF_PRODUCTS else ""
                severity = Severity(severity_of(key))
                self.open[key] = Alert(key, product, severity, int(seconds) * SECOND, None, key)

    def step(self, now: int) -> Iterator[list[Alert]]:
        """Check some of the products; yield the resolved alerts in batches, then all open alerts.

        The caller yields to the event loop between batches: one product takes about 0.5 ms.
        """
        products = list(self._ledger.products.values())
        for product in products[self.update_count % UPDATES_PER_ROUND :: UPDATES_PER_ROUND]:
            yield list(self._update_burn_alerts(product, now))
            yield list(resolved_latency_alerts(self._ledger, product, self.open, now))
        sites, drills = resolved_site_alerts(self._ledger, self.open, now), self._drills.update(self.open, now)
        vantages = resolved_vantage_alerts(self._ledger, self._deliveries(), self.open, now)
        yield [*self._update_blind_alert(now), *self._removed_products(now), *sites, *drills, *vantages]
        if self.update_count % UPDATES_PER_ROUND == 0:
            yield list(self._update_certificate_alerts(now))
        self.update_count += 1
        yield list(self.open.values())

    def _resolve(self, key: str, now: int) -> Alert:
        return replace(self.open.pop(key), resolved=now)

    def _removed_products(self, now: int) -> Iterator[Alert]:
        """Resolve the alerts of products that were removed from the configuration."""
        products = self._ledger.products
        removed = [key for key, alert in self.open.items() if alert.product and alert.product not in products]
        yield from (self._resolve(key, now) for key in removed)

    def _update_burn_alerts(self, product: Product, now: int) -> Iterator[Alert]:
        for state in self._ledger.burn_alerts(product.id, now):
            prefix = f"{BURN}:{product.id}:{state.policy.alert}:"
            key = next((key for key in self.open if key.startswith(prefix)), None)
            if state.firing and key is not None:
                self.open[key] = _with_burn_rate(self.open[key], product, state)
            elif state.firing and not self._is_reported(product, state.policy, now):
                key, severity = f"{prefix}{now // SECOND}", Severity(state.policy.severity)
                self.open[key] = _with_burn_rate(Alert(key, product.id, severity, now, None, ""), product, state)
            elif not state.firing and key is not None:
                yield self._resolve(key, now)

    def _is_reported(self, product: Product, policy: BurnPolicy, now: int) -> bool:
        """Return whether an incident covers the burn: it is open, or ended within the policy's short window."""
        last = next(self._product_incidents.recent(product.id, 0), None)
        return last is not None and (last.resolved is None or now < last.resolved + policy.short)

    def _update_certificate_alerts(self, now: int) -> Iterator[Alert]:
        notice = self._ledger.portfolio.alerting.certificate_notice
        for entry in self._ledger.entries.values():
            expiry = _expiry(entry)
            if expiry is None:
                continue
            key = f"{CERTIFICATE}:{entry.key}:{expiry // SECOND}"
            yield from (self._resolve(other, now) for other in self._certificate_keys(entry) if other != key)
            if expiry - now < notice:
                alert = self.open.get(key)
                self.open[key] = _certificate(key, entry, expiry, now, alert.opened if alert is not None else now)
            elif key in self.open:
                yield self._resolve(key, now)

    def _certificate_keys(self, entry: CheckEntry) -> list[str]:
        return [key for key in self.open if key.startswith(f"{CERTIFICATE}:{entry.key}:")]

    def _update_blind_alert(self, now: int) -> Iterator[Alert]:
        """Open one alert while this vantage cannot observe; yield it when it is resolved.

        It cannot observe if its references fail for `VANTAGE_BLIND_AFTER`, or if no check had a known outcome for
        `BLIND_AFTER`.
        """
        statuses = [status.blind_before(now - VANTAGE_BLIND_AFTER) for status in self._vantages()]
        blind = [status for status in statuses if status.blind]
        open_key = next((key for key in self.open if key.startswith(f"{BLIND}:")), None)
        unknown_since = self._unknown_since(now)
        unknown = [unknown_since] if unknown_since is not None and now - unknown_since >= BLIND_AFTER else []
        if open_key is not None:
            if blind:
                self.open[open_key] = _with_blind_status(self.open[open_key], blind)
            elif self._observes(now):
                yield self._resolve(open_key, now)
        elif starts := [status.blind_from(family) for status in blind for family in status.blind] + unknown:
            key = f"{BLIND}:{blind[0].id if blind else VANTAGE}:{min(starts) // SECOND}"
            alert = Alert(key, "", Severity.PAGE if unknown else Severity.TICKET, min(starts), None, _BLIND_SUMMARY)
            self.open[key] = _with_blind_status(alert, blind) if blind else alert

    def _unknown_since(self, now: int) -> int | None:
        """Return the instant since which no check has a known outcome. None if one has, or none was probed yet."""
        outcomes = self._last_outcomes()
        if any(outcome is not Outcome.UNKNOWN for outcome in outcomes):
            self._blind_since = None
        elif outcomes and self._blind_since is None:
            self._blind_since = now
        return self._blind_since

    def _observes(self, now: int) -> bool:
        """Return whether a check has a known outcome and no vantage was blind for `VANTAGE_BLIND_AFTER`."""
        vantages_observe = all(
            not status.blind and now - status.since >= VANTAGE_BLIND_AFTER for status in self._vantages()
        )
        return vantages_observe and bool(self._last_outcomes()) and self._blind_since is None


def _with_blind_status(alert: Alert, blind: Sequence[VantageStatus]) -> Alert:
    """Return the alert with the current statuses. It becomes a page when neither IPv4 nor IPv6 of the uplink works."""
    severity = Severity.PAGE if any(status.fully_blind and status.via is None for status in blind) else alert.severity
    summary = f"This monitor is blind: {'; '.join(status.summary for status in blind)}"
    located = [f"{status.id}: {status.location}." for status in blind if status.location]
    return replace(alert, severity=severity, summary=summary, notes=(*located, _BLIND_NOTE))


def _with_burn_rate(alert: Alert, product: Product, state: BurnAlert) -> Alert:
    """Return the alert with the current burn rate."""
    policy, period = state.policy, format_duration(product.window.length)
    note = (
        f"{float(100 * policy.fraction):g} % of the budget of {period} or more was spent in"
        f" the last {format_duration(policy.long)}, and the burn continues."
    )
    summary = f"{product.name} spends its downtime budget {float(state.burn):.3g} times too fast"
    return replace(alert, summary=summary, notes=(note,))


def _expiry(entry: CheckEntry) -> int | None:
    """Return when the certificate of the last probe expires; None without a certificate."""
    seconds = None if entry.last is None else entry.last.result.certificate_expiry
    return None if seconds is None else int(seconds) * SECOND


def _certificate(key: str, entry: CheckEntry, expiry: int, now: int, opened: int) -> Alert:
    remaining = expiry - now
    days = f"{remaining // DAY} days" if remaining >= 2 * DAY else format_duration(max(remaining, 0))
    state = f"expires in {days}" if remaining > 0 else "has expired"
    return Alert(
        key,
        entry.product.id,
        Severity.TICKET,
        opened,
        None,
        f"The certificate of {entry.product.name} ({entry.check.id}) {state}",
        checks=(entry.check.id,),
        notes=(f"Valid until {format_instant(expiry)}, seen at {entry.check.target}.",),
    )
