"""GET /api/v1/session: who is signed in."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from monitor.access.principal import AuthMethod
from monitor.access.roles import UserRole
from monitor.web.access import Role, role
from monitor.web.context import as_json
from monitor.web.errors import check_query
from monitor.web.openapi_schemas import MAYBE_TEXT, TEXT, list_of, object_of
from monitor.web.sessions import person_of

routes = web.RouteTableDef()

PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/session": (
        "Who is signed in, with role and scopes; null without a sign-in",
        object_of(
            name=MAYBE_TEXT,
            role={"enum": [*(role.value for role in UserRole), None]},
            method={"enum": [AuthMethod.SESSION.value, AuthMethod.PROXY.value, None]},
            scopes=list_of(TEXT),
        ),
        {},
    ),
}


@routes.get("/api/v1/session")
@role(Role.PUBLIC)
async def session(request: web.Request) -> web.Response:
    """Return who is signed in, and with which role and scopes. Null without a sign-in."""
    check_query(request)
    person = person_of(request)
    if person is None:
        return as_json({"name": None, "role": None, "method": None, "scopes": []})
    return as_json({"name": person.name, "role": person.role, "method": person.method, "scopes": sorted(person.scopes)})
