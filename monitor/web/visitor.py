"""The person who looks at a page, for its masthead and forms; and the responses of pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from monitor.access.scopes import Scope, allows
from monitor.language import ENGLISH
from monitor.views.time_slice import TimeSlices
from monitor.web.context import CONTENT_SECURITY_POLICY, CONTEXT, form_policy
from monitor.web.sessions import SIGN_INS, person_of, session_of

if TYPE_CHECKING:
    from monitor.access.principal import Principal
    from monitor.language import Language

FORM_HEADERS: Final = {CONTENT_SECURITY_POLICY: form_policy()}
_CHANGE_SCOPES: Final = (Scope.ALERTS_WRITE, Scope.FACTS_WRITE, Scope.DRILLS_WRITE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person of a request, None without a sign-in; and whether the server has a sign-in with a provider."""

    person: Principal | None
    can_sign_in: bool

    def may(self, scope: str) -> bool:
        """Return whether the person's role includes the scope."""
        return self.person is not None and allows(self.person.scopes, Scope(scope))

    @property
    def may_change(self) -> bool:
        """Whether the person may use any of the forms."""
        return any(self.may(scope) for scope in _CHANGE_SCOPES)


def visitor_of(request: web.Request) -> Visitor:
    """Return the visitor of a page."""
    login = request.app[CONTEXT].ledger.portfolio.login
    return Visitor(person_of(request), login is not None and login.oidc is not None)


def page_headers(request: web.Request, *, has_form: bool) -> dict[str, str]:
    """Return the headers of a page. The masthead of a session has a form, which redirects to the provider."""
    context = request.app[CONTEXT]
    login = context.ledger.portfolio.login
    if login is None or login.oidc is None or session_of(request, login) is None:
        return FORM_HEADERS if has_form else {}
    return {CONTENT_SECURITY_POLICY: form_policy(request.app[SIGN_INS].logout_origin(login.oidc))}


def page_response(
    request: web.Request,
    template: str,
    page: Any = None,
    *,
    status: int = 200,
    has_form: bool = True,
    language: Language = ENGLISH,
) -> web.Response:
    """Return the rendered page. If it has a form, that may be sent to this server."""
    context = request.app[CONTEXT]
    title = context.ledger.portfolio.title
    text = context.assets.render(template, page=page, site_title=title, visitor=visitor_of(request), language=language)
    headers = page_headers(request, has_form=has_form)
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers, status=status)


async def long_page_response(request: web.Request, template: str, page: Any, *, status: int = 200) -> web.Response:
    """Return the rendered page with forms, as `page_response`. Other tasks run while it is rendered."""
    context = request.app[CONTEXT]
    title, visitor, slices = context.ledger.portfolio.title, visitor_of(request), TimeSlices(context.clock)
    text = await context.assets.render_in_slices(template, slices, page=page, site_title=title, visitor=visitor)
    headers = page_headers(request, has_form=True)
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers, status=status)
