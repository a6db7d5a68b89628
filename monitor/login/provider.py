"""The authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636) with one provider.

Endpoints and keys are fetched when a person signs in, and never at start: a provider that does not respond stops no
probe. Keys are fetched again for a token with an unknown key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url

from monitor.config.addresses import http_url
from monitor.login.errors import ProviderError, SignInRefused
from monitor.login.id_token import Person, UnknownKeyError, check_access_token, check_id_token, decode, person_of
from monitor.login.requests import fetch_json
from monitor.network.attempt import Attempt
from monitor.network.failure import quoted
from sla.interval import HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwt import Token

    from monitor.clock import Clock
    from monitor.config.login import OidcLogin
    from monitor.login.transaction import Transaction

MakeAttempt = Callable[[], Attempt]
ENDPOINTS_VALID: Final = HOUR
KEYS_VALID: Final = 10 * MINUTE  # a key that the provider removed is not accepted for longer


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of a provider. `end_session` is empty if it has none."""

    authorization: str
    token: str
    keys: str
    end_session: str
    client_auth: str


class Provider:
    """A provider with its endpoints and keys."""

    def __init__(self, login: OidcLogin, clock: Clock, make_attempt: MakeAttempt) -> None:
        self.login = login
        self._clock, self._make_attempt = clock, make_attempt
        self._endpoints: tuple[int, Endpoints] | None = None
        self._keys: tuple[int, Mapping[str, Any]] | None = None

    async def endpoints(self) -> Endpoints:
        """Return the endpoints, at most an hour old.

        Raises:
            ProviderError: they cannot be fetched.
        """
        now = self._clock.now()
        if self._endpoints is None or now >= self._endpoints[0] + ENDPOINTS_VALID:
            url = get_well_known_url(self.login.issuer, external=True)
            status, metadata = await fetch_json(self._make_attempt(), self.login, url)
            self._endpoints = now, _endpoints(status, metadata, self.login)
        return self._endpoints[1]

    @property
    def logout_address(self) -> str:
        """The address of the last known endpoint for logout, or the issuer's; nothing is fetched."""
        known = None if self._endpoints is None else self._endpoints[1].end_session
        return known or self.login.issuer

    async def authorization_url(self, transaction: Transaction, redirect_uri: str) -> str:
        """Return the address at which the person signs in.

        Raises:
            ProviderError: the endpoints cannot be fetched.
        """
        url: str = prepare_grant_uri(
            (await self.endpoints()).authorization,
            client_id=self.login.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=" ".join(self.login.scopes),
            state=transaction.state,
            nonce=transaction.nonce,
            code_challenge=create_s256_code_challenge(transaction.verifier),
            code_challenge_method="S256",
        )
        return url

    async def person(self, code: str, transaction: Transaction, redirect_uri: str) -> Person:
        """Exchange the code for tokens, verify them, and return the person.

        Raises:
            ProviderError: the provider cannot be used.
            SignInRefused: it refuses the code, or a token is not valid.
        """
        tokens = await self._exchange(code, transaction.verifier, redirect_uri)
        now = self._clock.now() / SECOND
        id_token = await self._decode(tokens["id_token"])
        check_id_token(id_token, self.login, transaction.nonce, tokens["access_token"], now)
        role_claims = id_token.claims
        if self.login.roles.source == "access_token":
            access_token = await self._decode(tokens["access_token"])
            check_access_token(access_token, self.login, str(id_token.claims["sub"]), now)
            role_claims = access_token.claims
        return person_of(tokens["id_token"], id_token.claims, role_claims, self.login)

    async def logout_url(self, id_token: str, return_to: str) -> str:
        """Return the address at which the provider ends its own session. Empty if it has none.

        Raises:
            ProviderError: the endpoints cannot be fetched.
        """
        address = (await self.endpoints()).end_session
        if not address:
            return ""
        fields = {
            "id_token_hint": id_token,
            "client_id": self.login.client_id,
            "post_logout_redirect_uri": return_to,
        }
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(fields)}"

    async def _exchange(self, code: str, verifier: str, redirect_uri: str) -> dict[str, str]:
        endpoints, login = await self.endpoints(), self.login
        form = prepare_token_request("authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=verifier)
        secret = "" if login.client_secret is None else login.client_secret.reveal()
        auth = ClientAuth(login.client_id, secret, endpoints.client_auth)
        url, headers, form = auth.prepare("POST", endpoints.token, {}, form)
        status, content = await fetch_json(self._make_attempt(), login, url, form=form, headers=headers)
        if status != 200:
            error = quoted(f"{content.get('error', '')}: {content.get('error_description', '')}")
            if status >= 500 or content.get("error") == "invalid_client":
                raise ProviderError(f"the token endpoint responded {status}: {error}")
            raise SignInRefused(f"the token endpoint responded {status}: {error}")
        tokens = {name: content.get(name) for name in ("id_token", "access_token")}
        if not all(isinstance(token, str) and token for token in tokens.values()):
            raise ProviderError("the response of the token endpoint has no ID token or no access token")
        return {name: str(token) for name, token in tokens.items()}

    async def _decode(self, token: str) -> Token:
        """Return the verified token. Fetch the keys again if the token is signed with an unknown one."""
        try:
            return decode(token, await self._key_set())
        except UnknownKeyError:
            self._keys = None
        try:
            return decode(token, await self._key_set())
        except UnknownKeyError:
            raise SignInRefused("the token is signed with a key that the provider does not publish") from None

    async def _key_set(self) -> Mapping[str, Any]:
        now = self._clock.now()
        if self._keys is None or now >= self._keys[0] + KEYS_VALID:
            url = (await self.endpoints()).keys
            status, content = await fetch_json(self._make_attempt(), self.login, url)
            if status != 200:
                raise ProviderError(f"{quoted(url)} responded {status}")
            self._keys = now, content
        return self._keys[1]


def _endpoints(status: int, metadata: Mapping[str, Any], login: OidcLogin) -> Endpoints:
    """Return the endpoints of the provider's metadata (OpenID Connect Discovery 1.0, 3).

    Raises:
        ProviderError: the metadata is not that of the issuer, or lacks an endpoint.
    """
    if status != 200 or metadata.get("issuer") != login.issuer:
        actual = quoted(str(metadata.get("issuer")))
        raise ProviderError(f"the metadata of {login.issuer} has status {status} and the issuer {actual}")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    authorization, token, keys = (_endpoint(metadata, name) for name in names)
    end_session = _endpoint(metadata, "end_session_endpoint") if "end_session_endpoint" in metadata else ""
    return Endpoints(authorization, token, keys, end_session, _client_auth(metadata, login))


def _endpoint(metadata: Mapping[str, Any], name: str) -> str:
    try:
        return http_url(str(metadata.get(name)))
    except ValueError as error:
        raise ProviderError(f"the provider's metadata has no valid {name}: {error}") from None


def _client_auth(metadata: Mapping[str, Any], login: OidcLogin) -> str:
    """Return the client authentication method. The body is preferred, because the encoding in headers is ambiguous."""
    if login.client_secret is None:
        return "none"
    methods = metadata.get("token_endpoint_auth_methods_supported")
    supported = isinstance(methods, list) and "client_secret_post" in methods
    return "client_secret_post" if supported else "client_secret_basic"
