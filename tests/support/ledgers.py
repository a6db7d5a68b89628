"""Ledgers with a realistic history, without probes and without a record on disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from monitor.config.model import CheckBase, Portfolio
from monitor.ledger.ledger import Ledger
from monitor.probe_result import Observed, ProbeResult
from sla.incident import Incident
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Observation, Outcome, Run
from tests.support.clocks import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.ledger.check_entry import CheckEntry

NOW = EPOCH  # the start of the manual clock
GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


class FakeCheck(CheckBase):
    """A check without probes. Tests set its results."""

    kind: ClassVar[str] = "http"
    http: str = "https://example.test/health"


def product(product_id: str, checks: int = 1, objective: str = "99.9%", **fields: object) -> dict[str, object]:
    """Return a product as in a configuration."""
    checks_of_product = tuple(
        FakeCheck(id=f"check-{n}" if n else "health", interval="1m", timeout="10s") for n in range(checks)
    )
    return {"id": product_id, "objective": objective, "checks": checks_of_product, **fields}


def ledger_of(*products: dict[str, object], **fields: object) -> Ledger:
    """Return a ledger without history."""
    return Ledger(Portfolio.model_validate({"products": products, **fields}))


def run(key: str, outcome: Outcome, first: int, last: int, reason: str = "", *, seeded: bool = False) -> Run:
    """Return a run of one observation per minute."""
    count = (last - first) // MINUTE + 1
    return Run(
        key, outcome, reason, first, first + (count - 1) * MINUTE, count, 2 * MINUTE + 10 * SECOND, seeded=seeded
    )


def history(
    key: str, start: int, end: int, outages: Iterable[tuple[int, int, str]], *, seeded: bool = False
) -> Iterable[Run]:
    """Yield runs from start to end: good, except for the outages `(first, last, reason)` in order."""
    at = start
    for first, last, reason in outages:
        yield run(key, GOOD, at, first - MINUTE, seeded=seeded)
        yield run(key, BAD, first, last, reason, seeded=seeded)
        at = last + MINUTE
    yield run(key, GOOD, at, end, seeded=seeded)


def observe(ledger: Ledger, entry: CheckEntry, at: int, result: ProbeResult, duration: float = 0.0421) -> None:
    """Record a result in the ledger, as the engine's recorder does: checks of sites have no incidents."""
    observation = Observation(entry.key, at, result.outcome, result.reason, int(duration * SECOND))
    entry.observe(observation)
    entry.count(Observed(observation, result, duration))
    if (change := entry.step(observation)) is not None:
        ledger.apply(change)


PHASES = {"resolve": 0.0011, "connect": 0.0032, "tls": 0.0187, "first_byte": 0.0174, "transfer": 0.0008}
GOOD_RESULT = ProbeResult(GOOD, status=200, phases=PHASES, certificate_expiry=1_800_000_000.0)
BAD_RESULT = ProbeResult(BAD, "http_status", 503, {"connect": 0.003, "first_byte": 0.4}, "503 Service Unavailable")


def large_ledger(products: int, checks: int, now: int = NOW) -> Ledger:
    """Return a ledger of products x checks, each with a month of history, one outage and a current observation."""
    ledger = ledger_of(*(product(f"product-{n:04}", checks) for n in range(products)))
    runs: list[Run] = []
    for index, key in enumerate(ledger.entries):
        outage = now - 20 * DAY + index % 997 * 17 * MINUTE
        runs.extend(history(key, now - 31 * DAY, now - HOUR, [(outage, outage + 5 * MINUTE, "deadline")]))
    ledger.restore(runs, [], [])
    probe_all(ledger, ledger.entries.values(), now - 59 * MINUTE, now - 30 * SECOND)
    return ledger


def resolved_incidents(key: str, outages: Iterable[tuple[int, int, str]]) -> list[Incident]:
    """Return the resolved incidents of the outages `(first, last, reason)`."""
    opened = [Incident.open(key.partition("/")[0], key, first, reason) for first, _, reason in outages]
    ends = [last + MINUTE for _, last, _ in outages]
    return [replace(i, resolved=end, downtime=end - i.opened) for i, end in zip(opened, ends, strict=True)]


def probe_all(
    ledger: Ledger, entries: Iterable[CheckEntry], first: int, last: int, result: ProbeResult = GOOD_RESULT
) -> None:
    """Record the result once per minute from first to last."""
    for entry in entries:
        for at in range(first, last + 1, MINUTE):
            observe(ledger, entry, at, result)
