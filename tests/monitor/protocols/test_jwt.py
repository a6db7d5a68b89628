"""Tokens are verified with the configured algorithm, key, issuer, audience and time, and with nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from monitor.network.failure import ProbeFailure
from monitor.protocols.jwt import MAX_TOKEN_LENGTH, Expected, verify
from sla.observation import Outcome
from tests.support.probing import attempt
from tests.support.scripted_http import as_json, scripted_http
from tests.support.servers import http_response

NOW = 1_800_000_000
CLAIMS: dict[str, Any] = {
    "iss": "https://login.example.org/r",
    "aud": ["account", "forms"],
    "exp": NOW + 300,
    "nbf": NOW,
}
RSA_KEY = rsa.generate_private_key(65_537, 2_048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int) -> str:
    return encoded(value.to_bytes(-(-value.bit_length() // 8)))


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": number(public.n), "e": number(public.e)}


def ec_jwk(kid: str = "ec") -> dict[str, Any]:
    public = EC_KEY.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": kid,
        "x": encoded(public.x.to_bytes(32)),
        "y": encoded(public.y.to_bytes(32)),
    }


KEYS = [rsa_jwk(RSA_KEY, "one"), {**rsa_jwk(RSA_KEY, "for encryption"), "use": "enc"}, ec_jwk()]
EXPECTED = Expected("RS256", "https://login.example.org/r", "forms", 30)


def parts(header: dict[str, Any], claims: Any) -> str:
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))


def signed(claims: Any = CLAIMS, **header: Any) -> str:
    """Return a token that is signed with RS256."""
    text = parts({"alg": "RS256", "kid": "one", **header}, claims)
    return f"{text}.{encoded(RSA_KEY.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def test_a_valid_token_has_its_claims() -> None:
    assert verify(signed(), KEYS, EXPECTED, NOW) == CLAIMS
    assert verify(signed({**CLAIMS, "aud": "forms"}), KEYS, EXPECTED, NOW)["aud"] == "forms"


def test_other_algorithms_are_verified() -> None:
    text = parts({"alg": "ES256", "kid": "ec"}, CLAIMS)
    r, s = decode_dss_signature(EC_KEY.sign(text.encode(), ec.ECDSA(SHA256())))
    token = f"{text}.{encoded(r.to_bytes(32) + s.to_bytes(32))}"
    expected = Expected("ES256", EXPECTED.issuer, "forms", 30)
    assert verify(token, KEYS, expected, NOW) == CLAIMS
    assert reason(f"{text}.{encoded(bytes(64))}", expected=expected) == "jwt_signature"
    assert reason(f"{text}.{encoded(bytes(63))}", expected=expected) == "jwt_signature"
    text = parts({"alg": "PS512"}, CLAIMS)
    pss = padding.PSS(padding.MGF1(SHA512()), 64)
    token = f"{text}.{encoded(RSA_KEY.sign(text.encode(), pss, SHA512()))}"
    keys = [{name: value for name, value in rsa_jwk(RSA_KEY, "one").items() if name != "alg"}]
    assert verify(token, keys, Expected("PS512", EXPECTED.issuer, "forms", 30), NOW) == CLAIMS


def reason(token: str, keys: list[Any] = KEYS, expected: Expected = EXPECTED, now: float = NOW) -> str:
    with pytest.raises(ProbeFailure) as caught:
        verify(token, keys, expected, now)
    assert caught.value.outcome is Outcome.BAD
    return caught.value.reason


@pytest.mark.fault(42)
def test_a_token_cannot_select_its_algorithm() -> None:
    unsigned = f"{parts({'alg': 'none'}, CLAIMS)}."
    text = parts({"alg": "HS256", "kid": "one"}, CLAIMS)
    confused = f"{text}.{encoded(hmac.new(KEYS[0]['n'].encode(), text.encode(), hashlib.sha256).digest())}"
    assert {reason(token) for token in (unsigned, confused)} == {"jwt_algorithm"}


def test_a_token_with_an_unknown_extension_is_rejected() -> None:
    with pytest.raises(ProbeFailure, match="the token requires extensions") as caught:
        verify(signed(crit=["exp"]), KEYS, EXPECTED, NOW)
    assert caught.value.reason == "jwt_algorithm"


def test_only_a_signature_key_with_the_id_verifies() -> None:
    weak = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 - rejected for this reason
    assert reason(signed(kid="for encryption")) == "jwt_key_unknown"
    assert reason(signed(kid="rotated")) == "jwt_key_unknown"
    assert reason(signed(), [rsa_jwk(weak, "one")]) == "jwt_key_unknown"
    assert reason(signed(), [{"kty": "RSA", "kid": "one", "n": 1}, "none"]) == "jwt_key_unknown"
    assert reason(signed(kid=None), [KEYS[0], rsa_jwk(RSA_KEY, "two")]) == "jwt_key_unknown"
    assert verify(signed(kid=None), KEYS, EXPECTED, NOW) == CLAIMS


def test_a_header_is_checked() -> None:
    text = parts({"kid": "one"}, CLAIMS)
    assert reason(f"{text}.{encoded(bytes(256))}") == "jwt_malformed"  # without an algorithm
    assert reason(signed(typ=1)) == "jwt_malformed"
    assert verify(signed(x5t="of a certificate", custom="value"), KEYS, EXPECTED, NOW) == CLAIMS


def test_a_changed_token_is_rejected() -> None:
    head, _, tail = signed().split(".")
    claims = encoded(json.dumps({**CLAIMS, "aud": "admin"}).encode())
    assert reason(f"{head}.{claims}.{tail}") == "jwt_signature"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iss": "https://login.wrong.example/r"}, "jwt_issuer"),
        ({"iss": "https://login.example.org/r/"}, "jwt_issuer"),
        ({"iss": None}, "jwt_issuer"),
        ({"aud": "account"}, "jwt_audience"),
        ({"aud": None}, "jwt_audience"),
        ({"exp": NOW - 30}, "jwt_expired"),
        ({"exp": None}, "jwt_malformed"),
        ({"exp": True}, "jwt_malformed"),
        ({"nbf": NOW + 31}, "jwt_not_yet_valid"),
        ({"nbf": "now"}, "jwt_malformed"),
        ({"nbf": 10**400}, "jwt_malformed"),
        ({"exp": float("nan")}, "jwt_malformed"),
    ],
)
def test_claims_are_checked(claims: dict[str, Any], expected: str) -> None:
    assert reason(signed({**CLAIMS, **claims})) == expected


def test_the_leeway_allows_for_different_clocks() -> None:
    assert verify(signed({**CLAIMS, "exp": NOW - 29, "nbf": NOW + 30}), KEYS, EXPECTED, NOW)


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c.d", "ä.b.c", "e30.W10.x", "e30." + "A" * MAX_TOKEN_LENGTH + ".x", "!.!.!"]
)
def test_text_that_is_no_token_is_rejected(token: str) -> None:
    assert reason(token) == "jwt_malformed"


async def test_a_journey_verifies_its_token_with_the_keys_of_the_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discovery, token, signature: the token is sent nowhere, and shown nowhere."""
    monkeypatch.setenv("CLIENT_SECRET", "canary-of-the-client")
    async with scripted_http({}) as server:
        discovery = {"token_endpoint": f"{server.url}/token", "jwks_uri": f"{server.url}/certs"}
        token = signed({**CLAIMS, "exp": 2 * NOW})
        server.routes["GET /discovery"] = as_json(discovery)
        server.routes["POST /token"] = as_json({"access_token": token})
        server.routes["GET /certs"] = as_json({"keys": KEYS})
        form = {"grant_type": "client_credentials", "client_secret": "{{secret}}"}
        captured = {"jwks": "$.jwks_uri", "at": "$.token_endpoint"}
        verified = {"issuer": EXPECTED.issuer, "audience": "forms", "leeway": "3650d"}
        steps = [
            {"id": "discovery", "http": f"{server.url}/discovery", "capture": captured},
            {"id": "token", "method": "POST", "http": "{{at}}", "form": form, "capture": {"access": "$.access_token"}},
            {"id": "signature", "jwt": "{{access}}", "jwks": "{{jwks}}", **verified},
        ]
        secrets = {"secret": {"env": "CLIENT_SECRET"}}
        check = {"interval": "1m", "secrets": secrets, "secrets_to": [server.url], "steps": steps}
        result = (await attempt(check)).result
        assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
        assert token not in repr([request for request in server.requests if request.path != "/token"])
        steps[2]["issuer"] = "https://other.example.org"
        result = (await attempt(check)).result
        assert (result.outcome, result.reason) == (Outcome.BAD, "signature: jwt_issuer")
        server.routes["GET /certs"] = http_response(b"<html>maintenance</html>")
        assert (await attempt(check)).result.reason == "signature: jwks_malformed"
        server.routes["GET /certs"] = http_response(b"", "503 Unavailable")
        result = (await attempt(check)).result
        assert (result.reason, result.status) == ("signature: http_status", 503)
        assert token not in repr(result)
