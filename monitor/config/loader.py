"""Load a configuration: read, merge and validate its files, and return the portfolio or all errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Union

from pydantic import Discriminator, Field, Tag, ValidationError, create_model

from monitor.clock import SystemClock
from monitor.config.alerting import ReceiverBase
from monitor.config.crosscheck import ambiguous_booleans, conflicts, empty_values
from monitor.config.down_by_design import design_problems
from monitor.config.env_references import env_references
from monitor.config.errors import ConfigError, Problem
from monitor.config.file_access import identity
from monitor.config.model import CheckBase, Portfolio, Product
from monitor.config.portfolio_warnings import portfolio_warnings
from monitor.config.readiness_checks import readiness_problems
from monitor.config.reference_warnings import reference_warnings
from monitor.config.references import ReferenceBase, reference_types
from monitor.config.routing import routing_problems, routing_warnings
from monitor.config.sites import Site
from monitor.config.sources import Sources
from monitor.config.status_pages import status_page_problems
from monitor.config.validation_context import Context
from monitor.config.validation_messages import Translator


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of loading. `portfolio` is None if there are problems; warnings do not prevent loading.

    `files`: digests of all files that were read, also of secrets and CA bundles, for a `Watcher`. `digest` identifies
    the content of the YAML files. It does not depend on the location of the folder or on secrets.
    """

    portfolio: Portfolio | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    files: Mapping[Path, bytes]
    digest: str


def load(path: Path, kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> Portfolio:
    """Return the configuration of a file or a folder. `kinds` and `receivers` are the classes of checks and receivers.

    Raises:
        ConfigError: the configuration is invalid. The error contains all problems, with position and key path.
    """
    result = examine(path, kinds, receivers)
    if result.portfolio is None:
        raise ConfigError(result.problems)
    return result.portfolio


def examine(path: Path, kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> LoadResult:
    """Return the configuration as `load` does, with warnings, or all problems. Never raises for bad input."""
    context = Context()
    sources = Sources(path, context)
    problems = set(sources.problems)
    portfolio: Portfolio | None = None
    problems |= {*empty_values(sources.root), *ambiguous_booleans(sources.root)}
    if sources.complete:
        problems |= set(conflicts(sources.root))
    if sources.root.entries or sources.complete:
        portfolio, invalid = _validate(sources, context, tuple(kinds), tuple(receivers))
        problems |= {problem for problem in invalid if problem.mark not in {known.mark for known in problems}}
    warnings: tuple[Problem, ...] = ()
    if portfolio is not None and not problems:
        now = SystemClock().now()
        warnings = (
            *portfolio_warnings(portfolio, sources.root, now),
            *routing_warnings(portfolio, sources.root, now),
            *reference_warnings(portfolio, sources.root),
        )
    return LoadResult(
        portfolio=None if problems else portfolio,
        problems=tuple(sorted(problems)),
        warnings=(*sources.warnings, *env_references(sources.root), *warnings),
        files=context.files,
        digest=identity(path, context.files),
    )


def _validate(
    sources: Sources,
    context: Context,
    kinds: tuple[type[CheckBase], ...],
    receivers: tuple[type[ReceiverBase], ...],
) -> tuple[Portfolio | None, list[Problem]]:
    model = portfolio_model(kinds, receivers)
    try:
        portfolio = model.model_validate(sources.root.plain(), context=context)
        checks = (routing_problems, readiness_problems, design_problems, status_page_problems)
        return portfolio, [problem for check in checks for problem in check(portfolio, sources.root)]
    except ValidationError as error:
        problems = list(Translator(sources.root, model, kinds, receivers).problems(error))
    if not sources.complete:  # `products` may be in the file that could not be read
        problems = [problem for problem in problems if problem.key_path != "products"]
    return None, problems


@lru_cache(maxsize=8)
def portfolio_model(
    kinds: tuple[type[CheckBase], ...], receivers: tuple[type[ReceiverBase], ...] = ()
) -> type[Portfolio]:
    """Return the Portfolio class with checks and receivers of the kinds, distinguished by the key of the kind.

    The same kinds return the same class, so that equal products of two loads compare equal.
    """

    check = _one_of(CheckBase, kinds)
    checks = Annotated[tuple[check, ...], Field(min_length=1)]  # type: ignore[valid-type]
    checks_field = Product.model_fields["checks"]
    site = create_model("Site", __base__=Site, __doc__=Site.__doc__, **_site_checks(check))
    sites_field = Field(default=(), description=Product.model_fields["sites"].description)
    product = create_model(
        "Product",
        __base__=Product,
        checks=(checks, Field(description=checks_field.description)),
        sites=(tuple[site, ...], sites_field),
    )
    products = Annotated[tuple[product, ...], Field(min_length=1)]
    fields: dict[str, Any] = {"products": (products, _describe("products"))}
    if references := reference_types(kinds):
        reference = _one_of(ReferenceBase, references)
        fields["references"] = (tuple[reference, ...], _describe("references", default=()))  # type: ignore[valid-type]
    if receivers:
        receiver = _one_of(ReceiverBase, receivers)
        fields["receivers"] = (tuple[receiver, ...], _describe("receivers", default=()))  # type: ignore[valid-type]
    return create_model("Portfolio", __base__=Portfolio, **fields)


def _site_checks(check: Any) -> dict[str, Any]:
    """Return the fields of a site with checks of the kinds."""
    active, direct = (Site.model_fields[name].description for name in ("active", "direct"))
    return {
        "active": (check, Field(description=active)),
        "direct": (check | None, Field(default=None, description=direct)),
    }


def _describe(name: str, **options: Any) -> Any:
    return Field(description=Portfolio.model_fields[name].description, **options)


def _one_of(base: type[CheckBase | ReceiverBase], kinds: Sequence[type[CheckBase | ReceiverBase]]) -> Any:
    """Return the union of the kinds, distinguished by their keys."""

    def kind_of(raw: Any) -> str | None:
        if isinstance(raw, base):
            return raw.kind
        matching = [kind.kind for kind in kinds if kind.matches(raw)] if isinstance(raw, Mapping) else []
        return matching[0] if len(matching) == 1 else None

    tagged = tuple(Annotated[kind, Tag(kind.kind)] for kind in kinds)
    return Annotated[Union[tagged], Discriminator(kind_of)]  # noqa: UP007
