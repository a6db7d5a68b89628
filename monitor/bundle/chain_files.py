"""The chain of heads in a bundle: all heads, and the covered data of the bundle's products, with proofs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from monitor.bundle.contents import lines_of
from monitor.bundle.manifest import json_lines
from sla.chain import Head, Part, Position, fact_products, path
from sla.chain_check import FACT, INCIDENT, Chain, Covered, Proof

if TYPE_CHECKING:
    from sla.fact import Fact
    from sla.incident import Incident

HEADS = "heads.jsonl"
COVERED = "covered.jsonl"

_Items = Mapping[tuple[str, str], str]


def part_of(chain: Chain, at: int, products: set[str], facts: Sequence[Fact], incidents: Sequence[Incident]) -> Chain:
    """Return the heads that existed at the instant, with the covered data of these products and its proofs.

    `products` are product ids in the record. `facts` and `incidents` are all those of the record.
    """
    heads = [
        (head, digest) for head, digest in zip(chain.heads, chain.recorded_digests, strict=True) if head.made <= at
    ]
    owners = {(FACT, name): product for name, product in fact_products(facts).items()}
    owners |= {(INCIDENT, incident.id): incident.product for incident in incidents}
    covered_by_head: dict[int, Covered] = {}
    proofs: dict[int, Sequence[Proof]] = {}
    for head, _ in heads:
        if head.number >= replace(chain, heads=[head_row for head_row, _ in heads]).begin:
            covered = chain.covered.get(head.number, Covered())
            covered_by_head[head.number] = _covered_of_products(covered, products, owners)
            proofs[head.number] = list(_proofs(covered, products, owners))
    return Chain([head for head, _ in heads], [digest for _, digest in heads], covered_by_head, proofs)


def _covered_of_products(covered: Covered, products: set[str], owners: _Items) -> Covered:
    series = {
        name: series_rows for name, series_rows in covered.series.items() if name[0].partition("/")[0] in products
    }
    return Covered(series, {key: digest for key, digest in covered.items.items() if owners.get(key, "") in products})


def _proofs(covered: Covered, products: set[str], owners: _Items) -> Iterator[Proof]:
    by_product: dict[str, Covered] = {}
    for series, series_proofs in covered.series.items():
        by_product.setdefault(series[0].partition("/")[0], Covered()).series[series] = series_proofs
    for item, digest in covered.items.items():
        by_product.setdefault(owners.get(item, ""), Covered()).items[item] = digest
    names = sorted(by_product)
    leaves = [_part(name, by_product[name]).leaf for name in names]
    for index, name in enumerate(names):
        if name in products:
            yield Proof(name, index, len(names), tuple(path(leaves, index)))


def _part(product: str, covered: Covered) -> Part:
    facts, incidents = ([digest for (k, _), digest in covered.items.items() if k == kind] for kind in (FACT, INCIDENT))
    return Part(product, {name: digest for name, (_, digest) in covered.series.items()}, facts, incidents)


def chain_files(chain: Chain) -> dict[str, bytes]:
    """Return the files of the bundle with the chain."""
    return {HEADS: json_lines(_head_rows(chain)), COVERED: json_lines(_covered_rows(chain))}


def _head_rows(chain: Chain) -> Iterator[dict[str, Any]]:
    for head, digest in zip(chain.heads, chain.recorded_digests, strict=True):
        proofs = (chain.proofs or {}).get(head.number, ())
        yield {
            "number": head.number,
            "day": head.day,
            "since": head.since,
            "made_us": head.made,
            "whole": head.full,
            "content": head.content,
            "previous": head.previous,
            "head": digest,
            "proofs": [
                {"product": p.product, "index": p.index, "count": p.count, "path": list(p.path)} for p in proofs
            ],
        }


def _covered_rows(chain: Chain) -> Iterator[dict[str, Any]]:
    for number, covered in sorted(chain.covered.items()):
        for (check, vantage), (at, digest) in sorted(covered.series.items()):
            latency = [at.latency_count, at.latency_sum, at.latency_max]
            position = {"first_us": at.first, "last_us": at.last, "count": at.count, "latency_us": latency}
            yield {"head": number, "check": check, "vantage": vantage, "digest": digest} | position
        for (kind, identity), digest in sorted(covered.items.items()):
            yield {"head": number, "kind": kind, "id": identity, "digest": digest}


def read_chain(files: Mapping[str, bytes]) -> Chain:
    """Return the chain in the files.

    Raises:
        UnusableBundleError: a file is missing, or a line is invalid.
    """
    rows = lines_of(files, HEADS, _read_head)
    covered: dict[int, Covered] = {}
    for number, row_covered in lines_of(files, COVERED, _read_covered):
        covered_by_head = covered.setdefault(number, Covered())
        covered_by_head.series |= row_covered.series
        covered_by_head.items |= row_covered.items
    proofs = {head.number: head_proofs for head, _, head_proofs in rows}
    return Chain([head for head, _, _ in rows], [digest for _, digest, _ in rows], covered, proofs)


def _read_head(row: Mapping[str, Any]) -> tuple[Head, str, list[Proof]]:
    since = None if row["since"] is None else int(row["since"])
    content, previous, digest = (str(row[name]) for name in ("content", "previous", "head"))
    head = Head(
        int(row["number"]), int(row["day"]), since, int(row["made_us"]), row["whole"] is True, content, previous
    )
    _ = head.date, head.first_date  # raises for invalid days
    proofs = [
        Proof(str(proof["product"]), int(proof["index"]), int(proof["count"]), tuple(map(str, proof["path"])))
        for proof in row["proofs"]
    ]
    return head, digest, proofs


def _read_covered(row: Mapping[str, Any]) -> tuple[int, Covered]:
    number, digest = int(row["head"]), str(row["digest"])
    if "kind" in row:
        return number, Covered(items={(str(row["kind"]), str(row["id"])): digest})
    position = Position(int(row["first_us"]), int(row["last_us"]), int(row["count"]), *map(int, row["latency_us"]))
    return number, Covered({(str(row["check"]), str(row["vantage"])): (position, digest)})
