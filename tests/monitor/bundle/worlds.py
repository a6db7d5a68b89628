"""Records with a random past: outages, gaps, changed configurations, corrections, pauses; and bundles of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from monitor.bundle.archive import pack, unpack
from monitor.bundle.manifest import DIGEST_NAME, NAME, with_manifest
from monitor.bundle.writing import Source, bundle_of, report_entry
from monitor.config.model import Portfolio
from monitor.facts.definitions import added_definitions
from monitor.facts.planned_maintenance import added_plans
from monitor.ledger.ledger import Ledger
from monitor.reporting.report import portfolio_report
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.chain import closed_day
from sla.correction import Correction, Revocation
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.maintenance_window import MaintenanceWindow, maintenance_approval
from sla.observation import Observation, Outcome
from sla.pause import Pause, pause_end, pauses
from sla.window import parse_instant, parse_window
from tests.support.ledgers import FakeCheck

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from monitor.storage.chain import ClosedDay
    from sla.fact import Fact

START = parse_instant("2026-10-30T20:00:00Z")  # clocks of Vancouver are set back on 1 November in older databases
REASON = {Outcome.BAD: "http_status", Outcome.UNKNOWN: "network"}


@dataclass
class World:
    """A record on disk, the portfolio that was loaded last, and the instant at which the record ends."""

    path: Path
    portfolio: Portfolio
    end: int
    facts: list[Fact]


def load_portfolio(random: Random, path: Path) -> Portfolio:
    """Return a portfolio of three products; any detail may differ from the last one's."""
    agreements: list[dict[str, Any]] = [
        {},
        {"service_hours": "Mon-Fri 07:00-18:00", "holidays": "BC"},
        {"service_hours": "Sat-Sun 22:00-02:00", "zone": "Europe/Vienna", "longest_outage": "30m"},
        {"excludes": ["corrections", {"dependency": "base"}], "total_outage": {"limit": "1h", "per": "2d"}},
        {"degraded": "counts", "longest_outage": "30m"},
        {"maintenance": {"notice": "12h", "at_most": "2h per month"}},
    ]
    rrule = "FREQ=DAILY;BYHOUR=3"
    planned = {"start": "2026-10-30T03:00", "end": "2026-10-30T04:30", "rrule": rrule, "reason": "patching"}
    products = []
    for name in ("base", "web", "other"):
        names = random.sample(["a", "b", "c"], random.randint(1, 3))
        products.append(
            {
                "id": name,
                "objective": random.choice(["99%", "99.9%", "two nines"]),
                "window": "month" if name == "other" else "30d",
                "rule": random.choice(["all", "any"]),
                "depends_on": ["base"] if name == "web" else [],
                "agreement": random.choice(agreements) if name != "base" else {},
                "maintenance": [planned] if random.random() < 0.5 else [],
                "clients": [{"name": "forms", "risk": "low", "since": "2026-10-31"}] if name == "web" else [],
                "value_per_hour": {"amount": 12.5, "basis": "assumed"} if random.random() < 0.3 else None,
                "checks": tuple(
                    FakeCheck(id=name, interval=random.choice(["10m", "20m"]), timeout="10s") for name in sorted(names)
                ),
            }
        )
    return Portfolio.model_validate({"products": products, "store": str(path), "time_zone": "America/Vancouver"})


def world(seed: int, folder: Path, *, days: float = 2.5, closed: bool = False) -> World:
    """Write a record of some days with occasional reloads, and with the heads of its days if `closed` is true."""
    random, path = Random(seed), folder / f"record-{seed}.db"  # noqa: S311 - reproducible
    end = START + round(days * DAY)
    store = SqliteStore(path, end)
    ledger = Ledger(load_portfolio(random, path))
    at, outcomes = START, dict.fromkeys(ledger.entries, Outcome.GOOD)
    facts: list[Fact] = []
    _define(ledger, at)
    while at < end:
        if random.random() < 0.03:
            ledger.reload(load_portfolio(random, path))
            _define(ledger, at)
        for entry in list(ledger.entries.values()):
            if random.random() < 0.15:
                outcomes[entry.key] = random.choice([*Outcome, Outcome.GOOD, Outcome.GOOD])
            if random.random() < 0.95:
                outcome = outcomes.get(entry.key, Outcome.GOOD)
                moment = at + random.randint(0, 5) * 1_000_003
                reason = random.choice(["", "", "slow"]) if outcome is Outcome.GOOD else REASON[outcome]
                observation = Observation(entry.key, moment, outcome, reason, random.choice([None, 1234]))
                if entry.timeline.last_at is None or entry.timeline.last_at < observation.at:
                    store.write(
                        Batch(observations=[observation], runs=[*entry.observe(observation), *entry.open_runs()])
                    )
                    if (change := entry.tracker.step(observation)) is not None:
                        store.write(Batch(incidents=[ledger.apply(change)]))
        if random.random() < 0.02:
            facts += _stated_facts(random, at, [fact for fact in facts if fact.kind == "correction"])
            facts += _pauses(Random(at), at, pauses(facts))  # noqa: S311 - reproducible
            facts += _windows(Random(at), at)  # noqa: S311 - reproducible
        store.write(Batch(facts=[*ledger.facts.all, *facts]))
        if closed and at // DAY != (at - 10 * MINUTE) // DAY:
            close_day(store, path, at)
        at += 10 * MINUTE
    store.close()
    return World(path, ledger.portfolio, end, [*ledger.facts.all, *facts])


def close_day(store: SqliteStore, path: Path, now: int) -> ClosedDay | None:
    """Write and return the head of the last complete day, if it is due."""
    with reading(path, trusted=True) as record:
        actual = record.next_head(closed_day(now), now)
    if actual is not None:
        store.write(Batch(heads=[actual]))
    return actual


def _define(ledger: Ledger, now: int) -> None:
    def began(name: str) -> int | None:
        actual = (entry.timeline.first_observation_at for entry in ledger.entries_of(name))
        return min((at for at in actual if at is not None), default=None)

    plans = added_plans(ledger.portfolio, ledger.facts, began, now)
    ledger.facts = type(ledger.facts)(
        ledger.facts.all, [plan.fact("test") for plan in plans], former_ids=ledger.former_ids
    )
    added = added_definitions(ledger.portfolio, ledger.definitions, began, ledger.facts.products, now)
    ledger.facts = type(ledger.facts)(
        ledger.facts.all, [statement.fact("test") for statement in added], former_ids=ledger.former_ids
    )


def _stated_facts(random: Random, at: int, corrections: list[Fact]) -> list[Fact]:
    if corrections and random.random() < 0.4:
        return [Revocation(random.choice(corrections).id, "Ada", "it was ours", at).fact()]
    span = Interval(at - random.randint(1, 9) * HOUR, at)
    return [Correction(random.choice(["web", "other"]), span, "Ada", "account locked", at).fact()]


def _pauses(random: Random, at: int, stated: list[Pause]) -> list[Fact]:
    """Return a new pause of a check or a product, or the end of an earlier one."""
    if stated and random.random() < 0.4:
        return [pause_end(random.choice(stated), at, "Ada", "moved")]
    product, until = random.choice(["web", "other"]), random.choice([None, at + 2 * HOUR])
    return [Pause(product, random.choice(["", f"{product}/a"]), at, until, "Ada", "move").fact()]


def _windows(random: Random, at: int) -> list[Fact]:
    """Return a new maintenance window, and possibly its approval."""
    start = at + random.randint(0, 20) * HOUR
    window = MaintenanceWindow(random.choice(["", "web"]), Interval(start, start + 2 * HOUR), "Ada", "disk", at)
    return [window.fact(), *([maintenance_approval(window, at + 1, "Ben")] if random.random() < 0.5 else [])]


def write_bundle(actual: World, product: str, window: str = "30d", at: int | None = None) -> bytes:
    """Return the bundle that `ninewatch report` writes."""
    at = actual.end if at is None else at
    source = Source.read(actual.portfolio, at)
    candidates = [candidate for candidate in actual.portfolio.products if product in ("all", candidate.id)]
    report = portfolio_report(
        source.recorded.ledger(actual.portfolio), candidates, parse_window(window, at, actual.portfolio.zone), at
    )
    return bundle_of(report, source, report_entry("report.md", "md", b"a report"))


def forge(content: bytes, name: str, change: Callable[[list[Any]], list[Any]]) -> bytes:
    """Return a bundle with changed lines in a file, and all digests recomputed."""
    files = unpack(content, "bundle")
    manifest = json.loads(files[NAME])
    lines = change([json.loads(line) for line in files[name].splitlines()])
    text = "".join(json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n" for line in lines)
    return pack_with_manifest(manifest, files | {name: text.encode()})


def pack_with_manifest(manifest: dict[str, Any], files: dict[str, bytes]) -> bytes:
    """Return the archive of the files with a matching manifest."""
    about = {key: value for key, value in manifest.items() if key not in ("format", "version", "files")}
    return pack(with_manifest(about, {n: c for n, c in files.items() if n not in (NAME, DIGEST_NAME)}))
