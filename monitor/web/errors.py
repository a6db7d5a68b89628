"""Error responses: one line and a remedy."""

from __future__ import annotations

from aiohttp import web

from monitor.web.context import CONTEXT, as_json


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """A request that is not served. `remedy` says what would be."""

    def __init__(self, status: int, problem: str, remedy: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem
        self.remedy = remedy
        self.headers = headers


def refuse(request: web.Request, refusal: Refusal) -> web.Response:
    """Return the answer in the form its reader asked in: JSON below /api, a page for a browser, a line elsewhere."""
    if request.path.startswith("/api/"):
        response = as_json({"error": refusal.problem, "remedy": refusal.remedy}, status=refusal.status)
    elif "text/html" in request.headers.get("Accept", ""):
        page = request.app[CONTEXT].assets.render("error.html.j2", refusal=refusal)
        response = web.Response(text=page, content_type="text/html", charset="utf-8", status=refusal.status)
    else:
        response = web.Response(text=f"{refusal.problem}; {refusal.remedy}\n", status=refusal.status)
    response.headers.update(refusal.headers)
    return response


def only(request: web.Request, *known: str) -> None:
    """Refuse a parameter that would be ignored, and one given twice: either answer would be to another question.

    Raises:
        Refusal: there is one.
    """
    takes = f"known parameters: {', '.join(known)}" if known else "this endpoint has no parameters"
    for name in request.query:
        if name not in known:
            raise Refusal(400, f'unknown parameter "{name[:40]}"', takes)
        if len(request.query.getall(name)) > 1:
            raise Refusal(400, f'"{name}" is specified more than once', "specify it once")
