"""Load templates, style sheet and script once. The names of static files change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context

from monitor.language import ENGLISH
from monitor.views import formatting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2.runtime import Context

    from monitor.language import Language
    from monitor.views.time_slice import TimeSlices

_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file: its content and media type."""

    body: bytes
    media_type: str

    def response(self) -> web.Response:
        """Return the file. Clients may cache it for a year, because its address has a hash of its content."""
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.Response(body=self.body, content_type=self.media_type, charset="utf-8", headers=headers)


@pass_context
def _gettext(context: Context, text: str) -> str:
    """Return the text in the language of the page, which is English without `language`."""
    language: Language = context.get("language", ENGLISH)
    return language.gettext(text)


@pass_context
def _ngettext(context: Context, one: str, many: str, count: int) -> str:
    language: Language = context.get("language", ENGLISH)
    return language.ngettext(one, many, count)


class Assets:
    """The files of `static/` by hashed name, and the templates, which escape values and reject undefined ones.

    `names` are the hashed names by file name.
    """

    def __init__(self, static: dict[str, Asset], names: dict[str, str]) -> None:
        self.static = static
        self.names = names
        self._templates = Environment(
            loader=PackageLoader("monitor.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n"],
        )
        self._templates.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
        self._templates.filters["translated"] = _gettext
        self._templates.filters.update(formatting.FILTERS)
        self._templates.globals["static"] = {name: f"/static/{hashed}" for name, hashed in names.items()}
        # Templates are compiled at startup, because compiling would block the event loop.
        self._compiled = {name: self._templates.get_template(name) for name in self._templates.list_templates()}

    @classmethod
    def load(cls) -> Assets:
        """Return the assets of this package."""
        static, names = {}, {}
        for file in files("monitor.web").joinpath("static").iterdir():
            stem, _, suffix = file.name.rpartition(".")
            if media_type := _MEDIA_TYPES.get("." + suffix):
                body = file.read_bytes()
                names[file.name] = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{suffix}"
                static[names[file.name]] = Asset(body, media_type)
        return cls(static, names)

    def render(self, template: str, **values: Any) -> str:
        """Return the rendered template."""
        return self._compiled[template].render(**values)

    def stream(self, template: str, **values: Any) -> Iterator[str]:
        """Yield the rendered template in parts, so that other tasks can run between them."""
        yield from self._compiled[template].generate(**values)

    async def render_in_slices(self, template: str, slices: TimeSlices, **values: Any) -> str:
        """Return the rendered template. Other tasks run between its parts."""
        parts = []
        for part in self.stream(template, **values):
            parts.append(part)
            await slices.yield_if_spent()
        return "".join(parts)
