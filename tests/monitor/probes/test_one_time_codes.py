"""One-time codes of journeys: those of RFC 6238, shown nowhere, and each sent once at most."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.secret import Secret
from monitor.config.totp import Totp
from monitor.network.failure import ProbeFailure
from monitor.probes.journey.one_time_codes import UsedCodes
from sla.interval import SECOND
from sla.observation import Outcome
from tests.support.journeys import check_problems, run_journey, step_outcomes
from tests.support.scripted_http import Received, as_json, scripted_http
from tests.support.servers import http_response

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.network.attempt import Attempt

KEY = base64.b32encode(b"12345678901234567890").decode()
PERIOD = 30 * SECOND


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTP_KEY", KEY)


def totp(key: bytes, **keys: Any) -> Totp:
    return Totp(secret=Secret(base64.b32encode(key).decode()), **keys)


@pytest.mark.parametrize(
    ("seconds", "sha1", "sha256", "sha512"),
    [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds: int, sha1: str, sha256: str, sha512: str) -> None:
    """Appendix B of the RFC, whose keys have the length of the hash."""
    for algorithm, length, expected in (("SHA1", 20, sha1), ("SHA256", 32, sha256), ("SHA512", 64, sha512)):
        long = totp((b"1234567890" * 7)[:length], digits=8, algorithm=algorithm)
        assert long.code(long.step_at(seconds * SECOND)) == expected
        assert long.model_copy(update={"digits": 6}).code(long.step_at(seconds * SECOND)) == expected[2:]


class Instant:
    """The time of an attempt: `now` in microseconds, and the seconds until its deadline."""

    def __init__(self, now: int, left: float) -> None:
        self._now, self._left = now, left

    def now(self) -> int:
        return self._now

    def seconds_left(self) -> float:
        return self._left


async def take(codes: UsedCodes, totp: Totp, now: int, left: float = 60) -> str:
    """Take a code at an instant. The wait for the next code is not longer than 10 ms in these tests."""
    at: Any = Instant(now, left)
    attempt: Attempt = at
    return await codes.take(totp, attempt)


ALMOST_OVER = 101 * PERIOD - 10_000  # 10 ms before the end of the time step 100


async def test_a_code_is_taken_once(tmp_path: Path) -> None:
    codes, key = UsedCodes(tmp_path / "codes.json"), totp(b"k" * 10)
    first, second = await asyncio.gather(take(codes, key, ALMOST_OVER), take(codes, key, ALMOST_OVER))
    assert (first, second) == (key.code(100), key.code(101))
    assert await take(codes, totp(b"l" * 10), ALMOST_OVER) == totp(b"l" * 10).code(100)


async def test_a_code_is_not_taken_again_after_a_restart(tmp_path: Path) -> None:
    path, key = tmp_path / "codes.json", totp(b"k" * 10)
    await take(UsedCodes(path), key, ALMOST_OVER)
    assert await take(UsedCodes(path), key, ALMOST_OVER) == key.code(101)
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {key.fingerprint: [100, 101]}
    assert key.secret.reveal() not in path.read_text()


@pytest.mark.parametrize("content", [None, "{", "[1]", '{"a": 1}'])
async def test_without_a_usable_file_the_first_time_step_is_not_used(content: str | None, tmp_path: Path) -> None:
    """An earlier process may have sent its code."""
    (tmp_path / "codes.json").write_text(content or "")
    codes, key = UsedCodes(None if content is None else tmp_path / "codes.json"), totp(b"k" * 10)
    assert await take(codes, key, ALMOST_OVER) == key.code(101)


async def test_a_code_after_the_deadline_is_unknown(tmp_path: Path) -> None:
    codes, key = UsedCodes(tmp_path / "codes.json"), totp(b"k" * 10)
    await take(codes, key, 100 * PERIOD)
    for left in (10, 31):
        with pytest.raises(ProbeFailure, match="the next one is valid in 30 s") as caught:
            await take(codes, key, 100 * PERIOD, left)
        assert (caught.value.reason, caught.value.outcome) == ("code_used", Outcome.UNKNOWN)
    assert await take(codes, key, 101 * PERIOD, 10) == key.code(101)


async def test_no_code_is_sent_if_the_disk_fails(tmp_path: Path) -> None:
    (tmp_path / "codes.json.new").mkdir()
    with pytest.raises(ProbeFailure, match="cannot write") as caught:
        await take(UsedCodes(tmp_path / "codes.json"), totp(b"k" * 10), ALMOST_OVER)
    assert (caught.value.reason, caught.value.outcome) == ("intent_unwritten", Outcome.UNKNOWN)


async def test_a_journey_sends_each_code_once_and_shows_none() -> None:
    """The service repeats the code in its answers, which are shown in details."""
    sent: list[str] = []

    def refuse(request: Received) -> bytes:
        sent.append(request.body.removeprefix("user=robot&totp="))
        return http_response(b"", f"401 {sent[-1]}", Location=f"/?{sent[-1]}")

    async with scripted_http({"POST /token": refuse, "GET /": as_json({})}) as server:
        form = {"user": "robot", "totp": "{{code}}"}
        step = {"method": "POST", "http": f"{server.url}/token", "form": form, "counts": False}
        otp = {"code": {"secret": {"env": "OTP_KEY"}, "period": "1s"}}
        steps = [{"id": "first", **step}, {"id": "second", **step}, {"id": "last", "http": f"{server.url}/"}]
        result = await run_journey({"totp": otp, "steps": steps})
    assert step_outcomes(result) == {"first": "bad http_status", "second": "bad http_status", "last": "good"}
    assert len(set(sent)) == 2
    assert all(re.fullmatch("[0-9]{6}", code) for code in sent)
    assert not [code for code in (*sent, KEY) if code in repr(result)]


async def test_a_code_that_comes_too_late_is_no_failure_of_the_service() -> None:
    """A run of one second cannot wait for the next of the codes that change every ten minutes."""
    async with scripted_http({}) as server:
        step = {"id": "token", "method": "POST", "http": f"{server.url}/", "form": {"totp": "{{code}}"}}
        otp = {"code": {"secret": {"env": "OTP_KEY"}, "period": "10m"}}
        result = await run_journey({"totp": otp, "steps": [step]}, seconds=1)
        assert (result.outcome, result.reason, server.requests) == (Outcome.UNKNOWN, "token: code_used", [])


STEP = '{id: a, method: POST, http: "https://api.example.org", form: {code: "{{code}}"}}'
WRONG = {
    "not base32": ("{code: {env: NOT_BASE32}}", STEP, "totp.code", "env NOT_BASE32: is not base32 (A to Z, 2 to 7)"),
    "empty": ("{code: {env: BLANK}}", STEP, "totp.code", "is not base32"),
    "a value": ("{code: 123456}", STEP, "totp.code", ""),
    "milliseconds": ("{code: {secret: {env: OTP_KEY}, period: 1500ms}}", STEP, "period", "is not a number of seconds"),
    "digits": ("{code: {secret: {env: OTP_KEY}, digits: 5}}", STEP, "digits", "5"),
    "redirects": (
        "{code: {env: OTP_KEY}}",
        STEP.replace("id: a", "id: a, redirects: 1"),
        "redirects",
        "would send the one-time code twice; make the next request a step",
    ),
    "in a URL": ("{code: {env: OTP_KEY}}", '{id: a, http: "https://api.example.org/{{code}}"}', "http", "is a secret"),
    "taken": (
        "{code: {env: OTP_KEY}}",
        '{id: a, http: "https://api.example.org/", capture: {code: "$.a"}}',
        "capture",
        "code is also a name in totp",
    ),
    "twice": ("{key: {env: OTP_KEY}}", STEP.replace("{{code}}", "{{key}}"), "totp", "key is also a name in secrets"),
    "in find": (
        "{code: {env: OTP_KEY}}",
        '{id: s, http: "https://api.example.org", capture: {id: "$.id"}}\n'
        '  - {id: a, always: true, http: "https://api.example.org/{{id}}", find: {http: "https://api.example.org", '
        'bearer: "{{code}}", capture: {id: "$.id"}}}',
        "find",
        "{{code}} is a one-time code",
    ),
    "in a trace": (
        "{code: {env: OTP_KEY}}",
        "{id: a, browser: script.py, keep: kept, env: {OTP: '{{code}}'}}",
        "keep",
        "{{code}} would be in the trace of a failure; remove keep",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_mistakes_have_their_place_and_a_remedy(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_BASE32", "canary-1890")
    monkeypatch.setenv("BLANK", " - ")
    (tmp_path / "script.py").write_text("def run_journey(page): pass\n")
    (tmp_path / "kept").mkdir()
    block, step, place, expected = WRONG[case]
    keys = f"secrets: {{key: {{env: OTP_KEY}}}}\ntotp: {block}\nsteps:\n  - {step}\n"
    message, *others = check_problems(tmp_path, keys)
    assert expected in message
    assert place in message
    assert not [text for text in (message, *others) if "canary" in text or KEY in text]


def test_a_setup_key_is_accepted_as_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keycloak and others show it in groups of four, some in lower case, and without padding."""
    monkeypatch.setenv("SHOWN", "jbsw y3dp-ehpk 3pxp")
    keys = f"totp: {{code: {{env: SHOWN}}}}\nsteps:\n  - {STEP}\n"
    assert check_problems(tmp_path, keys) == []
    assert Totp(secret=Secret("jbsw y3dp-ehpk 3pxp")).code(1) == Totp(secret=Secret("JBSWY3DPEHPK3PXP")).code(1)
