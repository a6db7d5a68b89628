"""The languages that a browser accepts, and those of the status page of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.config.status_pages import page_of_host
from monitor.language import ENGLISH, NAMES, language
from monitor.web.context import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiohttp import web

    from monitor.language import Language

PARAMETER: Final = "lang"
_MAX_HEADER: Final = 500  # characters of Accept-Language that are read


def accepted(header: str, languages: Sequence[str]) -> str:
    """Return the language with the highest weight in an Accept-Language header, by default the first.

    >>> accepted("de, fr-CA;q=0.9, en;q=0.8", ["en", "fr"]), accepted("de", ["en", "fr"]), accepted("", ["fr"])
    ('fr', 'en', 'fr')
    """
    weights: dict[str, float] = {}
    for code, weight in _ranges(header[:_MAX_HEADER]):
        weights[code] = max(weights.get(code, 0.0), weight)
    best = max(languages, key=lambda code: weights.get(code, 0.0))
    return best if weights.get(best, 0.0) > 0 else languages[0]


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    """Yield the primary language and the weight of the ranges of the header (RFC 9110, section 12.5.4)."""
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        try:
            weight = float(value) if name.strip().lower() == "q" else 1.0
        except ValueError:
            weight = 0.0
        code = tag.strip().lower().partition("-")[0]
        if code in NAMES and 0 <= weight <= 1:
            yield code, weight


def error_language(request: web.Request) -> Language:
    """Return the language of an error page of a status page, by default English."""
    portfolio, name = request.app[CONTEXT].ledger.portfolio, request.match_info.get("page")
    named = next((page for page in portfolio.status_pages if page.id == name), None)
    page = named or page_of_host(portfolio, request.host)
    if page is None:
        return ENGLISH
    code = request.query.get(PARAMETER, "")
    header = request.headers.get("Accept-Language", "")
    return language(code if code in page.languages else accepted(header, page.languages))
