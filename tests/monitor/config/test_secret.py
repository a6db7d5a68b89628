"""Secrets: named, read, compared, and shown by nothing."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from monitor import log
from monitor.config.secret import Secret
from tests.monitor.config.kinds import HttpCheck, check, complaints, examined, loaded

if TYPE_CHECKING:
    from monitor.config.loader import LoadResult

CANARY = "canary-7f3e/19+x=\"é'\\"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secrets" / "token"
    path.parent.mkdir()
    path.write_text(CANARY + "\n", "utf-8")
    return path


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NINEWATCH_CANARY", CANARY)
    return "{env: NINEWATCH_CANARY}"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def bearer(found: LoadResult) -> Secret:
    assert found.portfolio is not None, found.problems
    each = found.portfolio.products[0].checks[0]
    assert isinstance(each, HttpCheck)
    assert each.bearer is not None
    return each.bearer


def test_a_secret_is_read_from_the_environment(canary: str, tmp_path: Path) -> None:
    assert bearer(examined(tmp_path, check(f'http: "http://h/", bearer: {canary}'))).reveal() == CANARY


def test_a_secret_is_read_from_a_file_beside_the_one_that_names_it(secret_file: Path, tmp_path: Path) -> None:
    """Without its closing line break, wherever we were started; and the file is one of those to be watched."""
    found = examined(tmp_path, check('http: "http://h/", bearer: {file: secrets/token}'))
    assert bearer(found).reveal() == CANARY
    assert secret_file in found.files


UNREADABLE = {
    "{env: NINEWATCH_UNSET}": "the environment variable NINEWATCH_UNSET is not set; set it, or use {file: PATH}",
    "{env: NINEWATCH_EMPTY}": "the environment variable NINEWATCH_EMPTY is empty; set it",
    "{file: gone}": "cannot read ",
    "{file: empty}": "empty; write the secret into it",
    "{file: latin}": "is not UTF-8 text; save it as UTF-8",
    "{file: large}": "is larger than 64 KiB",
    "{file: .}": "is a directory",
    "{file: /dev/zero}": "not a regular file",
    "{env: A, file: B}": "a secret is never written into the configuration; name where it is kept: {env: NAME} or",
    "{vault: A}": "a secret is never written into the configuration",
    "{env: [A]}": "a secret is never written into the configuration",
    "hunter2": "a secret is never written into the configuration",
    "12345678": "a secret is never written into the configuration",
}


@pytest.mark.parametrize("written", UNREADABLE)
def test_an_unreadable_secret_is_told_with_its_place(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NINEWATCH_EMPTY", "")
    (tmp_path / "empty").touch()
    (tmp_path / "latin").write_bytes(b"\xe9t\xe9")
    (tmp_path / "large").write_bytes(b"x" * (64 * 1024 + 1))
    (line,) = complaints(tmp_path, check(f'http: "http://h/", bearer: {written}'))
    assert line.startswith("c.yaml:5:44: products.p.checks.c.bearer: ")
    assert UNREADABLE[written] in line
    assert "hunter2" not in line
    assert "12345678" not in line


def test_nothing_prints_a_secret(canary: str, tmp_path: Path) -> None:
    text = f'http: "http://h/", bearer: {canary}, basic: {{user: u, password: {canary}}}, headers: {{X-Key: {canary}}}'
    portfolio = loaded(tmp_path, check(text))
    each = portfolio.products[0].checks[0]
    assert isinstance(each, HttpCheck)
    secret = each.bearer
    shown = [repr(portfolio), str(each), f"{secret}", f"{secret!r}", f"{secret!s:>40}", "%s" % secret]  # noqa: UP031
    shown += [portfolio.model_dump_json(), repr(portfolio.model_dump()), repr(copy.deepcopy(secret)), each.target]
    shown.append(json.dumps(portfolio.model_dump(mode="json")))
    assert not [text for text in shown if "canary" in text]
    assert "env NINEWATCH_CANARY" in repr(secret)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError, match="cannot be pickled"):
        secret.__getstate__()


def test_a_traceback_with_local_variables_holds_no_secret(canary: str, tmp_path: Path) -> None:
    secret = bearer(examined(tmp_path, check(f'http: "http://h/", bearer: {canary}')))
    try:
        _fails_with(secret)
    except RuntimeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Secret(env NINEWATCH_CANARY)" in text
    assert "canary-7f3e" not in text


def _fails_with(secret: Secret) -> None:
    raise RuntimeError(f"with {secret}")


def test_a_secret_stands_in_no_log_line_in_no_form(canary: str, tmp_path: Path) -> None:
    """Planted in events, keys, formats, tracebacks, URLs and base64, at DEBUG, by us and by other libraries."""
    import base64
    from urllib.parse import quote

    secret = bearer(examined(tmp_path, check(f'http: "http://h/", bearer: {canary}')))
    value = secret.reveal()
    for as_json in (True, False):
        stream = io.StringIO()
        log.configure(stream, level=logging.DEBUG, as_json=as_json)
        ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")
        ours.debug(f"sent {value}", header=value, nested={"deep": [value]}, **{value: 1})
        ours.info("url", url=f"http://h/?k={quote(value, safe='')}", basic=base64.b64encode(value.encode()).decode())
        theirs.warning("sent %s", value)
        try:
            raise ValueError(value)
        except ValueError:
            ours.exception("failed")
            theirs.exception("failed")
        lines = stream.getvalue()
        assert lines.count(log.CONCEALED) >= 8
        assert "canary" not in lines
        assert quote(value, safe="") not in lines
        assert base64.b64encode(value.encode()).decode().rstrip("=") not in lines


def test_a_secret_in_the_wrong_place_is_not_quoted(tmp_path: Path) -> None:
    """A person who writes one in the open must not find it in the log of the build as well."""
    wrong = [
        'http: "http://u:hunter2@h/"',
        'http: "http://u:hunter2"',
        'http: "http://[hunter2"',
        'http: "hunter2"',
        'http: "http://h/", bearer: hunter2',
        'http: "http://h/", bearer: {env: [hunter2]}',
        'http: "http://h/", basic: hunter2',
        'http: "http://h/", basic: {user: u, password: hunter2}',
        'http: "http://h/", basic: {user: u, password: {env: NINEWATCH_UNSET, value: hunter2}}',
        'http: "http://h/", headers: {Authorization: "Bearer hunter2"}',
        'http: "http://h/", headers: {X-Api-Key: hunter2}',
        'http: "http://h/", headers: {Cookie: a=hunter2}',
        'http: "http://h/", headers: hunter2',
        'tcp: "u:hunter2@h:1"',
    ]
    for line in wrong:
        told = complaints(tmp_path, check(line))
        assert told, line
        assert "hunter2" not in "\n".join(told)


def test_secrets_compare_by_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So a reload sees that one was rotated, and that one was not."""
    text = check('http: "http://h/", bearer: {env: NINEWATCH_ROTATED}')
    monkeypatch.setenv("NINEWATCH_ROTATED", "first-value")
    before, same = loaded(tmp_path, text), loaded(tmp_path, text)
    monkeypatch.setenv("NINEWATCH_ROTATED", "second-value")
    assert before == same
    assert before != loaded(tmp_path, text)
    assert hash(Secret("x-1")) == hash(Secret("x-1"))
    assert Secret("x-1") != "x-1"


def test_a_secret_with_a_line_break_is_no_header(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NINEWATCH_BROKEN", "a\r\nX-Evil: 1")
    (line,) = complaints(tmp_path, check('http: "http://h/", headers: {X-A: {env: NINEWATCH_BROKEN}}'))
    assert "contains a line break, which is not allowed in a header" in line
    assert "Evil" not in line
