"""Former ids (`was:`) of products and checks, whose record is continued."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from monitor.config.values import Id, is_id
from sla.fact import RENAMING, Fact, canonical

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.definition import Definition


def _listed(value: Any) -> Any:
    if isinstance(value, list) and not value:
        raise ValueError("is empty; write a former id, or take the key out")
    if isinstance(value, list | tuple):
        return value
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("is not a former id; write it as it was: `was: web`, or `was: [web, old-web]`")
    return (value,)


_ID_SCHEMA = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}

FormerIds = Annotated[
    tuple[Id, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_ID_SCHEMA, {"type": "array", "items": _ID_SCHEMA, "minItems": 1}]}),
]


@dataclass(frozen=True, slots=True)
class Former:
    """Former ids and the ones that continue them: of products, and of checks by their keys (`product/check`)."""

    products: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, portfolio: Portfolio, facts: Iterable[Fact] = ()) -> Former:
        """Return the former ids that the portfolio states, and those that earlier ones did, by their recorded facts.

        What is recorded counts for ids that the portfolio does not have: a renamed check that was removed keeps its
        history.
        """
        products = {old: product.id for product in portfolio.products for old in product.was}
        checks: dict[str, str] = {}
        for product, check in portfolio.checks():
            key = f"{product.id}/{check.id}"
            for owner in (product.id, *product.was):
                for name in (check.id, *check.was):
                    checks.setdefault(f"{owner}/{name}", key)
        stated = [_renaming(fact) for fact in facts if fact.kind == RENAMING]
        present = {product.id for product in portfolio.products}
        keys = {f"{product.id}/{check.id}" for product, check in portfolio.checks()}
        earlier = {old: new for renamed, _ in stated for old, new in renamed.items()}
        return cls(
            _followed(products, earlier, present),
            _followed(
                {old: new for old, new in checks.items() if old != new},
                {old: new for _, renamed in stated for old, new in renamed.items()},
                keys,
            ),
        )

    def renaming(self, product_id: str) -> dict[str, dict[str, str]]:
        """Return the body of the fact that states the former ids of a product and its checks; empty if it has none."""
        products = {old: new for old, new in self.products.items() if new == product_id}
        checks = {old: new for old, new in self.checks.items() if new.partition("/")[0] == product_id}
        return {"products": products, "checks": checks} if products or checks else {}

    def product(self, name: str) -> str:
        """Return the present id of the product."""
        return self.products.get(name, name)

    def check(self, key: str) -> str:
        """Return the present key of the check."""
        return self.checks.get(key, key)

    def definition(self, recorded: Definition) -> Definition:
        """Return a recorded definition with the present ids of its product, its checks and what it excludes."""
        if not self.checks and not self.products:
            return recorded
        members = tuple(replace(each, check=self.check(each.check)) for each in recorded.members)
        agreement = canonical(self._agreement(json.loads(recorded.agreement)))
        return replace(recorded, product=self.product(recorded.product), members=members, agreement=agreement)

    def _agreement(self, plain: dict[str, Any]) -> dict[str, Any]:
        excludes = [self._excluded(each) for each in plain.get("excludes", ())]
        return plain | ({"excludes": excludes} if excludes else {})

    def _excluded(self, cut: Any) -> Any:
        return {"dependency": self.product(cut["dependency"])} if isinstance(cut, dict) and "dependency" in cut else cut


def _renaming(fact: Fact) -> tuple[dict[str, str], dict[str, str]]:
    """Return the former ids that a fact states, of products and of checks; none of what cannot be read."""
    body = fact.content()
    found = (body.get(name) if isinstance(body, dict) else None for name in ("products", "checks"))
    products, checks = ({str(old): str(new) for old, new in (each or {}).items()} for each in found)
    return products, checks


def _followed(stated: dict[str, str], recorded: Mapping[str, str], present: Collection[str]) -> dict[str, str]:
    """Return what the portfolio states, and for other former ids the last one that a chain of renamings leads to."""
    found = dict(stated)
    for old in recorded:
        new, seen = old, set[str]()
        while new not in present and new not in seen:
            seen.add(new)
            new = stated.get(new) or recorded.get(new) or new
        if old not in present and new != old:
            found.setdefault(old, new)
    return found
