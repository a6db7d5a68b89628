"""Anchor the newest head in each configured place, and keep the heads of those that this daemon is a witness for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from monitor.anchoring.git import GitError, host_of, push
from monitor.anchoring.http import AnswerError, ask, ask_json
from monitor.anchoring.receipt import Receipt, Seen, receipts, seen_heads
from monitor.anchoring.timestamp import QUERY, TokenError, proof_of, query, verify_token
from monitor.errors import StoreError
from monitor.network.failure import ProbeFailure
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

LOOK: Final = 5.0  # seconds between two looks for a new head
AGAIN: Final = 60.0  # seconds between two looks whether an anchor lacks a newer head
RETRY: Final = 60.0  # seconds after the first failure of an anchor; doubled with each further one ...
LONGEST: Final = 3_600.0  # ... up to this
PENDING: Final = 300.0  # seconds between two questions whether a witness has seen the head
FETCH: Final = 900.0  # seconds between two fetches of the heads of another ninewatch


class NotYetError(Exception):
    """A witness has not fetched the head yet."""


@dataclass(slots=True)
class _State:
    """When an anchor or a source is due again (monotonic), and how often it failed in a row."""

    due: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class Anchoring:
    """Anchors heads, one attempt per place at a time, apart from probing. `add` keeps facts."""

    ledger: Ledger
    record: Path
    add: Callable[[Sequence[Fact]], None]
    clock: Clock
    health: Health
    _states: dict[str, _State] = field(default_factory=dict)

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Look for heads to anchor every few seconds, for ever."""
        while True:
            await self.clock.sleep_until(self.clock.monotonic() + LOOK)
            try:
                await self.look(make_attempt)
            except Exception:  # a defect must not end the daemon
                log.exception("anchoring_failed")

    async def look(self, make_attempt: MakeAttempt) -> None:
        """Make an attempt with each anchor and each source that is due."""
        portfolio = self.ledger.portfolio
        due = [each for each in portfolio.anchors if self._is_due(f"anchor {each.id}")]
        sources = [each for each in portfolio.witness_for if self._is_due(f"source {each.id}")]
        heads = await asyncio.to_thread(self._heads) if due else ()
        attempts = [self._anchor(each, heads, make_attempt()) for each in due if heads]
        await asyncio.gather(*attempts, *(self._fetch(each, make_attempt()) for each in sources))

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
        """Anchor the newest head, unless this anchor has it."""
        state = self._states[f"anchor {anchor.id}"]
        self.health.anchor_failures.setdefault(anchor.id, 0)
        if (held := self._anchored(anchor, heads)) is not None:
            self.health.anchored_until[anchor.id] = (held.day + 1) * DAY
        if held == heads[-1]:
            state.due = self.clock.monotonic() + AGAIN
            return
        try:
            async with asyncio.timeout(anchor.timeout / SECOND):
                attempt.limit(anchor.timeout / SECOND)
                proof = await _PROOFS[anchor.kind](anchor, heads, attempt)
        except NotYetError:
            state.due = self.clock.monotonic() + PENDING
        except Exception as error:  # noqa: BLE001 - whatever a service does, probing goes on and it is tried again
            self.health.anchor_failures[anchor.id] += 1
            self._failed(state, "head_not_anchored", anchor.id, error)
        else:
            self._states[f"anchor {anchor.id}"] = _State()
            receipt = Receipt.of(anchor.id, anchor.kind, heads[-1], self.clock.now(), proof)
            self.add([receipt.fact()])
            self.health.anchored_until[anchor.id] = (heads[-1].day + 1) * DAY
            log.info("head_anchored", anchor=anchor.id, day=heads[-1].date, head=heads[-1].digest)

    def _anchored(self, anchor: Anchor, heads: Sequence[Head]) -> Head | None:
        """Return the newest head that the anchor has; its receipts are read from the newest on."""
        by_digest = {head.digest: head for head in heads}
        own = (fact for fact in reversed(self.ledger.facts.all) if fact.author == anchor.id)
        return next((by_digest[each.head] for each in receipts(own) if each.head in by_digest), None)

    async def _fetch(self, source: Witnessed, attempt: Attempt) -> None:
        """Keep the heads of another ninewatch that are new, and report one that has changed since it was seen."""
        held = seen_heads(self.ledger.facts.all, source.id)
        state = self._states[f"source {source.id}"]
        last = max(held, default=1)
        try:
            async with asyncio.timeout(source.timeout / SECOND):
                attempt.limit(source.timeout / SECOND)
                found = await ask_json(attempt, source, f"{source.url.rstrip('/')}/api/v1/heads?from={last}")
                new = _new(source.id, found, held, self.clock.now())
        except Exception as error:  # noqa: BLE001 - as of an anchor: it is tried again
            self._failed(state, "heads_not_fetched", source.id, error)
            return
        self._states[f"source {source.id}"] = _State(self.clock.monotonic() + FETCH)
        if new:
            self.add([each.fact() for each in new])

    def _failed(self, state: _State, event: str, name: str, error: Exception) -> None:
        """Log the failure and wait longer with each one in a row."""
        wait = min(RETRY * 2**state.failures, LONGEST)
        state.failures += 1
        state.due = self.clock.monotonic() + wait
        advice = f"probing goes on; it is tried again in {round(wait)} s, check the address and the service"
        log.warning(event, name=name, error=_error_text(error), advice=advice)


def _error_text(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer before the deadline"
    if isinstance(error, ProbeFailure | AnswerError | GitError | TokenError | OSError):
        return str(error)[:300]
    return repr(error)[:300]


def _new(source: str, found: Sequence[dict[str, object]], held: dict[int, Seen], now: int) -> list[Seen]:
    """Return the heads that were not seen yet.

    Raises:
        AnswerError: an answer is no head, or a head that was seen is another one now.
    """
    new = []
    for row in found:
        number, day, head = row.get("number"), row.get("day"), row.get("head")
        if not (isinstance(number, int) and isinstance(day, str) and isinstance(head, str) and len(head) == 64):
            raise AnswerError("the answer is no list of heads; is it the address of a ninewatch?")
        if number in held and held[number].head != head:
            raise AnswerError(f"head {number} ({day}) is another one than was seen before: the record was edited")
        if number not in held:
            new.append(Seen(source, number, day[:10], head, now))
    return new


async def _timestamp(anchor: Anchor, heads: Sequence[Head], attempt: Attempt) -> dict[str, object]:
    assert anchor.timestamp is not None, "its kind"  # noqa: S101 - for the type checker
    assert anchor.ca is not None, "validated"  # noqa: S101 - for the type checker
    body, nonce = query(heads[-1].digest)
    headers = {"Content-Type": QUERY, **anchor.headers}
    answer = await ask(attempt, anchor, anchor.timestamp, body=body, headers=headers)
    proof = proof_of(answer, nonce, anchor.ca.pem)
    verify_token(proof, heads[-1].digest)
    return proof


async def _git(anchor: Anchor, heads: Sequence[Head], attempt: Attempt) -> dict[str, object]:
    """Push by `git`, which connects by itself: the policy is asked for the addresses of its host before."""
    if host := host_of(str(anchor.git)):
        for address in await attempt.addresses(host, 0):
            attempt.outbound.check(address)
    return await push(anchor, heads)


async def _witness(anchor: Anchor, heads: Sequence[Head], attempt: Attempt) -> dict[str, object]:
    head, url = heads[-1], f"{str(anchor.witness).rstrip('/')}/api/v1/witnessed/{anchor.name}"
    found = await ask_json(attempt, anchor, f"{url}?from={head.number}&limit=1")
    if not found or found[0].get("number") != head.number:
        raise NotYetError
    if found[0].get("head") != head.digest:
        raise AnswerError(f"the witness has another head {head.number}")
    return {"url": url, "seen": str(found[0].get("seen"))}


_PROOFS: Final = {"timestamp": _timestamp, "git": _git, "witness": _witness}
