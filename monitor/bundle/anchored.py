"""Which days of the chain are anchored: the receipts of a record or a bundle, each verified as far as it can be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.anchoring.git import heads_at
from monitor.anchoring.receipt import GIT, TIMESTAMP, WITNESS, Receipt, receipts
from monitor.anchoring.timestamp import TokenError, verify_token
from monitor.errors import NinewatchError
from sla.localtime import date_of_day_number
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from pathlib import Path

    from sla.chain import Head
    from sla.fact import Fact


@dataclass(frozen=True, slots=True)
class Trust:
    """The verifier's own trust: CA certificates (PEM), clones of repositories, answers of witnesses.

    `witness` are the heads by number, with the time at which each was seen.
    """

    ca: str | None = None
    git: Path | None = None
    witness: Mapping[int, tuple[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Anchored:
    """A receipt: of which head, whether it is verified, since when the head is known to exist, and the evidence.

    `at` is None where nothing outside of the record shows the time. `wrong` says why a receipt is false.
    """

    receipt: Receipt
    verified: bool
    at: int | None
    text: str
    wrong: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        each = self.receipt
        return {
            "anchor": each.anchor,
            "kind": each.by,
            "head": each.number,
            "day": each.day,
            "verified": self.verified,
            "at": None if self.at is None else format_instant(self.at),
            "text": self.wrong or self.text,
        }


@dataclass(frozen=True, slots=True)
class Anchors:
    """All receipts of a chain, and the spans of days that no verified anchor covers, as first and last day.

    The first day is None where a span begins with the record.
    """

    found: Sequence[Anchored] = ()
    uncovered: Sequence[tuple[str | None, str]] = ()

    @property
    def wrong(self) -> list[Anchored]:
        """The receipts that are false."""
        return [each for each in self.found if each.wrong]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        spans = [{"since": since, "until": until} for since, until in self.uncovered]
        return {"receipts": [each.as_json() for each in self.found], "not_covered": spans}

    def lines(self) -> Iterator[str]:
        """Yield it in words: the newest verified receipt of each anchor, those not checked, and what is not covered."""
        newest = {each.receipt.anchor: each for each in self.found if each.verified}
        for each in newest.values():
            yield f"anchored until {each.receipt.day} by {each.receipt.anchor}: {each.text}"
        unchecked = {each.receipt.anchor: each for each in self.found if not (each.verified or each.wrong)}
        for each in unchecked.values():
            yield f"not checked: {each.receipt.anchor} until {each.receipt.day}: {each.text}"
        for since, until in self.uncovered:
            yield f"NOT ANCHORED  {since or 'the beginning'} to {until}: no verified anchor covers it"


def anchors_of(heads: Sequence[Head], begin: int, facts: Sequence[Fact], trust: Trust) -> Anchors:
    """Return which days of a chain are anchored; `begin` is the first head whose content can be checked."""
    by_number = {head.number: head for head in heads}
    known = [each for each in receipts(facts) if each.number in by_number]
    found = [_checked(each, by_number[each.number], trust) for each in known]
    last = max((each.receipt.number for each in found if each.verified), default=0)
    covered = last if last >= begin else 0
    return Anchors(found, list(_uncovered([head for head in heads if head.number >= begin], covered)))


def _uncovered(heads: Sequence[Head], covered: int) -> Iterator[tuple[str | None, str]]:
    """Yield the span of days after the last anchored head: an anchor covers its head and all before."""
    open_ = [head for head in heads if head.number > covered]
    if open_:
        first = open_[0]
        since = None if first.since is None else date_of_day_number(first.since).isoformat()
        yield since, open_[-1].date


def _checked(receipt: Receipt, head: Head, trust: Trust) -> Anchored:
    if receipt.head != head.digest:
        return Anchored(receipt, False, None, "", f"it was given for another head {head.number} than the chain has")
    try:
        return _CHECKS.get(receipt.by, _unknown)(receipt, trust)
    except TokenError as error:
        return Anchored(receipt, False, None, "", f"the token does not verify: {error}")
    except KeyError as error:
        return Anchored(receipt, False, None, "", f"the receipt lacks {error}")


def _timestamp(receipt: Receipt, trust: Trust) -> Anchored:
    stamped = verify_token(receipt.proof, receipt.head, trust.ca)
    source = (
        "the CA that you named"
        if trust.ca
        else f"the CA in the receipt (SHA-256 {stamped.root}); compare it, or use --ca"
    )
    return Anchored(receipt, True, stamped.at, f"stamped at {format_instant(stamped.at)}, verified against {source}")


def _git(receipt: Receipt, trust: Trust) -> Anchored:
    commit = str(receipt.proof["commit"])
    where = f"commit {commit[:12]} of {receipt.proof['remote']}"
    if trust.git is None:
        return Anchored(receipt, False, None, f"{where}; name a clone with --git to check it")
    if heads_at(trust.git, commit).get(receipt.number) != receipt.head:
        return Anchored(receipt, False, None, "", f"{where} does not have this head")
    return Anchored(receipt, True, None, f"{where}, found in {trust.git}")


def _witness(receipt: Receipt, trust: Trust) -> Anchored:
    where = str(receipt.proof["url"])
    if trust.witness is None:
        return Anchored(receipt, False, None, f"{where}; save what it answers, and name the file with --witness")
    head, seen = trust.witness.get(receipt.number, ("", ""))
    if head != receipt.head:
        return Anchored(
            receipt, False, None, "", f"the witness has {'another' if head else 'no'} head {receipt.number}"
        )
    return Anchored(receipt, True, parse_instant(seen), f"seen by the witness at {seen}")


def _unknown(receipt: Receipt, _: Trust) -> Anchored:
    return Anchored(receipt, False, None, f"an anchor of the kind {receipt.by[:40]}, which this version does not know")


_CHECKS = {TIMESTAMP: _timestamp, GIT: _git, WITNESS: _witness}


def trust_of(ca: Path | None, git: Path | None, witness: Path | None) -> Trust:
    """Return what files given on the command line hold.

    Raises:
        NinewatchError: one cannot be read, or is not what it should be.
    """
    pem = None if ca is None else _text(ca)
    if pem is not None and "-----BEGIN CERTIFICATE-----" not in pem:
        raise NinewatchError(f"{ca} holds no certificate in PEM form")
    return Trust(pem, git, None if witness is None else _seen(witness))


def _seen(path: Path) -> dict[int, tuple[str, str]]:
    try:
        rows = json.loads(_text(path))
        found = {int(row["number"]): (str(row["head"]), str(row["seen"])) for row in rows}
        _ = [parse_instant(seen) for _, seen in found.values()]
    except (ValueError, KeyError, TypeError):
        raise NinewatchError(f"{path} is not what a witness answers at /api/v1/witnessed/ID") from None
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NinewatchError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from None
