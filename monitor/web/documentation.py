"""Serve the built documentation under /docs, if `documentation` is configured."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.errors import NinewatchError
from monitor.web.access import Role, role
from monitor.web.errors import Refusal

if TYPE_CHECKING:
    from pathlib import Path

routes = web.RouteTableDef()

FOLDER: web.AppKey[Path] = web.AppKey("documentation")
START: Final = "index.html"

# Media types of files that aiohttp does not know, or that browsers would download instead of showing.
_HTML, _TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
_TEXT_SUFFIXES: Final = frozenset(("", ".csv", ".jsonl", ".md", ".py", ".service", ".tpl", ".txt", ".yaml", ".yml"))


def checked_folder(folder: Path) -> Path:
    """Return the absolute path of a folder with built documentation.

    Raises:
        NinewatchError: there is no start page in it, or it cannot be read.
    """
    try:
        (folder / START).open("rb").close()
        return folder.resolve(strict=True)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise NinewatchError(
            f"documentation: cannot read {folder / START}: {reason}; build it with `make docs` in a checkout (it writes"
            " var/site), or remove the key"
        ) from None


@routes.get("/docs")
@role(Role.READ)
async def start(request: web.Request) -> web.Response:
    """Redirect to the start page, because its links are relative to the folder."""
    _folder(request)
    raise web.HTTPPermanentRedirect("/docs/")


@routes.get("/docs/{name:.*}")
@role(Role.READ)
async def documentation(request: web.Request) -> web.StreamResponse:
    """Return a file. Browsers keep it, and ask with its ETag whether it has changed."""
    folder, name = _folder(request), request.match_info["name"]
    path = await asyncio.to_thread(_file, folder, name or START)
    if path is None:
        raise Refusal(404, f"the documentation has no page {name[:200]}", "start at /docs/")
    headers = {"Cache-Control": "private, no-cache"}
    if path.suffix == ".html":
        headers["Content-Type"] = _HTML
    elif path.suffix in _TEXT_SUFFIXES:
        headers["Content-Type"] = _TEXT
    return web.FileResponse(path, headers=headers)


def _folder(request: web.Request) -> Path:
    """Return the folder of the documentation.

    Raises:
        Refusal: none is configured.
    """
    if (folder := request.app.get(FOLDER)) is None:
        raise Refusal(404, "this server has no documentation", "set `documentation` in the configuration")
    return folder


def _file(folder: Path, name: str) -> Path | None:
    """Return the file of this name. None if there is none in the folder: links that leave the folder do not count."""
    try:
        path = (folder / name).resolve(strict=True)
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError, RuntimeError):
        return None
    return path if is_file and path.is_relative_to(folder) else None
