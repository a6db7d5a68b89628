"""Error responses with a problem and a remedy."""

from __future__ import annotations

from aiohttp import web

from monitor.config.status_pages import page_of_host
from monitor.language import ENGLISH
from monitor.web.accept_language import error_language
from monitor.web.context import CONTEXT, as_json


class Refusal(Exception):  # noqa: N818 - it is a response, not a fault
    """The rejection of a request. `remedy` describes a request that would be accepted."""

    def __init__(self, status: int, problem: str, remedy: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem
        self.remedy = remedy
        self.headers = headers

    def without_traceback(self) -> Refusal:
        """Remove the traceback, which grows each time a constant is raised and keeps these requests in memory."""
        return self.with_traceback(None)


def expects_page(request: web.Request) -> bool:
    """Return whether the client is a browser that opens a page or sends a form, not a script or a program."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def error_response(request: web.Request, refusal: Refusal) -> web.Response:
    """Return the error response: JSON below /api, a page for a browser, otherwise a line of text."""
    context = request.app[CONTEXT]
    if request.path.startswith("/api/"):
        response = as_json({"error": refusal.problem, "remedy": refusal.remedy}, status=refusal.status)
    elif expects_page(request):
        public = request.path.startswith("/status/") or page_of_host(context.ledger.portfolio, request.host) is not None
        without_query = request.path if refusal.status == 400 and request.method == "GET" else ""
        template = "status/error.html.j2" if public else "error.html.j2"
        spoken = error_language(request) if public else ENGLISH
        page = context.assets.render(template, refusal=refusal, without_query=without_query, language=spoken)
        response = web.Response(text=page, content_type="text/html", charset="utf-8", status=refusal.status)
    else:
        response = web.Response(text=f"{refusal.problem}; {refusal.remedy}\n", status=refusal.status)
    response.headers.update(refusal.headers)
    return response


def check_query(request: web.Request, *known: str) -> None:
    """Check the names of the query parameters, because an ignored parameter would give a misleading response.

    Raises:
        Refusal: a parameter is unknown, or is specified twice.
    """
    remedy = f"known parameters: {', '.join(known)}" if known else "this endpoint has no parameters"
    for name in request.query:
        if name not in known:
            raise Refusal(400, f'unknown parameter "{name[:40]}"', remedy)
        if len(request.query.getall(name)) > 1:
            raise Refusal(400, f'"{name}" is specified more than once', "specify it once")
