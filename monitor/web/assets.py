"""Load templates, style sheet and script once, and serve them under names that change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from monitor.views import formatting

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file as it is sent."""

    body: bytes
    media: str

    def response(self) -> web.Response:
        """Return it with leave to keep it for a year: its address holds a hash of its bytes."""
        keep = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.Response(body=self.body, content_type=self.media, charset="utf-8", headers=keep)


class Assets:
    """The files of `static/` by hashed name, and the templates, escaped by default and strict about what is missing."""

    def __init__(self, static: dict[str, Asset], names: dict[str, str]) -> None:
        self.static = static
        self._templates = Environment(
            loader=PackageLoader("monitor.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(formatting.FILTERS)
        self._templates.globals["static"] = {name: f"/static/{hashed}" for name, hashed in names.items()}
        # Compiled now: the first reader's page would otherwise hold the loop for it.
        self._pages = {name: self._templates.get_template(name) for name in self._templates.list_templates()}

    @classmethod
    def load(cls) -> Assets:
        """Return the assets of this package."""
        static, names = {}, {}
        for file in files("monitor.web").joinpath("static").iterdir():
            stem, _, ending = file.name.rpartition(".")
            if media := _TYPES.get("." + ending):
                body = file.read_bytes()
                names[file.name] = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{ending}"
                static[names[file.name]] = Asset(body, media)
        return cls(static, names)

    def render(self, template: str, **values: Any) -> str:
        """Return the page."""
        return self._pages[template].render(**values)

    def stream(self, template: str, **values: Any) -> Iterator[str]:
        """Yield the page in parts, so that rendering a long page can pause."""
        yield from self._pages[template].generate(**values)
