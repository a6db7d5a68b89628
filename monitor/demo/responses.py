"""Responses of the simulated products, modelled on CHEFS, Keycloak, CSS, DROP, GC Notify and a proof of concept.

They match the products' public repositories in everything that a monitor checks: status, content type, keys, and
misleading responses (200 while not ready, a maintenance page on the health URL).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from aiohttp import web

Answer = Callable[[web.BaseRequest, int], web.Response]
"""Function from a request and an instant (microseconds since the Unix epoch) to a response."""

BODY = web.RequestKey("body", bytes)
"""The body of a request, read before the response is created."""

Routes = Mapping[str, Answer]
"""Path -> handler; "*" handles all other paths."""


def answer(routes: Routes, request: web.BaseRequest, now: int) -> web.Response:
    """Return the response of the request's route, or 404."""
    route = routes.get(request.path) or routes.get("*") or _not_found
    return route(request, now)


def _not_found(_request: web.BaseRequest, _now: int) -> web.Response:
    return web.Response(status=404, text="Not Found")


def _json(body: object, *, status: int = 200, content_type: str = "application/json; charset=utf-8") -> Answer:
    """Return a handler with a constant JSON response."""
    raw = _dumps(body)
    return lambda _request, _now: _with_content_type(raw, status, content_type)


def _with_content_type(raw: bytes, status: int, content_type: str, reason: str | None = None) -> web.Response:
    return web.Response(status=status, reason=reason, body=raw, headers={"Content-Type": content_type})


def _text(body: str, *, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Answer:
    raw = body.encode()
    return lambda _request, _now: _with_content_type(raw, status, content_type)


def _page(title: str, paragraph: str, *, status: int = 200) -> Answer:
    head, body = f"<title>{title}</title>", f"<h1>{title}</h1><p>{paragraph}</p>"
    html = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
    return _text(html, status=status, content_type="text/html; charset=utf-8")


def _dumps(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _instant(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1_000_000, UTC)


# CHEFS: /app/api is "ok"; /app/api/v1/status is always 200, and `ready` is correct. While a connection is lost, every
# other route is 503, so only /status shows the cause.
_CONNECTIONS = {
    "dataConnection": "Database",
    "eventStreamService": "Event Stream Service",
    "clamAvScanner": "Virus Scanner",
}


def _chefs_state(lost: str | None) -> dict[str, object]:
    connections = {
        key: {"displayName": name, "connected": key != lost, "started": True} for key, name in _CONNECTIONS.items()
    }
    return {"ready": lost is None, "stopped": False, "connections": connections}


def _chefs_unready(lost: str) -> Routes:
    problem = {
        "type": "https://httpstatuses.com/503",
        "title": "Service Unavailable",
        "status": 503,
        "details": {"message": "Server is not ready", **_chefs_state(lost)},
    }
    return {
        "/app/api/v1/status": _json(_chefs_state(lost)),
        "*": _json(problem, status=503, content_type="application/problem+json; charset=utf-8"),
    }


def _chefs_unknown_path(request: web.BaseRequest, now: int) -> web.Response:
    """Return a 404 problem for unknown API paths, and a redirect to the front end for other unknown paths."""
    if request.path.startswith("/app/api/"):
        problem = {"type": "https://httpstatuses.com/404", "title": "Not Found", "status": 404}
        return _json(problem, status=404, content_type="application/problem+json; charset=utf-8")(request, now)
    return web.Response(status=302, headers={"Location": f"/app/?r={request.path}"})


CHEFS: Routes = {
    "/app/": _page("Common Hosted Forms", "Create and share forms."),
    "/app/api": _json("ok"),
    "/app/api/v1/": _json({"endpoints": ["/docs", "/files", "/forms", "/rbac", "/submissions", "/status", "/users"]}),
    "/app/api/v1/status": _json(_chefs_state(None)),
    "*": _chefs_unknown_path,
}
CHEFS_NOT_READY = _chefs_unready("eventStreamService")


# Keycloak: discovery and JWKS of the realms `master` and `standard`. In disaster recovery the maintenance page responds
# on the same URLs with 200 text/html. The key has the right format; nothing is signed with it.
_ISSUER = "https://loginproxy.gov.bc.ca/auth/realms/"
_KEYCLOAK_JSON = "application/json;charset=UTF-8"


def _discovery(realm: str) -> Answer:
    issuer = _ISSUER + realm
    protocol = issuer + "/protocol/openid-connect"
    body = {
        "issuer": issuer,
        "authorization_endpoint": protocol + "/auth",
        "token_endpoint": protocol + "/token",
        "introspection_endpoint": protocol + "/token/introspect",
        "userinfo_endpoint": protocol + "/userinfo",
        "end_session_endpoint": protocol + "/logout",
        "jwks_uri": protocol + "/certs",
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "response_types_supported": ["code", "none", "id_token", "token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "PS256"],
    }
    return _json(body, content_type=_KEYCLOAK_JSON)


def _jwks(realm: str) -> Answer:
    kid = hashlib.sha256(realm.encode()).digest()
    modulus = b"".join(hashlib.sha256(kid + bytes([n])).digest() for n in range(8))
    key = {"kid": _base64url(kid), "kty": "RSA", "alg": "RS256", "use": "sig", "n": _base64url(modulus), "e": "AQAB"}
    return _json({"keys": [key]}, content_type=_KEYCLOAK_JSON)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


KEYCLOAK: Routes = {
    f"/auth/realms/{realm}/{path}": of(realm)
    for realm in ("master", "standard")
    for path, of in ((".well-known/openid-configuration", _discovery), ("protocol/openid-connect/certs", _jwks))
}
KEYCLOAK_MAINTENANCE: Routes = {
    "*": _page(
        "We&rsquo;ll be back soon!",
        "Sorry for the inconvenience but we&rsquo;re performing some maintenance at the moment.",
    )
}
# A route whose pods are scaled to zero: the response of the platform's router.
KEYCLOAK_STANDBY: Routes = {
    "*": _page("Application is not available", "The application is currently not serving requests.", status=503)
}


# CSS: the API's heartbeat does not pass the maintenance gate, so it stays 200 while every other route is 503.
def _row(_request: web.BaseRequest, now: int) -> list[dict[str, str]]:
    return [{"now": _instant(now).isoformat(timespec="milliseconds").replace("+00:00", "Z")}]


def _portal_heartbeat(request: web.BaseRequest, now: int) -> web.Response:
    if request.method not in ("GET", "HEAD"):
        return _json({"message": "Method not allowed"}, status=405)(request, now)
    return _json({"message": _row(request, now)})(request, now)


def _api_heartbeat(request: web.BaseRequest, now: int) -> web.Response:
    return _json(_row(request, now))(request, now)


def _integrations(request: web.BaseRequest, now: int) -> web.Response:
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        return _json({"success": False, "message": "not authorized"}, status=401)(request, now)
    integration = {"id": 2, "projectName": "test", "authType": "oidc", "environments": ["dev"], "status": "applied"}
    return _json({"data": [integration]})(request, now)


CSS_PORTAL: Routes = {
    "/": _page("Common Hosted Single Sign-on", "Request a single sign-on integration."),
    "/api/heartbeat": _portal_heartbeat,
}
CSS_PORTAL_BROKEN: Routes = {**CSS_PORTAL, "/api/heartbeat": _json({"message": "Internal server error"}, status=500)}
CSS_API: Routes = {
    "/api/v1/heartbeat": _api_heartbeat,
    "/api/v1/integrations": _integrations,
    "/openapi/swagger": _page("CSS API", "Swagger UI"),
}
CSS_API_BROKEN: Routes = {**CSS_API, "/api/v1/heartbeat": _json({"message": "Internal server error"}, status=500)}
CSS_API_RECOVERY: Routes = {
    "/api/v1/heartbeat": _api_heartbeat,
    "*": _text("API not available. The Keycloak application is in a Disaster Recovery state.", status=503),
}


# DROP: a global interceptor wraps every body in `data`. The health route is static and does not use the database.
def _drop_version(request: web.BaseRequest, now: int) -> web.Response:
    if not request.headers.get("Authorization", "").startswith("Basic "):
        return _json({"statusCode": 401, "message": "Unauthorized"}, status=401)(request, now)
    return _json({"data": {"buildId": "NA", "info": "NA", "env": "demo"}})(request, now)


DROP: Routes = {"/api/v1/health": _json({"data": {"status": "ok"}}), "/api/v1/version": _drop_version}
DROP_BROKEN: Routes = {"*": _json({"statusCode": 500, "message": "Internal server error"}, status=500)}


# GC Notify: without its database the handler uses SQLAlchemy's error code as status: "0 e3q8".
def _notify_status(request: web.BaseRequest, now: int) -> web.Response:
    if request.rel_url.query.get("simple"):
        return _json({"status": "ok"}, content_type="application/json")(request, now)
    body = {
        "build_time": "2026-08-04_16:02:11",
        "commit_sha": "0f4a7c1d",
        "current_time_utc": str(_instant(now)),
        "db_version": "0512_add_index",
        "status": "ok",
    }
    return _json(body, content_type="application/json")(request, now)


def _notify_without_database(request: web.BaseRequest, now: int) -> web.Response:
    if request.rel_url.query.get("simple"):
        return _notify_status(request, now)
    return _with_content_type(
        _dumps({"message": "Database error", "result": "error"}), 0, "application/json", reason="e3q8"
    )


def _components(**statuses: str) -> Answer:
    components = ("api", "admin", "email", "sms")
    return _json(
        [{"id": component, "status": statuses.get(component, "up")} for component in components],
        content_type="application/json",
    )


NOTIFY_API: Routes = {"/": _notify_status, "/_status": _notify_status}
NOTIFY_API_BROKEN: Routes = {"/": _notify_without_database, "/_status": _notify_without_database}
NOTIFY_PAGE: Routes = {"/response.json": _components()}
NOTIFY_PAGE_DEGRADED: Routes = {"/response.json": _components(email="degraded", sms="degraded")}
NOTIFY_PAGE_DOWN: Routes = {"/response.json": _components(api="down", email="down", sms="down")}


# Staff secondment: a proof of concept without a published interface.
SECONDMENT: Routes = {"/": _page("Secondments", "Apply for a secondment."), "/health": _json({"status": "ok"})}
SECONDMENT_BROKEN: Routes = {"*": _text("Internal Server Error", status=500)}


# The targets of the references, which only have to respond.
REFERENCE: Routes = {"*": _text("ok")}
