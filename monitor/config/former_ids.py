"""Former ids of products and checks: `was:` makes the record of a former id that of the present one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from monitor.config.values import Id, is_id
from sla.fact import canonical

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
    def of(cls, portfolio: Portfolio) -> Former:
        """Return the former ids that the portfolio states."""
        products = {old: product.id for product in portfolio.products for old in product.was}
        checks: dict[str, str] = {}
        for product, check in portfolio.checks():
            key = f"{product.id}/{check.id}"
            for owner in (product.id, *product.was):
                for name in (check.id, *check.was):
                    checks.setdefault(f"{owner}/{name}", key)
        return cls(products, {old: new for old, new in checks.items() if old != new})

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
