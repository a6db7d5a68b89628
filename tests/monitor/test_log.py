"""The log: one line per event, limited length, and no secrets."""

from __future__ import annotations

import gc
import io
import json
import logging
import re
import shlex
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from monitor import log


@pytest.fixture
def stream() -> io.StringIO:
    """Return a stream for log output."""
    return io.StringIO()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_log_to_a_file_is_one_json_line_per_event(stream: io.StringIO) -> None:
    log.configure(stream)
    structlog.get_logger("ours").info("started", products=3)
    logging.getLogger("aiohttp.access").warning("said %s", "so")
    own_entry, library_entry = map(json.loads, stream.getvalue().splitlines())
    assert (own_entry["event"], own_entry["products"], own_entry["level"], own_entry["logger"]) == (
        "started",
        3,
        "info",
        "ours",
    )
    assert (library_entry["event"], library_entry["level"], library_entry["logger"]) == (
        "said so",
        "warning",
        "aiohttp.access",
    )
    assert own_entry["timestamp"].endswith("Z")


def test_logfmt_is_one_line_of_pairs_per_event(stream: io.StringIO) -> None:
    log.configure(stream, form=log.LogFormat.LOGFMT)
    structlog.get_logger("ours").info("probe_failed", reason='said "no"\nand left', count=3, ok=True, **{"a key": None})
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("ours").exception("defect")
    first, second = stream.getvalue().splitlines()
    assert re.match(r"timestamp=\S+Z level=info logger=ours event=probe_failed ", first)
    pairs = dict(pair.split("=", 1) for pair in shlex.split(first))
    assert pairs["reason"] == 'said "no"\\u000aand left'
    assert (pairs["count"], pairs["ok"], pairs["a_key"]) == ("3", "true", "")
    assert "RuntimeError: broken" in second


def test_secret_with_quotes_is_concealed_in_logfmt(stream: io.StringIO) -> None:
    """The format escapes quotes, so that the secret is not in the rendered line as it was written."""
    secret = 'quoted-"secret"-9f2\\x'
    log.conceal(secret)
    log.configure(stream, form=log.LogFormat.LOGFMT)
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        structlog.get_logger("ours").exception(f"sent {secret}", nested={"deep": [secret]}, **{secret: secret})
    assert "9f2" not in stream.getvalue()


def test_levels_by_subsystem(stream: io.StringIO) -> None:
    log.configure(stream, level=log.Levels.parse("warning, engine=debug,aiohttp.access=error"))
    try:
        for name in ("monitor.engine.runner", "monitor.web.pages", "aiohttp.access"):
            for level in (logging.DEBUG, logging.WARNING, logging.ERROR):
                logging.getLogger(name).log(level, "event")
        written = [(entry["logger"], entry["level"]) for entry in map(json.loads, stream.getvalue().splitlines())]
    finally:
        for name in ("engine", "monitor.engine", "aiohttp.access", "monitor.aiohttp.access"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert written == [
        *(("monitor.engine.runner", level) for level in ("debug", "warning", "error")),
        *(("monitor.web.pages", level) for level in ("warning", "error")),
        ("aiohttp.access", "error"),
    ]


@pytest.mark.parametrize("text", ["loud", "engine=loud", "=debug", "a b=debug", "", "info,"])
def test_unknown_levels_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is not a level; use debug, info, warning, error"):
        log.Levels.parse(text)


def test_log_to_a_terminal_is_text(stream: io.StringIO) -> None:
    terminal = Terminal()
    log.configure(terminal)
    structlog.get_logger().info("started", products=3)
    assert "started" in terminal.getvalue()
    assert "products=3" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_events_below_the_level_are_dropped(stream: io.StringIO) -> None:
    log.configure(stream, level=logging.WARNING)
    structlog.get_logger().info("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.fault(46)
def test_target_text_is_escaped_and_truncated(as_json: bool, stream: io.StringIO) -> None:
    """Line breaks, terminal escapes and right-to-left overrides are shown as codes."""
    log.configure(stream, form=log.LogFormat.JSON if as_json else log.LogFormat.TEXT)
    structlog.get_logger().info("probe", detail="a\n2026 forged\x1b[31m\u202eevil" + "x" * 10_000)
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()
    assert len(stream.getvalue()) < 3_000


def test_traceback_shows_no_local_variables(stream: io.StringIO) -> None:
    for as_json in (True, False):
        log.configure(stream, form=log.LogFormat.JSON if as_json else log.LogFormat.TEXT)
        try:
            local_value = "local-value-" + "9"
            raise RuntimeError(len(local_value))
        except RuntimeError:
            structlog.get_logger().exception("failed")
    assert stream.getvalue().count("RuntimeError") >= 2
    assert "local-value-9" not in stream.getvalue()


def test_longer_of_two_overlapping_secrets_is_replaced_completely() -> None:
    concealer = log.Concealer()
    concealer.add("abcd")
    concealer.add("abcdefgh")
    assert concealer.clean("x abcdefgh y abcd z") == "x [secret] y [secret] z"


def test_shorter_secret_is_found_despite_longer_ones_with_the_same_prefix() -> None:
    """The longer ones may sort between the shorter one and the text."""
    concealer = log.Concealer()
    for secret in ("abcd", "abcdefff", "abcdefgg", "abcdefgh-0", "bcdefghi"):
        concealer.add(secret)
    assert concealer.clean("abcdefgh-1 abcdefgh-0 abcdefghi") == "[secret]efgh-1 [secret] [secret]efghi"


@given(st.lists(st.text("ab", min_size=4, max_size=9), max_size=8), st.text("ab", max_size=60), st.data())
def test_first_and_longest_match_of_any_secrets_is_replaced(secrets: list[str], text: str, data: st.DataObject) -> None:
    """The result equals that of an alternation of all held secrets, after any releases."""
    concealer = log.Concealer()
    removed = data.draw(st.sets(st.integers(0, len(secrets) - 1))) if secrets else set()
    for secret in secrets:
        concealer.add(secret)
    for path in removed:
        concealer.release(secrets[path])
    forms = {form for at, secret in enumerate(secrets) if at not in removed for form in log._forms(secret)}
    alternation = "|".join(sorted(forms, key=len, reverse=True))
    cleaned = concealer.clean(text)
    assert cleaned == (re.sub(alternation, log.CONCEALED, text) if forms else text)
    assert [concealer.head(text, length) for length in range(99)] == [cleaned[:length] for length in range(99)]


def test_cost_of_adding_a_secret_is_independent_of_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the encodings of the new secret are computed, not those of all others again."""
    concealer, nodes = log.Concealer(), Counter[str]()
    forms = log._forms

    def counting(secret: str) -> Iterator[str]:
        nodes[secret] += 1
        return forms(secret)

    monkeypatch.setattr(log, "_forms", counting)
    tokens = [f"canary-token-{number}" for number in range(100)]
    for token in tokens:
        concealer.add(token)
    assert concealer.clean(tokens[0]) == "[secret]"
    for token in tokens:
        concealer.release(token)
    assert concealer.clean(tokens[0]) == tokens[0]
    assert set(nodes.values()) == {2}
    assert not concealer._by_prefix, "nothing is kept of what was released"


def test_temporary_secret_is_concealed_while_it_is_referenced() -> None:
    passing, other = log.TemporarySecret("canary-passing"), log.TemporarySecret("canary-passing")
    del passing
    assert log.conceal_secrets("canary-passing") == "[secret]"
    assert other.value == "canary-passing"
    del other
    assert log.conceal_secrets("canary-passing") == "canary-passing"


def test_very_short_secret_is_not_concealed() -> None:
    concealer = log.Concealer()
    concealer.add("abc")
    concealer.add("")
    assert concealer.clean("abc") == "abc"


def test_each_line_of_a_private_key_is_a_secret() -> None:
    concealer = log.Concealer()
    concealer.add("-----BEGIN-----\nMIIEabcd\n-----END-----")
    assert concealer.clean("read MIIEabcd") == "read [secret]"


def test_truncation_leaves_no_part_of_a_secret(stream: io.StringIO) -> None:
    log.conceal("straddling-canary")
    log.configure(stream)
    structlog.get_logger().info("x", detail="y" * 1_990 + "straddling-canary" + "y" * 100)
    assert "straddl" not in stream.getvalue()


def test_temporary_secret_is_released_in_its_own_concealer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The garbage collector may run late, when another test holds the same secret in another concealer."""
    released = log.TemporarySecret("canary-of-both")
    monkeypatch.setattr(log, "_concealer", log.Concealer())
    log.conceal("canary-of-both")
    del released
    gc.collect()
    assert log.conceal_secrets("canary-of-both") == log.CONCEALED
