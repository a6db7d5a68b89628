"""Anchor the newest head with each configured anchor, and fetch the heads of the daemons in `witness_for`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from monitor.anchoring.git import GitError, host_of, push
from monitor.anchoring.http import ResponseError, fetch_heads, request
from monitor.anchoring.receipt import Receipt, WitnessedHead, receipts, seen_heads
from monitor.anchoring.timestamp import QUERY, TokenError, proof_of, query, verify_token
from monitor.errors import StoreError
from monitor.network.failure import ProbeFailure, error_text, single_line
from monitor.storage.reader import reading
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.config.anchors import Anchor, Witnessed
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.network.attempt import Attempt
    from sla.chain import Head
    from sla.fact import Fact

    MakeAttempt = Callable[[], Attempt]

log = structlog.get_logger()

CHECK_INTERVAL: Final = 5.0  # seconds between two checks for due anchors
RECHECK_INTERVAL: Final = 60.0  # seconds until the next check of an anchor that has the newest head
# Seconds after the first failure of an anchor; doubles with each further failure
MIN_RETRY_DELAY: Final = 60.0
MAX_RETRY_DELAY: Final = 3_600.0  # seconds
WITNESS_INTERVAL: Final = 300.0  # seconds between two requests to a witness that has not fetched the head yet
FETCH_INTERVAL: Final = 900.0  # seconds between two fetches of the heads of another ninewatch


class NotYetError(Exception):
    """A witness has not fetched the head yet."""


@dataclass(slots=True)
class _State:
    """The next due time of an anchor or source (monotonic seconds), and its number of consecutive failures."""

    due: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class Anchoring:
    """Anchors heads, with one attempt per anchor at a time. `add` records facts."""

    ledger: Ledger
    record: Path
    add: Callable[[Sequence[Fact]], None]
    clock: Clock
    health: Health
    _states: dict[str, _State] = field(default_factory=dict)

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Check for due anchors and sources every few seconds until cancelled."""
        while True:
            await self.clock.sleep_until(self.clock.monotonic() + CHECK_INTERVAL)
            try:
                await self.advance(make_attempt)
            except Exception:  # a defect must not stop the daemon
                log.exception("anchoring_failed")

    async def advance(self, make_attempt: MakeAttempt) -> None:
        """Make an attempt with each anchor and each source that is due."""
        portfolio = self.ledger.portfolio
        due = [anchor for anchor in portfolio.anchors if self._is_due(f"anchor {anchor.id}")]
        sources = [source for source in portfolio.witness_for if self._is_due(f"source {source.id}")]
        heads = await asyncio.to_thread(self._heads) if due else ()
        attempts = [self._anchor(anchor, heads, make_attempt()) for anchor in due if heads]
        await asyncio.gather(*attempts, *(self._fetch(source, make_attempt()) for source in sources))

    def _is_due(self, name: str) -> bool:
        return self._states.setdefault(name, _State()).due <= self.clock.monotonic()

    def _heads(self) -> Sequence[Head]:
        try:
            with reading(self.record, trusted=True) as record:
                return [head for head, _ in record.load_heads()]
        except StoreError as error:
            log.warning("heads_unreadable", error=str(error))
            return ()

    async def _anchor(self, anchor: Anchor, heads: Sequence[Head], attempt: Attempt) -> None:
        """Anchor the newest head, unless the anchor has it."""
        state = self._states[f"anchor {anchor.id}"]
        self.health.anchor_failures.setdefault(anchor.id, 0)
        if (anchored := self._newest_anchored_head(anchor, heads)) is not None:
            self.health.anchored_until[anchor.id] = (anchored.day + 1) * DAY
        if anchored == heads[-1]:
            state.due = self.clock.monotonic() + RECHECK_INTERVAL
            return
        try:
            async with asyncio.timeout(anchor.timeout / SECOND):
                attempt.limit(anchor.timeout / SECOND)
                proof = await _PROOFS[anchor.kind](anchor, heads, attempt)
        except NotYetError:
            state.due = self.clock.monotonic() + WITNESS_INTERVAL
        except Exception as error:  # noqa: BLE001 - any failure is retried
            self.health.anchor_failures[anchor.id] += 1
            self._record_failure(state, "head_not_anchored", anchor.id, error)
        else:
            self._states[f"anchor {anchor.id}"] = _State()
            receipt = Receipt.of(anchor.id, anchor.kind, heads[-1], self.clock.now(), proof)
            self.add([receipt.fact()])
            self.health.anchored_until[anchor.id] = (heads[-1].day + 1) * DAY
            log.info("head_anchored", anchor=anchor.id, day=heads[-1].date, head=heads[-1].digest)

    def _newest_anchored_head(self, anchor: Anchor, heads: Sequence[Head]) -> Head | None:
        """Return the newest head that the anchor has."""
        by_digest = {head.digest: head for head in heads}
        anchor_facts = (fact for fact in reversed(self.ledger.facts.all) if fact.author == anchor.id)
        return next((by_digest[receipt.head] for receipt in receipts(anchor_facts) if receipt.head in by_digest), None)

    async def _fetch(self, source: Witnessed, attempt: Attempt) -> None:
        """Record the new heads of another ninewatch, and log an error if an earlier head has changed."""
        known_heads = seen_heads(self.ledger.facts.all, source.id)
        state = self._states[f"source {source.id}"]
        last = max(known_heads, default=1)
        try:
            async with asyncio.timeout(source.timeout / SECOND):
                attempt.limit(source.timeout / SECOND)
                rows = await fetch_heads(attempt, source, f"{source.url.rstrip('/')}/api/v1/heads?from={last}")
                new = _new_heads(source.id, rows, known_heads, self.clock.now())
        except Exception as error:  # noqa: BLE001 - any failure is retried
            self._record_failure(state, "heads_not_fetched", source.id, error)
            return
        self._states[f"source {source.id}"] = _State(self.clock.monotonic() + FETCH_INTERVAL)
        if new:
            self.add([receipt.fact() for receipt in new])

    def _record_failure(self, state: _State, event: str, name: str, error: Exception) -> None:
        """Log the failure, and set the next attempt; the delay doubles with each further failure."""
        wait = min(MIN_RETRY_DELAY * 2**state.failures, MAX_RETRY_DELAY)
        state.failures += 1
        state.due = self.clock.monotonic() + wait
        advice = f"probing continues; the next attempt is in {round(wait)} s; check the address and the service"
        log.warning(event, name=name, error=_error_text(error), advice=advice)


def _error_text(error: Exception) -> str:
    if isinstance(error, ProbeFailure | OSError):
        return error_text(error)
    return single_line(str(error) if isinstance(error, ResponseError | GitError | TokenError) else repr(error))


def _new_heads(
    source: str, rows: Sequence[dict[str, object]], known_heads: dict[int, WitnessedHead], now: int
) -> list[WitnessedHead]:
    """Return the heads that were not fetched before.

    Raises:
        ResponseError: a row is not a head, or a head has changed since it was fetched.
    """
    new = []
    for row in rows:
        number, day, head = row.get("number"), row.get("day"), row.get("head")
        if not (isinstance(number, int) and isinstance(day, str) and isinstance(head, str) and len(head) == 64):
            raise ResponseError("the response is not a list of heads; check that the address is that of a ninewatch")
        if number in known_heads and known_heads[number].head != head:
            raise ResponseError(f"head {number} ({day}) has changed since it was fetched: the record was edited")
        if number not in known_heads:
            new.append(WitnessedHead(source, number, day[:10], head, now))
    return new


async def _timestamp(anchor: Anchor, heads: Sequence[Head], attempt: Attempt) -> dict[str, object]:
    assert anchor.timestamp is not None, "its kind"  # noqa: S101 - for the type checker
    assert anchor.ca is not None, "validated"  # noqa: S101 - for the type checker
    body, nonce = query(heads[-1].digest)
    headers = {"Content-Type": QUERY, **anchor.headers}
    answer = await request(attempt, anchor, anchor.timestamp, body=body, headers=headers)
    proof = proof_of(answer, nonce, anchor.ca.pem)
    verify_token(proof, heads[-1].digest)
    return proof


async def _git(anchor: Anchor, heads: Sequence[Head], attempt: Attempt) -> dict[str, object]:
    """Push with `git`, which opens its own connections, after checking the host's addresses by the outbound policy."""
    if host := host_of(str(anchor.git)):
        for address in await attempt.addresses(host, 0):
            attempt.outbound.check(address)
    return await push(anchor, heads)


async def _witness(anchor: Anchor, heads: Sequence[Head], attempt: Attempt) -> dict[str, object]:
    head, url = heads[-1], f"{str(anchor.witness).rstrip('/')}/api/v1/witnessed/{anchor.name}"
    rows = await fetch_heads(attempt, anchor, f"{url}?from={head.number}&limit=1")
    if not rows or rows[0].get("number") != head.number:
        raise NotYetError
    if rows[0].get("head") != head.digest:
        raise ResponseError(f"the witness has a different head {head.number}")
    return {"url": url, "seen": str(rows[0].get("seen"))}


_PROOFS: Final = {"timestamp": _timestamp, "git": _git, "witness": _witness}
