"""Verify the tokens of a provider with its public keys, and read a person from their claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from monitor.login.errors import SignInRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.login import OidcLogin

# Asymmetric only: with an HMAC, the public key or the client's secret would sign tokens.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY: Final = 60  # seconds that the clocks may differ
_LONGEST_NAME: Final = 100
_MAX_NAMES: Final = 1_000


class UnknownKeyError(Exception):
    """A token is signed with a key that is not in the key set."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as stated by the provider. `names` are those of the roles claim."""

    subject: str
    name: str
    names: tuple[str, ...]
    id_token: str


def decode(token: str, keys: Mapping[str, Any]) -> jwt.Token:
    """Return the token after verifying its signature.

    Raises:
        UnknownKeyError: the key set lacks the key.
        SignInRefused: the token is not valid.
    """
    try:
        return jwt.decode(token, KeySet.import_key_set(_usable(keys)), algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        raise UnknownKeyError from None
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise SignInRefused(f"the token is not valid: {type(error).__name__}: {error}") from None


def _usable(keys: Mapping[str, Any]) -> Any:
    """Return the keys for signatures. Keys of other kinds, which a newer provider may publish, are ignored."""
    listed = keys.get("keys")
    known = {"RSA", "EC", "OKP"}
    usable = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict) and key.get("kty") in known and key.get("use", "sig") == "sig"
    ]
    return {"keys": usable}


def check_id_token(token: jwt.Token, login: OidcLogin, nonce: str, access_token: str, now: float) -> None:
    """Check issuer, audience, instants, nonce and the hash of the access token (OpenID Connect Core, 3.1.3.7).

    Raises:
        SignInRefused: a claim is missing or wrong.
    """
    options = {"iss": {"essential": True, "value": login.issuer}, "aud": {"essential": True, "value": login.client_id}}
    params = {"nonce": nonce, "client_id": login.client_id, "access_token": access_token}
    try:
        CodeIDToken(token.claims, token.header, options, params).validate(int(now), LEEWAY)
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise SignInRefused(f"the ID token is not valid: {type(error).__name__}: {error}") from None


def check_access_token(token: jwt.Token, login: OidcLogin, subject: str, now: float) -> None:
    """Check that the access token is of the same person, issuer and client.

    Raises:
        SignInRefused: it is not.
    """
    claims = token.claims
    client = claims.get("azp", claims.get("client_id"))
    expires = claims.get("exp")
    valid = isinstance(expires, int | float) and now < expires + LEEWAY
    if (claims.get("iss"), claims.get("sub"), client) != (login.issuer, subject, login.client_id) or not valid:
        raise SignInRefused("the access token is not of this issuer, person and client, or has expired")


def person_of(id_token: str, claims: Mapping[str, Any], role_claims: Mapping[str, Any], login: OidcLogin) -> Person:
    """Return the person of the ID token's claims. `role_claims` are those of the token with the roles claim."""
    subject = str(claims["sub"])
    name = _claim(claims, login.name)
    text = name.strip() if isinstance(name, str) else ""
    usable = bool(text) and text.isprintable() and len(text) <= _LONGEST_NAME
    return Person(
        subject, text if usable else subject[:_LONGEST_NAME], _names(role_claims, login.roles.claim), id_token
    )


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim with this name, or at this path; a name may contain dots. None without the claim."""
    if path in claims:
        return claims[path]
    outer, dot, inner = path.partition(".")
    nested = claims.get(outer)
    return _claim(nested, inner) if dot and isinstance(nested, dict) else None


def _names(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    value = _claim(claims, path)
    listed = value if isinstance(value, list) else str(value).split() if isinstance(value, str) else []
    return tuple(name for name in listed if isinstance(name, str))[:_MAX_NAMES]
