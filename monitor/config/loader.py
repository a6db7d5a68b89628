"""Load a configuration: read, merge, validate, and return it whole or every mistake in it. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Union

from pydantic import Discriminator, Field, Tag, ValidationError, create_model

from monitor.clock import SystemClock
from monitor.config.crosscheck import ambiguities, conflicts, doubts, omissions
from monitor.config.errors import ConfigError, Problem
from monitor.config.file_access import identity
from monitor.config.model import CheckBase, Portfolio, Product
from monitor.config.placeholders import placeholders
from monitor.config.sources import Sources
from monitor.config.validation_context import Context
from monitor.config.validation_messages import Translator


@dataclass(frozen=True, slots=True)
class Examined:
    """What loading found. `portfolio` is None if there are problems; warnings never prevent a load.

    `files` are the digests of all that was read, with secrets and CA bundles, for a `Watcher`. `digest` identifies what
    the YAML files say: the same for the same files, wherever the folder lies, and free of secrets.
    """

    portfolio: Portfolio | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    files: Mapping[Path, bytes]
    digest: str


def load(path: Path, kinds: Sequence[type[CheckBase]]) -> Portfolio:
    """Return the configuration of a file or a folder, in which a check may be of one of the kinds.

    Raises:
        ConfigError: it cannot be used; holds every problem, each with file, line, column and key path.
    """
    examined = examine(path, kinds)
    if examined.portfolio is None:
        raise ConfigError(examined.problems)
    return examined.portfolio


def examine(path: Path, kinds: Sequence[type[CheckBase]]) -> Examined:
    """Return what `load` would load, with its warnings, or everything that is wrong. Never raises for bad input."""
    context = Context()
    sources = Sources(path, context)
    found = set(sources.problems)
    portfolio: Portfolio | None = None
    found |= {*omissions(sources.root), *ambiguities(sources.root)}
    if sources.complete:
        found |= set(conflicts(sources.root))
    if sources.root.entries or sources.complete:
        portfolio, wrong = _validated(sources, kinds, context)
        found |= {each for each in wrong if each.mark not in {known.mark for known in found}}
    warnings: tuple[Problem, ...] = ()
    if portfolio is not None and not found:
        warnings = tuple(doubts(portfolio, sources.root, SystemClock().now()))
    return Examined(
        portfolio=None if found else portfolio,
        problems=tuple(sorted(found)),
        warnings=(*sources.warnings, *placeholders(sources.root), *warnings),
        files=context.files,
        digest=identity(path, context.files),
    )


def _validated(
    sources: Sources, kinds: Sequence[type[CheckBase]], context: Context
) -> tuple[Portfolio | None, list[Problem]]:
    model = portfolio_model(tuple(kinds))
    try:
        return model.model_validate(sources.root.plain(), context=context), []
    except ValidationError as error:
        wrong = list(Translator(sources.root, model, kinds).problems(error))
    if not sources.complete:  # `products` may well be in the file that could not be read
        wrong = [each for each in wrong if each.key_path != "products"]
    return None, wrong


@lru_cache(maxsize=8)
def portfolio_model(kinds: tuple[type[CheckBase], ...]) -> type[Portfolio]:
    """Return Portfolio with checks of the kinds, told apart by which kind's key is present.

    One class for the same kinds, so that products of two loads compare equal when they are.
    """

    def kind_of(raw: Any) -> str | None:
        if isinstance(raw, CheckBase):
            return raw.kind
        claimed = [kind.kind for kind in kinds if kind.claims(raw)] if isinstance(raw, Mapping) else []
        return claimed[0] if len(claimed) == 1 else None

    tagged = tuple(Annotated[kind, Tag(kind.kind)] for kind in kinds)
    check: Any = Annotated[Union[tagged], Discriminator(kind_of)]  # noqa: UP007
    checks = Annotated[tuple[check, ...], Field(min_length=1)]
    checks_field = Product.model_fields["checks"]
    product = create_model("Product", __base__=Product, checks=(checks, Field(description=checks_field.description)))
    products = Annotated[tuple[product, ...], Field(min_length=1)]
    products_field = Portfolio.model_fields["products"]
    return create_model(
        "Portfolio", __base__=Portfolio, products=(products, Field(description=products_field.description))
    )
