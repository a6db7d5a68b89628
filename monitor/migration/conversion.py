"""The result of a conversion: products, and notes about parts that are not carried over or need a manual step."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from monitor.config.loader import portfolio_model
from monitor.config.secret import Secret
from monitor.config.yaml_writer import yaml_text
from monitor.errors import NinewatchError
from monitor.migration.values import unique_id
from monitor.probes.registry import CHECK_TYPES

if TYPE_CHECKING:
    from monitor.config.model import CheckBase
    from monitor.config.yaml_writer import Plain

OBJECTIVE: Final = "99.9%"
_PLACEHOLDER: Final = Secret("placeholder-of-a-secret", "placeholder")
# Errors of checks that may be valid on the daemon's machine, which may be another one.
_ERRORS_OF_THIS_MACHINE: Final = ("not allowed to ping", "make extras")
_VARIABLE_REFERENCE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")

T = TypeVar("T")
Check = dict[str, Any]
Note = Callable[[str], None]
"""Adds a note about one part of the source."""


@dataclass(slots=True)
class Conversion:
    """The products of a conversion and its notes, each `PLACE: MESSAGE`.

    `variables` are the environment variables that the configuration refers to. `targets` maps the key of each monitor
    in the source to the check `product/check` with its history.
    """

    tool: str
    objective: str = OBJECTIVE
    products: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)

    def note(self, place: str, message: str) -> None:
        """Add a note about the place."""
        self.notes.append(f"{place}: {message}")

    def secret(self, name: str, place: str, value: Any = "") -> Mapping[str, str]:
        """Return a reference to an environment variable for a secret of the source, and add a note to set it.

        If the source refers to a variable itself (`${TOKEN}`), the reference is to the same variable.
        """
        reference = _VARIABLE_REFERENCE.fullmatch(str(value))
        variable = reference[1] if reference else re.sub(r"\W+", "_", f"{self.tool}_{name}").strip("_").upper()
        number = 1
        while variable in self.variables and not reference:
            number += 1
            variable = f"{variable.rstrip('_0123456789')}_{number}"
        self.note(place, f"a secret is not copied; set the environment variable {variable} to its value")
        if variable not in self.variables:
            self.variables.append(variable)
        return {"env": variable}

    def add(self, product: dict[str, Any], checks: Mapping[str, list[Check]], place: str) -> None:
        """Add a product with its valid checks, and a note for each invalid check. `checks` are by key in the source."""
        product["id"] = unique_id(product["id"], [other["id"] for other in self.products])
        valid: list[Check] = []
        for key, check in ((key, check) for key, group in checks.items() for check in group):
            check["id"] = unique_id(str(check["id"]), [other["id"] for other in valid], "check")
            if problem := check_problem(check):
                if not any(text in problem for text in _ERRORS_OF_THIS_MACHINE):
                    self.note(place, f"not carried over: the check {check['id']} is not valid: {problem}")
                    continue
                self.note(place, f"the check {check['id']} cannot run on this machine: {problem}")
            valid.append(check)
            self.targets.setdefault(key, f"{product['id']}/{check['id']}")
        if valid:
            self.products.append({"objective": self.objective, **product, "checks": valid})

    def configuration(self) -> Mapping[str, Plain]:
        """Return the configuration as plain data.

        Raises:
            NinewatchError: no product was converted.
        """
        if not self.products:
            reasons = "\n".join(self.notes) or "the source has no monitor"
            raise NinewatchError(f"{reasons}\nnothing was carried over; no configuration is written")
        return {**self.settings, "products": self.products}

    def checks(self) -> dict[str, CheckBase]:
        """Return the valid checks by `product/check`."""
        products = [
            {"id": product["id"], "objective": OBJECTIVE, "checks": _with_placeholders(product["checks"])}
            for product in self.products
        ]
        portfolio = portfolio_model(CHECK_TYPES).model_validate({"products": products})
        return {f"{product.id}/{check.id}": check for product, check in portfolio.checks()}

    def by_check(self, histories: Mapping[str, T]) -> dict[str, T]:
        """Return histories by the key of the monitor in the source as histories by `product/check`."""
        return {self.targets[key]: history for key, history in histories.items() if key in self.targets}

    def text(self) -> str:
        """Return the configuration as YAML, with a comment that lists the environment variables to set."""
        command = self.tool if self.tool == "discover" else f"import {self.tool}"
        lines = [f"# Written by `ninewatch {command}`.", "# The source has no objectives; check them."]
        if self.variables:
            lines.append(f"# Environment variables to set: {', '.join(self.variables)}.")
        return "\n".join(lines) + "\n" + yaml_text(self.configuration())


def check_problem(check: Check) -> str | None:
    """Return the first error of a check, None if it is valid. Secrets are not resolved."""
    product = {"id": "p", "objective": OBJECTIVE, "checks": [_with_placeholders(check)]}
    try:
        portfolio_model(CHECK_TYPES).model_validate({"products": [product]})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=True)[0]
        key = ".".join(str(part) for part in first["loc"][5:])
        return f"{key}: {first['msg']}" if key else str(first["msg"])
    return None


def _with_placeholders(value: Any) -> Any:
    """Return the value with a placeholder for each reference to a secret."""
    if isinstance(value, dict):
        if len(value) == 1 and "env" in value:
            return _PLACEHOLDER
        return {key: _with_placeholders(item) for key, item in value.items()}
    return [_with_placeholders(item) for item in value] if isinstance(value, list) else value
