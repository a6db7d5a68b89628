"""Secrets are planted wherever the configuration takes one, and no output contains them."""

from __future__ import annotations

import base64
import signal
from pathlib import Path

import pytest

from tests.support.daemon_process import run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import fetch, wait_for

CANARIES = {
    "bearer": "canary-bearer-Xq81vTz0-4b7d",
    "basic": 'canary basic "Rm27\\oPw9" 55aa',
    "header": "canary-header-Lk34/uYs6+c0de==",
    "body": "canary-body-Hj90&wNb2=f00d",
}
CONFIG = """
listen: 127.0.0.1:0
store: {folder}/ninewatch.db
products:
  - id: demo
    objective: 99.9%
    checks:
      - {{id: bearer, http: "{url}/bearer", bearer: {{env: CANARY_BEARER}}, {echoed}}}
      - {{id: basic, http: "{url}/basic", basic: {{user: robot, password: {{file: basic.txt}}}}, {echoed}}}
      - {{id: header, http: "{url}/header", headers: {{X-Key: {{env: CANARY_HEADER}}}}, {echoed}}}
      - {{id: body, http: "{url}/body", method: POST, body: {{file: body.txt}}, {echoed}}}
      - {{id: location, http: "{url}/moved", bearer: {{env: CANARY_BEARER}}, {plain}}}
"""
PLAIN = "interval: 200ms, timeout: 200ms"
ECHOED = PLAIN + ', expect: {header: {X-Echo: "never this"}}'


@pytest.fixture
def config_with_secrets(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Return a folder with two planted secrets in files, and an environment with the others."""
    for name in ("basic", "body"):
        (tmp_path / f"{name}.txt").write_text(CANARIES[name] + "\n")
    return tmp_path, {"CANARY_BEARER": CANARIES["bearer"], "CANARY_HEADER": CANARIES["header"]}


def leaks(text: str) -> list[str]:
    """Return the names of the planted secrets of which a significant part is in the text, plain or in base64."""
    return [name for name, canary in CANARIES.items() if any(piece in text for piece in pieces(canary))]


def pieces(canary: str) -> set[str]:
    """Return every significant part of a secret, plain and in base64."""
    parts = {canary[i : i + 10] for i in range(7, len(canary) - 9)}
    for shift in range(3):  # the base64 text depends on the secret's offset modulo three
        encoded = base64.b64encode(b"\0" * shift + canary.encode()).decode()
        parts |= {encoded[i : i + 12] for i in range(4, len(encoded) - 16)}
    return parts


def test_search_finds_full_truncated_and_encoded_secrets() -> None:
    pair = base64.b64encode(f"robot:{CANARIES['basic']}".encode()).decode()
    assert leaks(f"Authorization: Basic {pair}") == ["basic"]
    assert leaks(f"... {CANARIES['bearer'][:20]}…") == ["bearer"]


@pytest.mark.fault(47)
def test_no_output_contains_a_secret(config_with_secrets: tuple[Path, dict[str, str]]) -> None:
    """The target returns what it received in a header, a redirect and its page, and the log is at DEBUG."""
    folder, extra = config_with_secrets
    config = folder / "ninewatch.yaml"
    with HttpTarget().serving() as target:
        target.echo = True
        target.status["/moved"] = 302
        config.write_text(CONFIG.format(folder=folder, url=target.url(""), echoed=ECHOED, plain=PLAIN))
        with running_daemon(config, debug=True, extra=extra) as daemon:
            wait_for("incidents of all", lambda: len(daemon.incidents("open")) == 5, 60)
            assert all(target.hits[f"/{name}"] for name in CANARIES)
            (product,) = daemon.api("/products")
            details = [check["last"]["detail"] for check in daemon.api(f"/products/{product['id']}")["checks"]]
            assert sum("[secret]" in detail for detail in details) >= 3, details
            config.write_text(config.read_text() + "nonsense: true\n")
            wait_for("the rejected reload", lambda: "config_refused" in daemon.output())
            paths = (
                "/",
                "/products/demo",
                "/metrics",
                "/api/v1/products",
                "/api/v1/products/demo",
                "/api/v1/incidents",
            )
            responses = [fetch(daemon.address + path) for path in paths]
            daemon.signal(signal.SIGTERM)
            assert daemon.wait_for_exit() == 0
            log = daemon.output()
    assert [status for status, _ in responses] == [200] * len(paths)
    assert leaks(log) == []
    assert [leaks(body.decode()) for _, body in responses] == [[]] * len(paths)
    record = b"".join(path.read_bytes() for path in folder.glob("ninewatch.db*"))
    assert record
    assert leaks(record.decode("latin-1")) == []


@pytest.mark.slow
def test_commands_print_no_secret(config_with_secrets: tuple[Path, dict[str, str]]) -> None:
    folder, extra = config_with_secrets
    config = folder / "ninewatch.yaml"
    with HttpTarget().serving() as target:
        target.echo = True
        config.write_text(CONFIG.format(folder=folder, url=target.url(""), echoed=ECHOED, plain=PLAIN))
        for name, form in (("bearer", ["--json"]), ("basic", [])):
            code, out, err = run_to_exit("probe", name, "-c", config, *form, extra=extra)
            assert code == 1
            assert "header_mismatch" in out
            assert leaks(out + err) == []
        config.write_text(config.read_text() + f"title: {{bad: {CANARIES['bearer']}}}\n")
        code, out, err = run_to_exit("check-config", config, extra=extra)
    assert code == 1
    assert leaks(out + err) == []
