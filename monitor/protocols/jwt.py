"""Verify a JSON Web Token against a set of public keys (RFC 7515, 7517, 7519), without a request.

The algorithm is configured, never taken from the token: `none` and an HMAC over a public key are rejected. Decoding,
signatures and claims are checked by the library `joserfc`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws
from joserfc.errors import ClaimError, InvalidHeaderValueError, JoseError
from joserfc.jwk import Key, import_key
from joserfc.jwt import JWTClaimsRegistry
from joserfc.registry import HeaderParameter
from joserfc.util import base64_to_int, urlsafe_b64decode

from monitor.network.failure import ProbeFailure, quoted

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
MAX_TOKEN_LENGTH: Final = 16_384  # characters of a token
_MIN_RSA_BITS: Final = 2_048  # RFC 7518, 3.3; joserfc only warns


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected properties of a token; `leeway` is seconds that clocks may differ."""

    algorithm: Algorithm
    issuer: str
    audience: str
    leeway: float


def verify(token: str, keys: Sequence[Any], expected: Expected, now: float) -> dict[str, Any]:
    """Return the claims of a valid token; `now` is seconds since the Unix epoch.

    Raises:
        ProbeFailure: the token is invalid. The detail has no part of the token except names and instants.
    """
    registry = _registry(expected.algorithm)
    signed = _extract(token, registry)
    header, claims = signed.headers(), _claims(signed)
    if header["alg"] != expected.algorithm:
        actual = quoted(str(header["alg"]), 20)
        raise ProbeFailure("jwt_algorithm", f"the token is signed with {actual}, expected {expected.algorithm}")
    if "crit" in header:  # RFC 7515, 4.1.11
        raise ProbeFailure("jwt_algorithm", "the token requires extensions (crit), which are not supported")
    key = _key(header.get("kid"), keys, expected.algorithm)
    if not _is_signed(signed, key, registry):
        raise ProbeFailure("jwt_signature", "the signature does not match the key")
    _check_claims(claims, expected, now)
    return claims


def _registry(algorithm: str) -> jws.JWSRegistry:
    """Return a registry of one algorithm, with `MAX_TOKEN_LENGTH` as limit of the parts of a token."""
    any_id = HeaderParameter("Key ID", lambda _: None)
    registry = jws.JWSRegistry({"kid": any_id}, algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = MAX_TOKEN_LENGTH
    return registry


def _extract(token: str, registry: jws.JWSRegistry) -> jws.CompactSignature:
    """Return the decoded parts of a token, whose signature is not verified yet."""
    try:
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("too long")
        signed = jws.extract_compact(token.encode(), registry=registry)
        urlsafe_b64decode(signed.segments["signature"])
    except (JoseError, ValueError, TypeError, RecursionError):
        raise ProbeFailure("jwt_malformed", "the token is not three parts of base64url with JSON") from None
    return signed


def _claims(signed: jws.CompactSignature) -> dict[str, Any]:
    try:
        parsed = json.loads(signed.payload or b"")
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ProbeFailure("jwt_malformed", "a part is not a JSON object")
    return parsed


def _key(kid: Any, keys: Sequence[Any], algorithm: str) -> Key:
    """Return the key of the token: the one with its key id, or the only one if the token names none."""
    kind = "EC" if algorithm.startswith("ES") else "RSA"
    candidates = [key for key in keys if isinstance(key, dict) and _is_candidate(key, kind, algorithm)]
    matching = [key for key in candidates if kid is None or key.get("kid") == kid]
    if len(matching) == 1:
        return _import_key(matching[0])
    named = "" if kid is None else f" with the id {quoted(str(kid))}"
    raise ProbeFailure("jwt_key_unknown", f"{len(matching)} of {len(keys)} keys for {algorithm}{named}, expected one")


def _is_candidate(key: Mapping[str, Any], kind: str, algorithm: str) -> bool:
    return key.get("kty") == kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm


def _import_key(key: dict[str, Any]) -> Key:
    try:
        if key["kty"] == "RSA" and base64_to_int(key["n"]).bit_length() < _MIN_RSA_BITS:
            raise ValueError("the key is too short")
        return import_key(key)
    except (JoseError, ValueError, KeyError, TypeError, UnsupportedAlgorithm):
        raise _unusable_key() from None


def _unusable_key() -> ProbeFailure:
    return ProbeFailure("jwt_key_unknown", "the key is not a usable public key")


def _is_signed(signed: jws.CompactSignature, key: Key, registry: jws.JWSRegistry) -> bool:
    try:
        return jws.validate_compact(signed, key, registry=registry)
    except InvalidHeaderValueError:
        raise ProbeFailure("jwt_malformed", "the header has a value of the wrong type") from None
    except (JoseError, ValueError, UnsupportedAlgorithm):
        raise _unusable_key() from None


def _check_claims(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    required_claims = {name: claims.get(name) for name in ("iss", "aud", "exp")}
    registry = JWTClaimsRegistry(
        int(now), math.ceil(expected.leeway), iss={"value": expected.issuer}, aud={"value": expected.audience}
    )
    try:
        registry.validate(required_claims | ({"nbf": claims["nbf"]} if "nbf" in claims else {}))
    except ClaimError as error:
        raise _claim_failure(error.claim, claims.get(error.claim), expected, now) from None


def _claim_failure(claim: str, value: Any, expected: Expected, now: float) -> ProbeFailure:
    if claim == "iss":
        actual = quoted(str(value), 120)
        return ProbeFailure("jwt_issuer", f"the issuer is {actual}, expected {quoted(expected.issuer, 120)}")
    if claim == "aud":
        return ProbeFailure("jwt_audience", f"the audience does not include {quoted(expected.audience)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return ProbeFailure("jwt_malformed", "exp or nbf is not a number")
    if claim == "exp":
        return ProbeFailure("jwt_expired", f"the token expired {now - value:.0f} s ago")
    return ProbeFailure("jwt_not_yet_valid", f"the token becomes valid in {value - now:.0f} s")
