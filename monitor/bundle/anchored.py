"""Verify the receipts of a record or a bundle, and determine the anchored days of the chain."""

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
    """The verifier's trust anchors: CA certificates (PEM), a clone of a repository, the response of a witness.

    `witness` maps head numbers to (head, time at which the witness fetched it).
    """

    ca: str | None = None
    git: Path | None = None
    witness: Mapping[int, tuple[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """A checked receipt: whether it is verified, the instant at which the head existed, and the evidence as text.

    `at` is None without an external time. `error` is the reason why the receipt is invalid.
    """

    receipt: Receipt
    verified: bool
    at: int | None
    text: str
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the checked receipt for JSON."""
        receipt = self.receipt
        return {
            "anchor": receipt.anchor,
            "kind": receipt.by,
            "head": receipt.number,
            "day": receipt.day,
            "verified": self.verified,
            "at": None if self.at is None else format_instant(self.at),
            "text": self.error or self.text,
        }


@dataclass(frozen=True, slots=True)
class Anchors:
    """All receipts of a chain, and the spans (first day, last day) without a verified anchor.

    The first day is None if the span starts at the beginning of the record.
    """

    results: Sequence[CheckedReceipt] = ()
    uncovered: Sequence[tuple[str | None, str]] = ()

    @property
    def invalid(self) -> list[CheckedReceipt]:
        """The invalid receipts."""
        return [checked for checked in self.results if checked.error]

    def as_json(self) -> dict[str, Any]:
        """Return the receipts and spans for JSON."""
        spans = [{"since": since, "until": until} for since, until in self.uncovered]
        return {"receipts": [checked.as_json() for checked in self.results], "not_covered": spans}

    def lines(self) -> Iterator[str]:
        """Yield the text lines: the newest verified receipt of each anchor, unchecked receipts, and uncovered days."""
        newest = {checked.receipt.anchor: checked for checked in self.results if checked.verified}
        for checked in newest.values():
            yield f"anchored until {checked.receipt.day} by {checked.receipt.anchor}: {checked.text}"
        unchecked = {
            checked.receipt.anchor: checked for checked in self.results if not (checked.verified or checked.error)
        }
        for checked in unchecked.values():
            yield f"not checked: {checked.receipt.anchor} until {checked.receipt.day}: {checked.text}"
        for since, until in self.uncovered:
            yield f"NOT ANCHORED  {since or 'the beginning'} to {until}: no verified anchor covers it"


def anchors_of(heads: Sequence[Head], begin: int, facts: Sequence[Fact], trust: Trust) -> Anchors:
    """Return the anchored days of a chain. `begin` is the first head whose content can be checked."""
    by_number = {head.number: head for head in heads}
    known = [receipt for receipt in receipts(facts) if receipt.number in by_number]
    checked_receipts = [_check(receipt, by_number[receipt.number], trust) for receipt in known]
    last = max((checked.receipt.number for checked in checked_receipts if checked.verified), default=0)
    covered = last if last >= begin else 0
    return Anchors(checked_receipts, list(_uncovered_days([head for head in heads if head.number >= begin], covered)))


def _uncovered_days(heads: Sequence[Head], covered: int) -> Iterator[tuple[str | None, str]]:
    """Yield the span of days after the last anchored head. An anchor covers its head and all earlier heads."""
    not_covered = [head for head in heads if head.number > covered]
    if not_covered:
        first = not_covered[0]
        since = None if first.since is None else date_of_day_number(first.since).isoformat()
        yield since, not_covered[-1].date


def _check(receipt: Receipt, head: Head, trust: Trust) -> CheckedReceipt:
    if receipt.head != head.digest:
        return CheckedReceipt(receipt, False, None, "", f"its head {head.number} differs from the head in the chain")
    try:
        return _CHECKS.get(receipt.by, _unsupported_anchor)(receipt, trust)
    except TokenError as error:
        return CheckedReceipt(receipt, False, None, "", f"the token does not verify: {error}")
    except KeyError as error:
        return CheckedReceipt(receipt, False, None, "", f"the receipt lacks {error}")


def _timestamp(receipt: Receipt, trust: Trust) -> CheckedReceipt:
    stamped = verify_token(receipt.proof, receipt.head, trust.ca)
    source = (
        "the CA of --ca" if trust.ca else f"the CA in the receipt (SHA-256 {stamped.root}); compare it, or use --ca"
    )
    return CheckedReceipt(
        receipt, True, stamped.at, f"stamped at {format_instant(stamped.at)}, verified against {source}"
    )


def _git(receipt: Receipt, trust: Trust) -> CheckedReceipt:
    commit = str(receipt.proof["commit"])
    commit_name = f"commit {commit[:12]} of {receipt.proof['remote']}"
    if trust.git is None:
        return CheckedReceipt(receipt, False, None, f"{commit_name}; use --git CLONE to check it")
    if heads_at(trust.git, commit).get(receipt.number) != receipt.head:
        return CheckedReceipt(receipt, False, None, "", f"{commit_name} does not have this head")
    return CheckedReceipt(receipt, True, None, f"{commit_name}, found in {trust.git}")


def _witness(receipt: Receipt, trust: Trust) -> CheckedReceipt:
    url = str(receipt.proof["url"])
    if trust.witness is None:
        return CheckedReceipt(receipt, False, None, f"{url}; save its response, and use --witness FILE")
    head, fetched_at = trust.witness.get(receipt.number, ("", ""))
    if head != receipt.head:
        return CheckedReceipt(
            receipt, False, None, "", f"the witness has {'another' if head else 'no'} head {receipt.number}"
        )
    return CheckedReceipt(receipt, True, parse_instant(fetched_at), f"seen by the witness at {fetched_at}")


def _unsupported_anchor(receipt: Receipt, _: Trust) -> CheckedReceipt:
    return CheckedReceipt(
        receipt, False, None, f"an anchor of the kind {receipt.by[:40]}, which this version does not support"
    )


_CHECKS = {TIMESTAMP: _timestamp, GIT: _git, WITNESS: _witness}


def read_trust(ca: Path | None, git: Path | None, witness: Path | None) -> Trust:
    """Return the trust anchors in the files of the command line.

    Raises:
        NinewatchError: a file cannot be read, or has a wrong format.
    """
    pem = None if ca is None else _read_text(ca)
    if pem is not None and "-----BEGIN CERTIFICATE-----" not in pem:
        raise NinewatchError(f"{ca} has no certificate in PEM form")
    return Trust(pem, git, None if witness is None else _read_witness_heads(witness))


def _read_witness_heads(path: Path) -> dict[int, tuple[str, str]]:
    try:
        rows = json.loads(_read_text(path))
        heads = {int(row["number"]): (str(row["head"]), str(row["seen"])) for row in rows}
        _ = [parse_instant(fetched_at) for _, fetched_at in heads.values()]
    except (ValueError, KeyError, TypeError):
        raise NinewatchError(f"{path} is not the response of a witness at /api/v1/witnessed/ID") from None
    return heads


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NinewatchError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from None
