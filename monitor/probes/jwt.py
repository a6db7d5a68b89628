"""The `jwt` kind: verify a token against the public keys of its issuer, without introspection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from monitor.config.expect import Expect
from monitor.config.model import Duration, HeaderValue, HttpUrl, Token
from monitor.config.secret import plain
from monitor.http import body, rate_limit
from monitor.http.expectation import Expectation
from monitor.http.fetching_check import FetchingCheck
from monitor.http.json_body import members
from monitor.network.failure import ProbeFailure
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.probes.http import fetcher_factory
from monitor.protocols.jwt import Algorithm, Expected, verify
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.http.response import Response
    from monitor.network.attempt import Attempt, Probe


class JwtCheck(FetchingCheck):
    """Good if a token is valid: signature, issuer, audience, and time. Meant as a step of a journey.

    The token is verified locally with the keys from `jwks`; it is not sent anywhere.
    """

    kind: ClassVar[str] = "jwt"

    jwt: HeaderValue
    """The token: `{{token}}` in a journey, or a reference to a secret."""

    jwks: HttpUrl
    """URL of the issuer's public keys (JWKS)."""

    issuer: Token
    """The exact issuer (`iss`)."""

    audience: Token
    """An audience that the token must have (`aud`)."""

    algorithm: Algorithm = "RS256"
    """The algorithm of the signature. The token cannot select another one."""

    leeway: Duration = 30 * SECOND
    """The largest allowed difference between the clocks of issuer and monitor."""

    @classmethod
    def matches(cls, raw: Mapping[str, Any]) -> bool:
        """Return whether the raw mapping of a check has the key `jwt`; its value may be a reference to a secret."""
        return cls.kind in raw

    @property
    def target(self) -> str:
        """The URL of the keys, without its query."""
        return self.jwks.partition("?")[0]


def prepare(check: JwtCheck) -> Probe:
    """Return the probe that reads the keys and verifies the token."""
    fetch, expectation = fetcher_factory(check)(check.jwks), Expectation(Expect())
    expected = Expected(check.algorithm, check.issuer, check.audience, check.leeway / SECOND)

    async def probe(attempt: Attempt) -> ProbeResult:
        response = await fetch(attempt)
        if (failure := expectation.failure(response)) is not None:
            failure.status = response.status
            raise failure
        verify(plain(check.jwt), _keys(response), expected, attempt.now() / SECOND)
        return ProbeResult(Outcome.GOOD, "", response.status, attempt.phases, "", attempt.certificate_expiry)

    return probe


def _keys(response: Response) -> list[object]:
    keys = members(response).get("keys")
    if not isinstance(keys, list):
        raise ProbeFailure("jwks_malformed", "the response is not a set of keys", status=response.status)
    return keys


KIND = Kind(
    "jwt",
    JwtCheck,
    prepare,
    example="""\
id: token-is-valid
jwt: {env: ACCESS_TOKEN}
jwks: https://login.example.org/realms/standard/protocol/openid-connect/certs
issuer: https://login.example.org/realms/standard
audience: forms
""",
    reasons=rate_limit.REASONS
    | body.REASONS
    | {
        "jwks_malformed": "the response of `jwks` is not a set of keys",
        "jwt_algorithm": "the token is signed with another algorithm, or requires extensions (`crit`)",
        "jwt_audience": "the token is for another audience",
        "jwt_expired": "the token expired",
        "jwt_issuer": "the token has another issuer",
        "jwt_key_unknown": "the set of keys has no usable key for the token",
        "jwt_malformed": "not a token",
        "jwt_not_yet_valid": "the token is not valid yet",
        "jwt_signature": "the signature is wrong",
    },
)
