"""The person who sends a request: by the cookie of a session, or by the headers of a trusted proxy."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from monitor.access.principal import AuthMethod, Principal
from monitor.access.roles import relevant_names, role_of
from monitor.access.sessions import Session, Sessions
from monitor.login.transaction import TransactionSigner
from monitor.web.context import CONTEXT, address_of
from monitor.web.same_origin import is_encrypted

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.config.login import LoginBlock, OidcLogin, ProxyLogin
    from monitor.login.provider import MakeAttempt, Provider

MAX_NAME: Final = 100
HOST_COOKIE: Final = "__Host-ninewatch-session"  # browsers accept `__Host-` over HTTPS only
_MAX_PATH: Final = 500


class SignIns:
    """The sessions, and the provider that people sign in with."""

    def __init__(self, clock: Clock) -> None:
        self.sessions, self.signer = Sessions(clock), TransactionSigner()
        self._clock = clock
        self._provider: Provider | None = None

    async def provider(self, login: OidcLogin, make_attempt: MakeAttempt) -> Provider:
        """Return the provider of the configuration, with its endpoints and keys if they are known.

        Its module is loaded in a thread with the first sign-in, because loading its libraries takes long.
        """
        if self._provider is None or self._provider.login != login:
            module = await asyncio.to_thread(importlib.import_module, "monitor.login.provider")
            self._provider = module.Provider(login, self._clock, make_attempt)
        return self._provider

    def logout_origin(self, login: OidcLogin) -> str:
        """Return the origin of the provider's logout, which /logout redirects to; nothing is fetched."""
        provider = self._provider
        parts = urlsplit(login.issuer if provider is None or provider.login != login else provider.logout_address)
        return f"{parts.scheme}://{parts.netloc}"


SIGN_INS: web.AppKey[SignIns] = web.AppKey("sign_ins")


def session_cookie(request: web.Request) -> str:
    """Return the name of the session's cookie."""
    return HOST_COOKIE if is_encrypted(request) else "ninewatch-session-unencrypted"


def sign_in_cookie(request: web.Request) -> str:
    """Return the name of the cookie of a sign-in in progress."""
    return "__Host-ninewatch-sign-in" if is_encrypted(request) else "ninewatch-sign-in-unencrypted"


def set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and that other sites' pages cannot send, until the browser is closed."""
    response.set_cookie(name, value, path="/", secure=is_encrypted(request), httponly=True, samesite="Lax")


def delete_cookie(request: web.Request, response: web.StreamResponse, name: str) -> None:
    """Delete a cookie."""
    response.del_cookie(name, path="/", secure=is_encrypted(request), httponly=True, samesite="Lax")


def local_path(path: str) -> str:
    """Return the path if it leads to this server, or else `/`. Browsers read `//host` and `/\\host` as another host."""
    local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isascii() and path.isprintable()
    return path if local and len(path) <= _MAX_PATH else "/"


def sign_in_path(request: web.Request) -> str:
    """Return the path that starts a sign-in and then returns to the page of the request."""
    return f"/login?return={quote(local_path(request.path_qs), safe='/')}"


def person_of(request: web.Request) -> Principal | None:
    """Return the person who sends the request. None without a session or trusted header, or without a role."""
    login = request.app[CONTEXT].ledger.portfolio.login
    if login is None:
        return None
    return _by_session(request, login) if login.proxy is None else _by_proxy(request, login.proxy)


def session_of(request: web.Request, login: LoginBlock) -> Session | None:
    """Return the session of the request's cookie. None without one, or if it has ended."""
    value = request.cookies.get(session_cookie(request), "")
    if not value or login.oidc is None:
        return None
    session = request.app[SIGN_INS].sessions.find(value, login.session.idle, login.session.longest)
    return session if session is not None and session.issuer == login.oidc.issuer else None


def has_session(request: web.Request) -> bool:
    """Return whether the session of the request's cookie has not ended. Does not extend it."""
    login, value = request.app[CONTEXT].ledger.portfolio.login, request.cookies.get(session_cookie(request), "")
    if login is None or login.oidc is None:
        return False
    return request.app[SIGN_INS].sessions.exists(value, login.session.idle, login.session.longest)


def _by_session(request: web.Request, login: LoginBlock) -> Principal | None:
    session = session_of(request, login)
    if session is None or login.oidc is None:
        return None
    role = role_of(login.oidc.roles.by_role, session.names)
    return None if role is None else Principal.of_person(AuthMethod.SESSION, session.subject, session.name, role)


def _by_proxy(request: web.Request, proxy: ProxyLogin) -> Principal | None:
    """Return the person that the proxy states. None if the request does not come from the proxy."""
    names = request.headers.getall(proxy.header, [])
    if not request.remote or len(names) != 1:
        return None
    address, name = address_of(request.remote), names[0].strip()
    trusted = any(address in network for network in proxy.from_)
    if not trusted or not name or len(name) > MAX_NAME or not name.isprintable():
        return None
    stated = [text.strip() for header in request.headers.getall(proxy.roles_header, []) for text in header.split(",")]
    role = role_of(proxy.roles.by_role, relevant_names(proxy.roles.by_role, stated))
    return None if role is None else Principal.of_person(AuthMethod.PROXY, name, name, role)
