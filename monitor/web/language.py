"""Choose the language of a public page: the parameter `lang`, then the browser's languages, then the page's default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.language import language, loaded
from monitor.web.accept_language import PARAMETER, accepted
from monitor.web.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from monitor.language import Language


async def chosen_language(request: web.Request, languages: Sequence[str]) -> Language | None:
    """Return the language of the parameter `lang`. None without the parameter.

    Raises:
        Refusal: the page is not published in it.
    """
    code = request.query.get(PARAMETER)
    if code is None:
        return None
    if code not in languages:
        remedy = f"use {PARAMETER}={'|'.join(languages)}"
        raise Refusal(400, f'this page does not exist in the language "{code[:40]}"', remedy)
    await loaded([code])
    return language(code)


async def page_language(request: web.Request, languages: Sequence[str], preferred: str = "") -> Language:
    """Return the language of the parameter, else the preferred one, else the first that the browser accepts.

    Raises:
        Refusal: the page is not published in the language of the parameter.
    """
    chosen = await chosen_language(request, languages)
    if chosen is not None:
        return chosen
    code = preferred if preferred in languages else accepted(request.headers.get("Accept-Language", ""), languages)
    await loaded([code])
    return language(code)
