"""Load a configuration: read, merge and validate it; return the portfolio or all errors. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Union

from pydantic import Discriminator, Field, Tag, ValidationError, create_model

from monitor.clock import SystemClock
from monitor.config.alerting import ReceiverBase
from monitor.config.crosscheck import ambiguities, conflicts, omissions, possible_mistakes
from monitor.config.errors import ConfigError, Problem
from monitor.config.file_access import identity
from monitor.config.model import CheckBase, Portfolio, Product
from monitor.config.placeholders import placeholders
from monitor.config.routing import routing_problems, routing_warnings
from monitor.config.sources import Sources
from monitor.config.validation_context import Context
from monitor.config.validation_messages import Translator


@dataclass(frozen=True, slots=True)
class Examined:
    """Result of loading. `portfolio` is None if there are problems; warnings never prevent a load.

    `files` are the digests of all that was read, with secrets and CA bundles, for a `Watcher`. `digest` identifies what
    the YAML files say: the same for the same files, wherever the folder lies, and free of secrets.
    """

    portfolio: Portfolio | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    files: Mapping[Path, bytes]
    digest: str


def load(path: Path, kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> Portfolio:
    """Return the configuration of a file or a folder, in which a check may be of one of the kinds.

    Raises:
        ConfigError: it cannot be used; holds every problem, each with file, line, column and key path.
    """
    examined = examine(path, kinds, receivers)
    if examined.portfolio is None:
        raise ConfigError(examined.problems)
    return examined.portfolio


def examine(path: Path, kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> Examined:
    """Return what `load` would load, with its warnings, or everything that is wrong. Never raises for bad input."""
    context = Context()
    sources = Sources(path, context)
    found = set(sources.problems)
    portfolio: Portfolio | None = None
    found |= {*omissions(sources.root), *ambiguities(sources.root)}
    if sources.complete:
        found |= set(conflicts(sources.root))
    if sources.root.entries or sources.complete:
        portfolio, wrong = _validated(sources, context, tuple(kinds), tuple(receivers))
        found |= {each for each in wrong if each.mark not in {known.mark for known in found}}
    warnings: tuple[Problem, ...] = ()
    if portfolio is not None and not found:
        now = SystemClock().now()
        warnings = (
            *possible_mistakes(portfolio, sources.root, now),
            *routing_warnings(portfolio, sources.root, now),
        )
    return Examined(
        portfolio=None if found else portfolio,
        problems=tuple(sorted(found)),
        warnings=(*sources.warnings, *placeholders(sources.root), *warnings),
        files=context.files,
        digest=identity(path, context.files),
    )


def _validated(
    sources: Sources,
    context: Context,
    kinds: tuple[type[CheckBase], ...],
    receivers: tuple[type[ReceiverBase], ...],
) -> tuple[Portfolio | None, list[Problem]]:
    model = portfolio_model(kinds, receivers)
    try:
        portfolio = model.model_validate(sources.root.plain(), context=context)
        return portfolio, list(routing_problems(portfolio, sources.root))
    except ValidationError as error:
        wrong = list(Translator(sources.root, model, kinds, receivers).problems(error))
    if not sources.complete:  # `products` may well be in the file that could not be read
        wrong = [each for each in wrong if each.key_path != "products"]
    return None, wrong


@lru_cache(maxsize=8)
def portfolio_model(
    kinds: tuple[type[CheckBase], ...], receivers: tuple[type[ReceiverBase], ...] = ()
) -> type[Portfolio]:
    """Return Portfolio with checks and receivers of the kinds, distinguished by the key of the kind.

    One class for the same kinds, so that products of two loads compare equal when they are.
    """

    check = _one_of(CheckBase, kinds)
    checks = Annotated[tuple[check, ...], Field(min_length=1)]  # type: ignore[valid-type]
    checks_field = Product.model_fields["checks"]
    product = create_model("Product", __base__=Product, checks=(checks, Field(description=checks_field.description)))
    products = Annotated[tuple[product, ...], Field(min_length=1)]
    fields: dict[str, Any] = {"products": (products, _described("products"))}
    if receivers:
        receiver = _one_of(ReceiverBase, receivers)
        fields["receivers"] = (tuple[receiver, ...], _described("receivers", default=()))  # type: ignore[valid-type]
    return create_model("Portfolio", __base__=Portfolio, **fields)


def _described(name: str, **more: Any) -> Any:
    return Field(description=Portfolio.model_fields[name].description, **more)


def _one_of(base: type[CheckBase | ReceiverBase], kinds: Sequence[type[CheckBase | ReceiverBase]]) -> Any:
    """Return the union of the kinds, distinguished by their keys."""

    def kind_of(raw: Any) -> str | None:
        if isinstance(raw, base):
            return raw.kind
        claimed = [kind.kind for kind in kinds if kind.claims(raw)] if isinstance(raw, Mapping) else []
        return claimed[0] if len(claimed) == 1 else None

    tagged = tuple(Annotated[kind, Tag(kind.kind)] for kind in kinds)
    return Annotated[Union[tagged], Discriminator(kind_of)]  # noqa: UP007
