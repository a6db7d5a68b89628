"""Verify a JSON Web Token against a set of public keys (RFC 7515, 7517, 7519), without a request.

The algorithm is configured, never taken from the token: `none` and an HMAC over a public key are rejected. Cryptography
is that of the library `cryptography`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from monitor.network.failure import ProbeFailure, quoted

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
LONGEST: Final = 16_384  # characters of a token
_MIN_RSA_BITS: Final = 2_048  # RFC 7518, 3.3
_HASHES: Final[Mapping[str, Callable[[], HashAlgorithm]]] = {"256": SHA256, "384": SHA384, "512": SHA512}
_CURVES: Final[Mapping[str, tuple[str, ec.EllipticCurve, int]]] = {  # algorithm -> curve, and the bytes of a coordinate
    "ES256": ("P-256", ec.SECP256R1(), 32),
    "ES384": ("P-384", ec.SECP384R1(), 48),
    "ES512": ("P-521", ec.SECP521R1(), 66),
}


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
    parts = token.split(".") if len(token) <= LONGEST else []
    if len(parts) != 3:
        raise ProbeFailure("jwt_malformed", "the token is not three parts of base64url")
    header, claims = (_object(part) for part in parts[:2])
    if header.get("alg") != expected.algorithm:
        actual = quoted(str(header.get("alg")), 20)
        raise ProbeFailure("jwt_algorithm", f"the token is signed with {actual}, expected {expected.algorithm}")
    if "crit" in header:  # RFC 7515, 4.1.11
        raise ProbeFailure("jwt_algorithm", "the token requires extensions (crit), which are not supported")
    key = _key(header.get("kid"), keys, expected.algorithm)
    if not _is_signed(f"{parts[0]}.{parts[1]}".encode(), _decode_part(parts[2]), key, expected.algorithm):
        raise ProbeFailure("jwt_signature", "the signature does not match the key")
    _check_claims(claims, expected, now)
    return claims


def _decode(text: Any) -> bytes:
    """Decode base64url without padding. Raises ValueError or TypeError."""
    return base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", altchars=b"-_", validate=True)


def _decode_part(text: str) -> bytes:
    try:
        return _decode(text)
    except ValueError:
        raise ProbeFailure("jwt_malformed", "a part is not base64url") from None


def _object(part: str) -> dict[str, Any]:
    try:
        parsed = json.loads(_decode_part(part))
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ProbeFailure("jwt_malformed", "a part is not a JSON object")
    return parsed


def _key(kid: Any, keys: Sequence[Any], algorithm: str) -> Mapping[str, Any]:
    """Return the key of the token: the one with its key id, or the only one if the token names none."""
    kind = "EC" if algorithm.startswith("ES") else "RSA"
    fitting = [key for key in keys if isinstance(key, dict) and _fits(key, kind, algorithm)]
    chosen = [key for key in fitting if kid is None or key.get("kid") == kid]
    if len(chosen) == 1:
        return chosen[0]
    named = "" if kid is None else f" with the id {quoted(str(kid))}"
    raise ProbeFailure("jwt_key_unknown", f"{len(chosen)} of {len(keys)} keys for {algorithm}{named}, expected one")


def _fits(key: Mapping[str, Any], kind: str, algorithm: str) -> bool:
    return key.get("kty") == kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm


def _is_signed(data: bytes, signature: bytes, key: Mapping[str, Any], algorithm: Algorithm) -> bool:
    digest = _HASHES[algorithm[2:]]()
    try:
        if algorithm.startswith("ES"):
            _verify_ec(data, signature, key, algorithm, digest)
        else:
            _verify_rsa(data, signature, key, algorithm, digest)
    except InvalidSignature:
        return False
    except (ValueError, KeyError, TypeError, UnsupportedAlgorithm):
        raise ProbeFailure("jwt_key_unknown", "the key is not a usable public key") from None
    return True


def _verify_rsa(data: bytes, signature: bytes, key: Mapping[str, Any], algorithm: str, digest: HashAlgorithm) -> None:
    modulus, exponent = (int.from_bytes(_decode(key[name])) for name in ("n", "e"))
    if modulus.bit_length() < _MIN_RSA_BITS:
        raise ValueError("the key is too short")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    public.verify(signature, data, pss if algorithm.startswith("PS") else padding.PKCS1v15(), digest)


def _verify_ec(data: bytes, signature: bytes, key: Mapping[str, Any], algorithm: str, digest: HashAlgorithm) -> None:
    name, curve, size = _CURVES[algorithm]
    if key["crv"] != name:
        raise ValueError("the key is on another curve")
    if len(signature) != 2 * size:
        raise InvalidSignature
    x, y = (int.from_bytes(_decode(key[coordinate])) for coordinate in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    pair = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    public.verify(encode_dss_signature(*pair), data, ec.ECDSA(digest))


def _check_claims(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    if claims.get("iss") != expected.issuer:
        actual = quoted(str(claims.get("iss")), 120)
        raise ProbeFailure("jwt_issuer", f"the issuer is {actual}, expected {quoted(expected.issuer, 120)}")
    audience = claims.get("aud")
    if expected.audience not in (audience if isinstance(audience, list) else [audience]):
        raise ProbeFailure("jwt_audience", f"the audience does not include {quoted(expected.audience)}")
    ends, starts = _instant(claims.get("exp")), _instant(claims.get("nbf", 0))
    if now >= ends + expected.leeway:
        raise ProbeFailure("jwt_expired", f"the token expired {now - ends:.0f} s ago")
    if now < starts - expected.leeway:
        raise ProbeFailure("jwt_not_yet_valid", f"the token becomes valid in {starts - now:.0f} s")


def _instant(value: Any) -> float:
    """Return the seconds of a claim."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        return value
    raise ProbeFailure("jwt_malformed", "exp or nbf is not a number")
