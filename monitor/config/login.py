"""Sign-in of people: with an OpenID Connect provider, or by the header of a trusted proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from monitor.config.addresses import HttpUrl, loopback
from monitor.config.base import Model
from monitor.config.outbound import Networks
from monitor.config.secret import Secret
from monitor.config.tls import TlsOptions
from monitor.config.values import Duration, Text, Token, Within, problem_at
from sla.interval import DAY, HOUR, MINUTE, SECOND

ROLES: Final = ("viewer", "operator", "admin")  # in the order of their permissions
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
_CLAIM: Final = re.compile(r"[!-~]{1,200}")


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError("not the name of a header; use X-Forwarded-User")
    if value.lower() in ("authorization", "cookie", "host", "origin"):
        raise ValueError("is a header that clients send themselves; use a header that only the proxy sets")
    return value


def _claim(value: str) -> str:
    if not _CLAIM.fullmatch(value):
        raise ValueError("not the name of a claim; use roles, or realm_access.roles for a claim inside another one")
    return value


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" and not loopback(parts.hostname or ""):
        raise ValueError("is not encrypted; use an https URL (http is allowed for loopback addresses only)")
    return value


HeaderName = Annotated[str, AfterValidator(_header), WithJsonSchema({"type": "string"})]
Claim = Annotated[str, AfterValidator(_claim), WithJsonSchema({"type": "string"})]
Issuer = Annotated[HttpUrl, AfterValidator(_issuer)]
_Names = tuple[Text, ...]


class RoleNames(Model):
    """The names of roles or groups to which each role is assigned. `"*"`: everyone who signs in."""

    viewer: _Names = ()
    """Names that permit reading."""

    operator: _Names = ()
    """Names that also permit acknowledging, silencing, maintenance, pauses, corrections, attestations and drills."""

    admin: _Names = ()
    """Names that permit everything, also overrides of the release gate."""

    @property
    def by_role(self) -> Mapping[str, tuple[str, ...]]:
        """The names by role, in the order of `ROLES`."""
        return {role: getattr(self, role) for role in ROLES}

    @model_validator(mode="after")
    def _gives_a_role(self) -> RoleNames:
        if not any(self.by_role.values()):
            raise problem_at("viewer", 'no name gives a role; use viewer: ["*"] to permit everyone reading')
        return self


class RoleClaim(RoleNames):
    """The claim with a person's roles or groups, and the names to which each role is assigned. `"*"`: everyone who
    signs in."""

    claim: Claim = "roles"
    """The claim with the names: `groups`, or `realm_access.roles` for a claim inside another one."""

    source: Literal["id_token", "access_token"] = "id_token"
    """The token with the claim: `id_token`, or `access_token` for a Keycloak whose ID tokens do not include it."""


class OidcLogin(Model):
    """Sign-in with OpenID Connect: authorization code flow with PKCE. Requires `public_url`, except on loopback."""

    issuer: Issuer
    """The issuer: `https://sso.example.org/realms/standard`. `/.well-known/openid-configuration` is below it."""

    client_id: Token
    """The id of this client. Its redirect URI is `<public_url>/login/callback`."""

    client_secret: Secret | None = None
    """The secret of this client. Default: a public client, which has none."""

    scopes: _Names = ("openid", "profile", "email")
    """Scopes of the request."""

    name: Claim = "preferred_username"
    """The claim with the person's name, which is the author of changes. If it is missing, `sub` is used."""

    roles: RoleClaim
    """Which people have which role. People without a role are refused."""

    timeout: Annotated[Duration, AfterValidator(Within(SECOND, MINUTE, "between 1s and 1m"))] = 10 * SECOND
    """Time for one request to the provider."""

    tls: TlsOptions = TlsOptions()
    """How the provider's certificate is verified."""

    @model_validator(mode="after")
    def _has_openid_scope(self) -> OidcLogin:
        if "openid" not in self.scopes:
            raise problem_at("scopes", "lacks openid, without which there is no ID token; add it")
        return self


class ProxyLogin(Model):
    """Sign-in by a proxy that sets headers with the person's name and roles. It must remove them from requests."""

    from_: Networks = Field(alias="from")
    """The networks of the proxy. Headers from other addresses are ignored: `[10.0.0.7/32]`."""

    header: HeaderName = "X-Forwarded-User"
    """The header with the person's name."""

    roles_header: HeaderName = "X-Forwarded-Groups"
    """The header with the names of the person's roles or groups, separated by commas."""

    roles: RoleNames
    """Which people have which role. People without a role are refused."""


class SessionBlock(Model):
    """How long a person stays signed in."""

    idle: Annotated[Duration, AfterValidator(Within(MINUTE, 7 * DAY, "between 1m and 7d"))] = HOUR
    """A session ends after this time without a request. An open page sends requests."""

    longest: Annotated[Duration, AfterValidator(Within(MINUTE, 30 * DAY, "between 1m and 30d"))] = 12 * HOUR
    """A session ends after this time, even if it is in use. Changed roles apply from the next sign-in."""


class LoginBlock(Model):
    """Sign-in of people: `oidc` or `proxy`."""

    oidc: OidcLogin | None = None
    """Sign-in with an OpenID Connect provider, such as Keycloak."""

    proxy: ProxyLogin | None = None
    """Sign-in by a trusted proxy."""

    session: SessionBlock = SessionBlock()
    """How long a person stays signed in with `oidc`."""

    @model_validator(mode="after")
    def _one_kind(self) -> LoginBlock:
        if self.oidc is None and self.proxy is None:
            raise problem_at("session", "there is no kind of sign-in; add oidc or proxy")
        if self.oidc is not None and self.proxy is not None:
            raise problem_at("proxy", "excludes oidc; remove one of them")
        return self
