"""Secrets: references, reading, comparison, and that no output shows them."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from monitor import log
from monitor.config.secret import Secret
from tests.monitor.config.kinds import HttpCheck, examine_text, load_text, problems_of, with_check

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


def bearer(result: LoadResult) -> Secret:
    assert result.portfolio is not None, result.problems
    check = result.portfolio.products[0].checks[0]
    assert isinstance(check, HttpCheck)
    assert check.bearer is not None
    return check.bearer


def test_secret_is_read_from_the_environment(canary: str, tmp_path: Path) -> None:
    assert bearer(examine_text(tmp_path, with_check(f'http: "http://h/", bearer: {canary}'))).reveal() == CANARY


def test_secret_is_read_from_a_file_relative_to_the_config_file(secret_file: Path, tmp_path: Path) -> None:
    """The final line break is removed, and the file is watched."""
    result = examine_text(tmp_path, with_check('http: "http://h/", bearer: {file: secrets/token}'))
    assert bearer(result).reveal() == CANARY
    assert secret_file in result.files


UNREADABLE = {
    "{env: NINEWATCH_UNSET}": "the environment variable NINEWATCH_UNSET is not set; set it, or use {file: PATH}",
    "{env: NINEWATCH_EMPTY}": "the environment variable NINEWATCH_EMPTY is empty; set it",
    "{file: gone}": "cannot read ",
    "{file: empty}": "empty; put the secret into it",
    "{file: latin}": "is not UTF-8 text; save it as UTF-8",
    "{file: large}": "is larger than 64 KiB",
    "{file: .}": "is a directory",
    "{file: /dev/zero}": "not a regular file",
    "{env: A, file: B}": "a secret must not be written into the configuration; use a reference to it: {env: NAME} or",
    "{vault: A}": "a secret must not be written into the configuration",
    "{env: [A]}": "a secret must not be written into the configuration",
    "hunter2": "a secret must not be written into the configuration",
    "12345678": "a secret must not be written into the configuration",
}


@pytest.mark.parametrize("reference", UNREADABLE)
def test_unreadable_secret_is_reported_with_its_position(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NINEWATCH_EMPTY", "")
    (tmp_path / "empty").touch()
    (tmp_path / "latin").write_bytes(b"\xe9t\xe9")
    (tmp_path / "large").write_bytes(b"x" * (64 * 1024 + 1))
    (line,) = problems_of(tmp_path, with_check(f'http: "http://h/", bearer: {reference}'))
    assert line.startswith("c.yaml:5:44: products.p.checks.c.bearer: ")
    assert UNREADABLE[reference] in line
    assert "hunter2" not in line
    assert "12345678" not in line


def test_no_representation_of_a_portfolio_shows_a_secret(canary: str, tmp_path: Path) -> None:
    text = f'http: "http://h/", bearer: {canary}, basic: {{user: u, password: {canary}}}, headers: {{X-Key: {canary}}}'
    portfolio = load_text(tmp_path, with_check(text))
    first_check = portfolio.products[0].checks[0]
    assert isinstance(first_check, HttpCheck)
    secret = first_check.bearer
    representations = [repr(portfolio), str(first_check), f"{secret}", f"{secret!r}", f"{secret!s:>40}", "%s" % secret]  # noqa: UP031
    representations += [
        portfolio.model_dump_json(),
        repr(portfolio.model_dump()),
        repr(copy.deepcopy(secret)),
        first_check.target,
    ]
    representations.append(json.dumps(portfolio.model_dump(mode="json")))
    assert not [text for text in representations if "canary" in text]
    assert "env NINEWATCH_CANARY" in repr(secret)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError, match="cannot be pickled"):
        secret.__getstate__()


def test_traceback_with_local_variables_contains_no_secret(canary: str, tmp_path: Path) -> None:
    secret = bearer(examine_text(tmp_path, with_check(f'http: "http://h/", bearer: {canary}')))
    try:
        _raise_with(secret)
    except RuntimeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Secret(env NINEWATCH_CANARY)" in text
    assert "canary-7f3e" not in text


def _raise_with(secret: Secret) -> None:
    raise RuntimeError(f"with {secret}")


def test_log_contains_no_secret_in_any_encoding(canary: str, tmp_path: Path) -> None:
    """The secret is in events, keys, formats, tracebacks, URLs and base64, at DEBUG, in our log calls and in those of
    other libraries.
    """
    import base64
    from urllib.parse import quote

    secret = bearer(examine_text(tmp_path, with_check(f'http: "http://h/", bearer: {canary}')))
    value = secret.reveal()
    for form in (log.LogFormat.JSON, log.LogFormat.TEXT, log.LogFormat.LOGFMT):
        stream = io.StringIO()
        log.configure(stream, level=logging.DEBUG, form=form)
        own_logger, library_logger = structlog.get_logger("ours"), logging.getLogger("theirs")
        own_logger.debug(f"sent {value}", header=value, nested={"deep": [value]}, **{value: 1})
        own_logger.info(
            "url", url=f"http://h/?k={quote(value, safe='')}", basic=base64.b64encode(value.encode()).decode()
        )
        library_logger.warning("sent %s", value)
        try:
            raise ValueError(value)
        except ValueError:
            own_logger.exception("failed")
            library_logger.exception("failed")
        lines = stream.getvalue()
        assert lines.count(log.CONCEALED) >= 8
        assert "canary" not in lines
        assert quote(value, safe="") not in lines
        assert base64.b64encode(value.encode()).decode().rstrip("=") not in lines


def test_secret_in_the_wrong_place_is_not_quoted(tmp_path: Path) -> None:
    """A secret that was written into the configuration by mistake must not be copied to a build log."""
    check_lines = [
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
    for line in check_lines:
        problems = problems_of(tmp_path, with_check(line))
        assert problems, line
        assert "hunter2" not in "\n".join(problems)


def test_secrets_compare_by_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A reload therefore detects a rotated secret."""
    text = with_check('http: "http://h/", bearer: {env: NINEWATCH_ROTATED}')
    monkeypatch.setenv("NINEWATCH_ROTATED", "first-value")
    first, second = load_text(tmp_path, text), load_text(tmp_path, text)
    monkeypatch.setenv("NINEWATCH_ROTATED", "second-value")
    assert first == second
    assert first != load_text(tmp_path, text)
    assert hash(Secret("x-1")) == hash(Secret("x-1"))
    assert Secret("x-1") != "x-1"


def test_secret_with_a_line_break_is_rejected_in_a_header(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NINEWATCH_BROKEN", "a\r\nX-Evil: 1")
    (line,) = problems_of(tmp_path, with_check('http: "http://h/", headers: {X-A: {env: NINEWATCH_BROKEN}}'))
    assert "contains a line break, which is not allowed in a header" in line
    assert "Evil" not in line
