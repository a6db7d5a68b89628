"""Random histories of a daemon: observations, loads of changing configurations, corrections, restarts, kills.

`History` creates the same history twice: in a ledger with its record, as the daemon does, and as a `World` of the
oracle.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from monitor.as_of import ledger_at
from monitor.config.model import Portfolio
from monitor.engine.recorder import restore
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.facts.planned_maintenance import added_plans
from monitor.ledger.ledger import Ledger
from monitor.ledger.renamed_checks import added_renamings
from monitor.probe_result import DEGRADED_REASONS
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.correction import Correction, Revocation
from sla.interval import SECOND, Interval
from sla.observation import Observation, Outcome
from sla.window import format_instant
from tests.property.era_oracle import Load, Member, World
from tests.support.ledgers import NOW, FakeCheck

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

STEP: Final = 30 * SECOND
CHECKS: Final = ("a", "b", "c")
OBJECTIVES: Final = ("99%", "99.9%", "90%")
GOOD_REASONS: Final = ("", "", "", "", "", "slow", "degraded", "certificate_expiring")


@dataclass
class Check:
    """A configured check: its id, the identity of its record, and the former ids that it continues."""

    id: str
    identity: str
    every: int = 2  # steps between two probes
    timeout: int = 5
    hold: int | None = None  # steps
    was: list[str] = field(default_factory=list)

    def written(self) -> FakeCheck:
        hold = {} if self.hold is None else {"hold": f"{self.hold * STEP // SECOND}s"}
        times = {"interval": f"{self.every * STEP // SECOND}s", "timeout": f"{self.timeout}s"}
        return FakeCheck.model_validate(
            {"id": self.id, "was": self.was, "http": "https://example.test/"} | times | hold
            if self.was
            else {"id": self.id, "http": "https://example.test/"} | times | hold
        )

    @property
    def held(self) -> int:
        return self.written().effective_hold


@dataclass
class Product:
    """A configured product."""

    id: str
    identity: str
    checks: list[Check]
    rule: str = "all"
    objective: str = "99%"
    excludes: tuple[str, ...] = ("maintenance", "corrections")
    maintenance: list[tuple[int, int]] = field(default_factory=list)
    was: list[str] = field(default_factory=list)
    degraded: bool = False  # whether the agreement counts degraded time

    @property
    def k(self) -> int:
        n = len(self.checks)
        return n if self.rule == "all" else 1 if self.rule == "any" else min(n, 2)

    def written(self, names: dict[str, str]) -> dict[str, Any]:
        rule = self.rule if self.rule in ("all", "any") else f"at_least {self.k}"
        excludes = [
            exclude if exclude in ("maintenance", "corrections") else {"dependency": names[exclude]}
            for exclude in self.excludes
        ]
        actual = {
            "id": self.id,
            "objective": self.objective,
            "rule": rule,
            "checks": tuple(check.written() for check in self.checks),
            "agreement": {"excludes": excludes} | ({"degraded": "counts"} if self.degraded else {}),
            "maintenance": _blocks(self.maintenance),
        }
        return actual | ({"was": self.was} if self.was else {})


def _blocks(spans: list[tuple[int, int]]) -> list[dict[str, str]]:
    return [{"start": format_instant(a), "end": format_instant(b), "reason": "work"} for a, b in spans]


def _meaning(load: Load) -> Any:
    members = sorted((member.check, member.hold) for member in load.members)
    return load.k, members, load.objective, sorted(load.excludes), load.degraded


class History:
    """The history of one daemon, in steps of half a minute."""

    def __init__(self, random: Random, record: Path) -> None:
        self.random, self.record, self.now = random, record, NOW - SECOND
        self.world, self.did = World(), [""]
        self.identities = 0
        self.retired: set[tuple[str, str]] = set()  # former ids: a reused id would be ambiguous
        self._records: dict[tuple[str, str], str] = {}
        self.products = [Product("p", "p", [self._new("a"), self._new("b")]), Product("q", "q", [self._new("a")])]
        self.gone: list[Product] = []
        self.for_all: list[tuple[int, int]] = []
        self.corrections: list[tuple[Correction, list[Any]]] = []
        self.store = SqliteStore(record, self.now)
        self.ledger = Ledger(self.portfolio())
        self._define()
        self.now = NOW

    def _new(self, name: str) -> Check:
        self.identities += 1
        return Check(name, f"{name}-{self.identities}")

    def portfolio(self) -> Portfolio:
        names = {product.identity: product.id for product in self.products}
        products = [product.written(names) for product in self.products]
        return Portfolio.model_validate(
            {"products": products, "maintenance": _blocks(self.for_all), "time_zone": "UTC"}
        )

    def close(self) -> None:
        self.store.close()

    def step(self) -> None:
        """Run the present event, probe the due checks, and advance by half a minute."""
        event = self.random.choices(
            (self._load, self._correct, self._restart, self._kill, self._prune, lambda: None), (8, 3, 1, 2, 1, 20)
        )[0]
        event()
        for product in self.products:
            for check in product.checks:
                self._probe(product, check)
        self.now += STEP

    def _probe(self, product: Product, check: Check) -> None:
        at = self.now + int(check.identity.rpartition("-")[2]) % 4 * 7 * SECOND
        if (at - NOW) // STEP % check.every or self.random.random() < 0.12:
            return
        self._observe(product, check, at)
        for number in range(self.random.choice((0, 0, 0, 1, 2))):
            self._observe(product, check, at + (number + 1) * SECOND, recheck=True)

    def _observe(self, product: Product, check: Check, at: int, *, recheck: bool = False) -> None:
        outcome = self.random.choices(("good", "bad", "unknown"), (6, 3, 1))[0]
        entry = self.ledger.entries[f"{product.id}/{check.id}"]
        reason = self.random.choice(GOOD_REASONS) if outcome == "good" else "x"
        observation = Observation(entry.key, at, Outcome(outcome), reason, recheck=recheck)
        runs = entry.observe(observation)
        self.store.write(Batch(observations=[observation], runs=runs))
        self.world.observed.setdefault(check.identity, []).append((at, outcome, check.held))
        if reason in DEGRADED_REASONS:
            self.world.degraded.setdefault(check.identity, set()).add(at)
        if recheck:
            self.world.rechecks.setdefault(check.identity, set()).add(at)

    # Events

    def _load(self) -> None:
        self._note_keys()
        for _ in range(self.random.randint(1, 2)):
            self.random.choice(
                (self._change_checks, self._change_check, self._change_product, self._plan, self._leave, self._rename)
            )()
        names = {product.identity for product in self.products}
        for product in self.products:
            product.excludes = tuple(e for e in product.excludes if e in names or e in ("maintenance", "corrections"))
        self.did.append(f"{(self.now - NOW) // STEP}: load {self.products} {self.for_all}")
        self.ledger.reload(self.portfolio())
        self._define()

    def _change_checks(self) -> None:
        product = self.random.choice(self.products)
        used = {name for check in product.checks for name in (check.id, *check.was)}
        free = [name for name in CHECKS if name not in used and (product.identity, name) not in self.retired]
        if free and self.random.random() < 0.5:
            product.checks.append(self._again(product, self.random.choice(free)))
        elif len(product.checks) > 1:
            product.checks.remove(self.random.choice(product.checks))
        self.random.shuffle(product.checks)

    def _again(self, product: Product, name: str) -> Check:
        """Return a check that continues the record of its key, if there is one."""
        key = (product.identity, name)
        if key not in self._records:
            self._records[key] = self._new(name).identity
        return Check(name, self._records[key])

    def _note_keys(self) -> None:
        """Store the record of each configured key. A key that was added and removed within one load has no record."""
        for product in (*self.products, *self.gone):
            for check in product.checks:
                for name in (check.id, *check.was):
                    self._records[product.identity, name] = check.identity

    def _change_check(self) -> None:
        check = self.random.choice(self.random.choice(self.products).checks)
        check.every = self.random.choice((1, 2, 4))
        check.timeout = self.random.choice((5, 9))
        check.hold = self.random.choice((None, 2 * check.every + 1))  # another interval changes the hold

    def _change_product(self) -> None:
        product = self.random.choice(self.products)
        product.rule = self.random.choice(("all", "any", "2"))
        product.objective = self.random.choice(OBJECTIVES)
        product.degraded = self.random.random() < 0.5
        others = [
            other.identity for other in self.products if other is not product and product.identity not in other.excludes
        ]
        product.excludes = tuple(
            exclude for exclude in ("maintenance", "corrections", *others) if self.random.random() < 0.6
        )

    def _plan(self) -> None:
        spans = self.random.choice([self.for_all, *(product.maintenance for product in self.products)])
        if spans and self.random.random() < 0.5:
            spans.remove(self.random.choice(spans))
        else:
            start = self.now + self.random.randint(-8, 8) * STEP + self.random.choice((0, 11)) * SECOND
            spans.append((start, start + self.random.randint(1, 9) * STEP))

    def _leave(self) -> None:
        if self.gone and self.random.random() < 0.6:
            self.products.append(self.gone.pop())
        elif len(self.products) > 1:
            self.gone.append(self.products.pop(self.random.randrange(len(self.products))))

    def _rename(self) -> None:
        product = self.random.choice(self.products)
        if self.random.random() < 0.5:
            check = self.random.choice(product.checks)
            used = {name for check in product.checks for name in (check.id, *check.was)}
            name = next(
                n
                for n in (*CHECKS, "d", "e", "f", "g", "h", "i", "j")
                if n not in used and (product.identity, n) not in self._records
            )
            self.retired.add((product.identity, check.id))
            check.was, check.id = [*check.was, check.id], name
        elif len(product.was) < 2:
            product.was, product.id = [*product.was, product.id], f"{product.identity}{len(product.was) + 2}"

    def _define(self) -> None:
        def began(name: str) -> int | None:
            return min(
                (
                    at
                    for entry in self.ledger.entries_of(name)
                    if (at := entry.timeline.first_observation_at) is not None
                ),
                default=None,
            )

        facts = self.ledger.facts
        definitions = list(
            added_definitions(self.ledger.portfolio, self.ledger.definitions, began, facts.products, self.now)
        )
        plans = list(added_plans(self.ledger.portfolio, facts, began, self.now))
        renamings = added_renamings(self.ledger.portfolio, facts, self.now)
        self._state(
            [
                *renamings,
                *(statement.fact("test") for statement in definitions),
                *(statement.fact("test") for statement in plans),
            ]
        )
        present = {product.identity: product for product in self.products}
        for name in {*present, *self.world.loads}:
            self._load_of(name, present.get(name))
            spans = present[name].maintenance if name in present else []
            self.world.plans.setdefault(name, []).append((self.now, list(spans)))
        self.world.plans.setdefault("", []).append((self.now, list(self.for_all)))

    def _load_of(self, name: str, product: Product | None) -> None:
        """Add a load to the world if it changes the product's meaning; the order of its members is no part of the
        meaning.
        """
        loads, actual = self.world.loads.setdefault(name, []), self._terms(name, product)
        if not loads or _meaning(loads[-1]) != _meaning(actual):
            loads.append(actual)

    def _terms(self, name: str, product: Product | None) -> Load:
        if product is None:
            return replace(self.world.loads[name][-1], made=self.now, members=[])
        members = [Member(check.identity, check.held) for check in product.checks]
        goal = Fraction(product.objective.rstrip("%")) / 100
        return Load(self.now, product.k, members, goal, product.excludes, product.degraded)

    def _state(self, facts: list[Any]) -> None:
        if facts:
            self.store.write(Batch(facts=facts))
            self.ledger.facts = Facts(self.ledger.facts.all, facts, former_ids=self.ledger.former_ids)

    def _correct(self) -> None:
        open_corrections = [correction for correction in self.corrections if correction[1][3] is None]
        if open_corrections and self.random.random() < 0.3:
            correction, correction_row = self.random.choice(open_corrections)
            correction_row[3] = self.now
            self._state([Revocation(correction.id, "Ana", "no", self.now).fact()])
            return
        product = self.random.choice(self.products)
        end = self.now - self.random.randint(0, 20) * STEP
        span = Interval(end - self.random.randint(1, 9) * STEP, end)
        correction = Correction(product.id, span, "Ana", "locked", self.now)
        correction_row = [self.now, span.start, span.end, None]
        if all(known.id != correction.id for known, _ in self.corrections):
            self.corrections.append((correction, correction_row))
            self.world.corrections.setdefault(product.identity, []).append(correction_row)
            self._state([correction.fact()])

    def _restart(self) -> None:
        """Stop cleanly, which writes the growing runs; then the next process reads the record."""
        self.did.append(f"{(self.now - NOW) // STEP}: restart")
        self._fold()
        self._begin()

    def _kill(self) -> None:
        self.did.append(f"{(self.now - NOW) // STEP}: kill")
        self._begin()

    def _prune(self) -> None:
        self._fold()
        self.store.prune(self.now - 12 * STEP)

    def _fold(self) -> None:
        self.store.write(Batch(runs=[run for history in self.ledger.all_histories() for run in history.open_runs()]))

    def _begin(self) -> None:
        self.store.close()
        self.store = SqliteStore(self.record, self.now)
        self.ledger = Ledger(self.portfolio())
        self.ledger.facts = Facts(self.store.load_facts(), former_ids=self.ledger.former_ids)
        self.store.write(Batch(runs=list(restore(self.ledger, self.store))))
        self._define()

    # Queries

    def ledgers(self, at: int, product: Product) -> dict[str, Ledger]:
        """Return the ledgers that answer for an instant: the ledger in memory, and those that are read from the
        record.
        """
        actual = {
            "record": ledger_at(self.portfolio(), self.record, at),
            "product": ledger_at(self.portfolio(), self.record, at, product.id),
        }
        return actual | ({"memory": self.ledger} if at >= self.now else {})
