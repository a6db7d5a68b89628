"""The fields of the forms of subscribers: components, kinds of message and language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from monitor.access.subscriptions import KINDS, Choice
from monitor.language import NAMES, translatable
from monitor.web.errors import Refusal
from monitor.web.request_body import read_body

if TYPE_CHECKING:
    from aiohttp import web

    from monitor.config.status_pages import StatusPage

LABELS: Final = {"incidents": translatable("Incidents"), "maintenance": translatable("Planned maintenance")}
INCOMPLETE: Final = Refusal(
    400, translatable("the form is not complete"), translatable("open the page again and use its buttons")
)


async def form_fields(request: web.Request) -> dict[str, list[str]]:
    """Return the fields of the form. Mail programs send their request also as multipart/form-data (RFC 8058).

    Raises:
        Refusal: the body is neither.
    """
    body = await read_body(request)
    if request.content_type == "multipart/form-data":
        if b'name="List-Unsubscribe"' in body and b"One-Click" in body:
            return {"List-Unsubscribe": ["One-Click"]}
        raise INCOMPLETE
    if body and request.content_type != "application/x-www-form-urlencoded":
        raise INCOMPLETE
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=500)
    except ValueError:
        raise INCOMPLETE from None


def choice_of(fields: dict[str, list[str]], page: StatusPage) -> Choice | None:
    """Return the chosen components and kinds; all components as none. None if there is no component or no kind."""
    known = [component.id for component in page.components]
    components = tuple(name for name in known if name in fields.get("component", ()))
    kinds = tuple(kind for kind in KINDS if kind in fields.get("kind", ()))
    if not components or not kinds:
        return None
    spoken = fields.get("language", [""])[0]
    return Choice(
        () if len(components) == len(known) else components, kinds, spoken if spoken in page.languages else ""
    )


def chosen_view(page: StatusPage, choice: Choice) -> dict[str, Any]:
    """Return the components and kinds of the page, and which of them are chosen."""
    return {
        "components": [
            {
                "id": component.id,
                "name": component.name,
                "on": not choice.components or component.id in choice.components,
            }
            for component in page.components
        ],
        "kinds": [{"id": kind, "name": LABELS[kind], "on": kind in choice.kinds} for kind in KINDS],
        "languages": [
            {"id": code, "name": NAMES[code], "on": code == (choice.language or page.languages[0])}
            for code in page.languages
        ],
    }
