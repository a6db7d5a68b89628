"""Find mistakes in readiness blocks: unknown items and checks, and evidence that its item does not accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.errors import Loc, LocatedMessages, Problem, quoted
from monitor.config.yaml_nodes import key_path, locate
from sla.evidence import EvidenceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio
    from monitor.config.readiness import ReadinessBlock
    from monitor.config.yaml_nodes import Node


def readiness_problems(portfolio: Portfolio, root: Node) -> Iterator[Problem]:
    """Yield the mistakes of the readiness blocks of all products, each with its position."""
    known = {f"{product.id}/{check.id}" for product, check in portfolio.probed()}
    for number, product in enumerate(portfolio.products):
        if product.readiness is not None:
            for loc, message in (*_items(product.readiness), *_unknown_checks(product.readiness, known)):
                absolute: Loc = ("products", number, "readiness", *loc)
                yield Problem(locate(root, absolute)[0], key_path(root, absolute), message)


def _items(block: ReadinessBlock) -> Iterator[tuple[Loc, str]]:
    references = [
        ("attested", index, attestation.item, EvidenceKind.ATTESTATION)
        for index, attestation in enumerate(block.attested)
    ]
    references += [
        ("evidence", index, evidence.item, EvidenceKind.CHECKS) for index, evidence in enumerate(block.evidence)
    ]
    for key, index, name, kind in references:
        item = block.checklist.find(name)
        if item is None:
            names = ", ".join(known.id for known in block.checklist.items)
            yield (key, index, "item"), f"is not an item of the checklist; its items are {names}"
        elif kind not in item.kinds:
            accepted = ", ".join(item.kinds)
            yield (key, index, "item"), f"accepts no evidence of the kind {kind}; it accepts {accepted}"


def _unknown_checks(block: ReadinessBlock, known: set[str]) -> LocatedMessages:
    for index, evidence in enumerate(block.evidence):
        for number, name in enumerate(evidence.checks):
            if name not in known:
                yield (
                    ("evidence", index, "checks", number),
                    f"there is no check {quoted(name)}; use product/check of a product in the configuration",
                )
