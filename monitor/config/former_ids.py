"""Former ids (`was:`) of products and checks, whose history is continued under the current id."""

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


def _as_list(value: Any) -> Any:
    if isinstance(value, list) and not value:
        raise ValueError("is empty; use a former id, or remove the key")
    if isinstance(value, list | tuple):
        return value
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("is not a former id; use `was: web`, or `was: [web, old-web]`")
    return (value,)


_ID_SCHEMA = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}

FormerIds = Annotated[
    tuple[Id, ...],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_ID_SCHEMA, {"type": "array", "items": _ID_SCHEMA, "minItems": 1}]}),
]


@dataclass(frozen=True, slots=True)
class FormerIdMap:
    """Former ids and their current ids: of products, and of checks by their keys (`product/check`)."""

    products: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, portfolio: Portfolio, facts: Iterable[Fact] = ()) -> FormerIdMap:
        """Return the former ids in the portfolio, and those in the recorded facts of earlier configurations.

        Recorded former ids apply unless the portfolio uses the id: a renamed check that was removed keeps its history.
        """
        products = {old: product.id for product in portfolio.products for old in product.was}
        checks: dict[str, str] = {}
        for product, check in portfolio.probed():
            key = f"{product.id}/{check.id}"
            for owner in (product.id, *product.was):
                for name in (check.id, *check.was):
                    checks.setdefault(f"{owner}/{name}", key)
        recorded = [_read_renaming(fact) for fact in facts if fact.kind == RENAMING]
        product_ids = {product.id for product in portfolio.products}
        check_keys = {f"{product.id}/{check.id}" for product, check in portfolio.probed()}
        recorded_products = {old: new for renamed, _ in recorded for old, new in renamed.items()}
        recorded_checks = {old: new for _, renamed in recorded for old, new in renamed.items()}
        return cls(
            _with_recorded(products, recorded_products, product_ids),
            _with_recorded({old: new for old, new in checks.items() if old != new}, recorded_checks, check_keys),
        )

    def renaming(self, product_id: str) -> dict[str, dict[str, str]]:
        """Return the body of the fact with the former ids of a product and its checks. Empty if there are none."""
        products = {old: new for old, new in self.products.items() if new == product_id}
        checks = {old: new for old, new in self.checks.items() if new.partition("/")[0] == product_id}
        return {"products": products, "checks": checks} if products or checks else {}

    def product(self, name: str) -> str:
        """Return the current id of the product."""
        return self.products.get(name, name)

    def check(self, key: str) -> str:
        """Return the current key of the check."""
        return self.checks.get(key, key)

    def definition(self, recorded: Definition) -> Definition:
        """Return a recorded definition with the current ids of its product, checks and excluded dependencies."""
        if not self.checks and not self.products:
            return recorded
        members = tuple(replace(member, check=self.check(member.check)) for member in recorded.members)
        agreement = canonical(self._agreement(json.loads(recorded.agreement)))
        latency = tuple(sorted(replace(term, check=self.check(term.check)) for term in recorded.latency))
        product = self.product(recorded.product)
        return replace(recorded, product=product, members=members, agreement=agreement, latency=latency)

    def _agreement(self, data: dict[str, Any]) -> dict[str, Any]:
        excludes = [self._exclusion(excluded) for excluded in data.get("excludes", ())]
        return data | ({"excludes": excludes} if excludes else {})

    def _exclusion(self, value: Any) -> Any:
        """Return the exclusion with the current id of its product: `{dependency: ID}` or `{failover_of: ID}`."""
        return {key: self.product(name) for key, name in value.items()} if isinstance(value, dict) else value


def _read_renaming(fact: Fact) -> tuple[dict[str, str], dict[str, str]]:
    """Return the former ids of products and of checks in a fact. Unreadable ones are omitted."""
    body = fact.content()
    mappings = (body.get(name) if isinstance(body, dict) else None for name in ("products", "checks"))
    products, checks = ({str(old): str(new) for old, new in (mapping or {}).items()} for mapping in mappings)
    return products, checks


def _with_recorded(
    configured: dict[str, str], recorded: Mapping[str, str], current_ids: Collection[str]
) -> dict[str, str]:
    """Return the configured former ids plus the recorded ones, each with the last id of its chain of renamings."""
    current_by_former = dict(configured)
    for old in recorded:
        new, visited = old, set[str]()
        while new not in current_ids and new not in visited:
            visited.add(new)
            new = configured.get(new) or recorded.get(new) or new
        if old not in current_ids and new != old:
            current_by_former.setdefault(old, new)
    return current_by_former
