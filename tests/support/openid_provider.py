"""An OpenID Connect provider on a free port: discovery, keys, authorization without a form, and the token endpoint."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT_ID, CLIENT_SECRET = "ninewatch", "canary-client-secret"


@dataclass
class OpenIdProvider:
    """A provider whose person and tokens a test changes. `now` is seconds since the epoch.

    `claims` replaces claims of the ID token; a claim of None is omitted. `statuses` are the answers of endpoints that
    fail. `requests` are the paths of all requests.
    """

    now: Callable[[], int]
    issuer: str = ""
    name: str = "ana"
    roles: list[str] = field(default_factory=lambda: ["viewers"])
    claims: dict[str, Any] = field(default_factory=dict)
    access_claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    error: str = ""
    signing_key: RSAKey | None = None
    requests: list[str] = field(default_factory=list)
    _key: RSAKey = field(default_factory=lambda: new_key("first"))
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate_keys(self, name: str = "second") -> None:
        """Replace the published signing key."""
        self._key = new_key(name)

    def login(self, **changed: Any) -> dict[str, Any]:
        """Return the block `login` of a configuration that uses this provider."""
        roles = {"claim": "realm_access.roles", "viewer": ["viewers"], "operator": ["operators"], "admin": ["admins"]}
        return {"oidc": {"issuer": self.issuer, "client_id": CLIENT_ID, "roles": roles, **changed}}

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._observe])
        app.router.add_get("/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/end", self._end)
        return app

    @web.middleware
    async def _observe(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(request.path)
        if request.path in self.statuses:
            return web.json_response({"error": "failing"}, status=self.statuses[request.path])
        return await handler(request)

    async def _metadata(self, _: web.Request) -> web.Response:
        paths = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        addresses = {name: self.issuer + path for name, path in {**paths, "end_session_endpoint": "/end"}.items()}
        return web.json_response({"issuer": self.issuer, **addresses, **self.metadata})

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self._key.as_dict(private=False)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        """Sign the person in at once."""
        query = dict(request.query)
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        answer = {"error": self.error} if self.error else {"code": code}
        location = f"{query['redirect_uri']}?{urlencode({**answer, 'state': query['state'], 'iss': self.issuer})}"
        return web.Response(status=302, headers={"Location": location})

    async def _token(self, request: web.Request) -> web.Response:
        """Exchange a code once, for the client that asked for it with the verifier of its challenge."""
        form = await request.post()
        asked = self._codes.pop(str(form.get("code")), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).decode()
        if asked is None or form["redirect_uri"] != asked["redirect_uri"] or form["client_id"] != CLIENT_ID:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if (challenge.rstrip("="), "S256") != (asked["code_challenge"], asked["code_challenge_method"]):
            return web.json_response({"error": "invalid_grant", "error_description": "PKCE"}, status=400)
        tokens = {"id_token": self._id_token(asked["nonce"]), "access_token": self._access_token()}
        return web.json_response({"token_type": "Bearer", **tokens})

    async def _end(self, _: web.Request) -> web.Response:
        return web.Response(text="ended")

    def _id_token(self, nonce: str) -> str:
        roles = {"realm_access": {"roles": self.roles}}
        claims = self._common() | {"aud": CLIENT_ID, "nonce": nonce, "preferred_username": self.name} | roles
        return self._signed(claims | self.claims)

    def _access_token(self) -> str:
        return self._signed(self._common() | {"aud": "account", "azp": CLIENT_ID} | self.access_claims)

    def _common(self) -> dict[str, Any]:
        return {"iss": self.issuer, "sub": f"id-of-{self.name}", "iat": self.now(), "exp": self.now() + 300}

    def _signed(self, claims: dict[str, Any]) -> str:
        key = self.signing_key or self._key
        return jwt.encode(
            {"alg": "RS256", "kid": key.kid}, {name: value for name, value in claims.items() if value is not None}, key
        )


@lru_cache
def new_key(name: str, number: int = 0) -> RSAKey:
    """Return the key with this id and number."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@contextlib.asynccontextmanager
async def openid_provider(now: Callable[[], int]) -> AsyncIterator[OpenIdProvider]:
    """Run a provider on a free port while the `with` block runs."""
    provider = OpenIdProvider(now)
    runner = web.AppRunner(provider.application())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield provider
    finally:
        await runner.cleanup()
