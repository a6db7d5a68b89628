"""Loading a configuration: defaults, messages for mistakes, and that all mistakes are reported together."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.errors import ConfigError
from monitor.config.loader import examine, load
from monitor.config.model import HostPort, Portfolio
from sla.budget_window import BudgetWindow
from sla.calendar import Period
from sla.interval import DAY, MILLISECOND, MINUTE, SECOND
from sla.objective import Objective
from tests.monitor.config.kinds import (
    KINDS,
    MINIMAL,
    HttpCheck,
    TcpCheck,
    TlsCheck,
    examine_text,
    load_text,
    problems_of,
    with_check,
)


def test_minimal_file_gets_the_defaults(tmp_path: Path) -> None:
    portfolio = load_text(tmp_path, MINIMAL)
    (product,) = portfolio.products
    (health,) = product.checks
    assert isinstance(health, HttpCheck)
    assert (portfolio.listen, portfolio.store) == (HostPort("127.0.0.1", 9999), Path("var/ninewatch.db"))
    assert (product.name, product.objective, product.window.length) == ("demo", Objective.parse("99.9%"), 30 * DAY)
    assert (health.interval, health.timeout, health.effective_hold) == (SECOND, SECOND // 2, 2_500_000)
    assert [(p.id, c.id) for p, c in portfolio.checks()] == [("demo", "health")]
    assert health.target == "http://127.0.0.1:8000/health"


def test_the_default_timeout_never_exceeds_the_interval(tmp_path: Path) -> None:
    def timeout(interval_yaml: str) -> int:
        return load_text(tmp_path, with_check(f'tcp: "h:1"{interval_yaml}')).products[0].checks[0].timeout

    assert timeout("") == 10 * SECOND
    assert timeout(", interval: 3s") == 2_400 * MILLISECOND
    assert timeout(", interval: 5m") == 10 * SECOND


def test_default_fall_and_rise_are_two(tmp_path: Path) -> None:
    def thresholds(fields: str) -> tuple[int, int]:
        (found_check,) = load_text(tmp_path, with_check(f'tcp: "h:1"{fields}')).products[0].checks
        return found_check.fall, found_check.rise

    assert thresholds("") == (2, 2)
    assert thresholds(", fall: 1") == (1, 2)
    assert thresholds(", fall: 3, rise: 100") == (3, 100)


def test_default_interval_is_one_minute(tmp_path: Path) -> None:
    (found_check,) = load_text(tmp_path, with_check('tcp: "h:1"')).products[0].checks
    assert (found_check.interval, found_check.timeout, found_check.effective_hold) == (
        MINUTE,
        10 * SECOND,
        130 * SECOND,
    )
    assert (found_check.hold, found_check.slow_after) == (None, None)


def test_kind_of_a_check_is_its_key(tmp_path: Path) -> None:
    """`tls:` with a target is a kind; without a target it contains options of another kind."""
    text = with_check('http: "https://h/", tls: {server_name: x.org}')
    text += '      - {id: d, tcp: "[::1]:5432"}\n      - {id: e, tls: {target: "h:443", verify: false}}\n'
    kinds = [type(check) for check in load_text(tmp_path, text).products[0].checks]
    assert kinds == [HttpCheck, TcpCheck, TlsCheck]


def test_all_mistakes_are_reported_in_order_with_positions(tmp_path: Path) -> None:
    text = """\
        lissten: 127.0.0.1:9999
        products:
          - id: chefs
            objective: 100%
            depends_on: [keycloak]
            checks:
              - {id: status, http: "http://h/", interval: 30 sec, timeut: 1s}
              - {id: status, tcp: "h:1", timeout: 2m}
    """
    assert problems_of(tmp_path, text) == [
        f"c.yaml:1:1: lissten: unknown key; did you mean listen? Allowed: {', '.join(sorted(Portfolio.model_fields))}",
        f"c.yaml:4:16: products.chefs.objective: {_objective_error('100%')}",
        'c.yaml:5:18: products.chefs.depends_on[0]: unknown product "keycloak"; known products: chefs',
        'c.yaml:7:51: products.chefs.checks.status.interval: "30 sec" is not a duration; use 30s, 5m or 1h',
        "c.yaml:7:59: products.chefs.checks.status.timeut: unknown key; did you mean timeout? Allowed: "
        + ", ".join(sorted(HttpCheck.model_fields)),
        'c.yaml:8:14: products.chefs.checks.status.id: "status" is already the id of a check of this product at '
        f"{tmp_path}/c.yaml:7:14; choose another id",
        "c.yaml:8:43: products.chefs.checks.status.timeout: is longer than the interval; "
        "shorten the timeout, or lengthen the "
        "interval",
    ]


def _objective_error(objective: str) -> str:
    with pytest.raises(ValueError, match="use ") as caught:
        Objective.parse(objective)
    return str(caught.value)


VALID = with_check('tcp: "h:1"')

# Wrong configuration -> its error: position, key path, and the start of the message.
MISTAKES = {
    with_check(
        'tcp: "h:1", interval: 30'
    ): "5:39: products.p.checks.c.interval: 30 has no unit; use 30ms, 30s for seconds",
    with_check('tcp: "h:1", interval: 1:30'): "5:39: products.p.checks.c.interval: YAML reads 1:30 as the number 90;",
    with_check('tcp: "h:1", interval: 0s'): '5:39: products.p.checks.c.interval: "0s" is out of range;',
    with_check('tcp: "h:1", interval: 50ms'): "5:39: products.p.checks.c.interval: must be between 100ms and 1d",
    with_check('tcp: "h:1", timeout: -5s'): '5:38: products.p.checks.c.timeout: "-5s" is not a duration;',
    with_check('tcp: "h:1", timeout: [5s]'): "5:38: products.p.checks.c.timeout: not a duration; use 30s",
    with_check('tcp: "h:1", hold: 5s'): "5:35: products.p.checks.c.hold: is shorter than the interval",
    with_check('tcp: "h:1", fall: 0'): "5:35: products.p.checks.c.fall: must be at least 1",
    with_check('tcp: "h:1", fall: "2"'): "5:35: products.p.checks.c.fall: must be a whole number",
    with_check('tcp: "h:1", fall: 010'): "5:35: products.p.checks.c.fall: YAML reads 010 as the number 8;",
    with_check('tcp: "h:1", http: "http://h/"'): "5:9: products.p.checks.c: has keys of 2 kinds, http and tcp;",
    with_check('htpp: "http://h/"'): '5:9: products.p.checks.c: unknown key "htpp"; did you mean http?',
    with_check("interval: 5s"): "5:9: products.p.checks.c: has no key of a kind; use one of http, tcp, tls",
    with_check("tls: {verify: false}"): "5:9: products.p.checks.c: has no key of a kind;",
    with_check('tcp: "h"'): '5:22: products.p.checks.c.tcp: "h" is not an address; use host:port',
    with_check('tcp: "127.1:80"'): '5:22: products.p.checks.c.tcp: "127.1" is neither a host name nor an IP address',
    with_check('http: "ftp://h/"'): "5:23: products.p.checks.c.http: not an http or https URL; use http://host/path",
    with_check(
        'http: "http://u:p@h/"'
    ): "5:23: products.p.checks.c.http: a URL must not contain a user name or password;",
    with_check('http: "http://h/#x"'): "5:23: products.p.checks.c.http: the part after # is never sent",
    with_check(
        'http: "http://h/", expect: {statis: 200}'
    ): "5:45: products.p.checks.c.expect.statis: unknown key; did you "
    "mean status? Allowed: body_size, contains, cookie, degraded, encrypted, header, json, matches, not_contains, ",
    with_check(
        'http: "http://h/", expect: {status: [2000]}'
    ): "5:54: products.p.checks.c.expect.status[0]: 2000 is not a status; use 200, 2xx or 200-204",
    with_check('http: "http://h/", expect: {matches: "(a"}'): "5:54: products.p.checks.c.expect.matches: not a regular "
    "expression of RE2 (missing ): (a)",
    with_check('http: "http://h/", expect: {matches: }'): "5:54: products.p.checks.c.expect.matches: has no value",
    with_check(
        'http: "http://h/", expect: {json: {"$.": 1}}'
    ): "5:58: products.p.checks.c.expect.json.$.: not a JSON path",
    with_check('http: "http://h/", tls: {verify: "no"}'): "5:50: products.p.checks.c.tls.verify: must be true or false",
    with_check('http: "http://h/", tls: {ca: no.pem}'): "5:46: products.p.checks.c.tls.ca: cannot read ",
    with_check(
        'http: "http://h/", headers: {"a b": c}'
    ): '5:53: products.p.checks.c.headers.a b: "a b" is not a header',
    "products:\n  - objective: 99%\n    checks: []\n": "2:5: products[0].id: is missing; add it",
    "products: []\n": "1:11: products: is empty; add at least one",
    "listen: 127.0.0.1:9999\n": "1:1: products: is missing; add it",
    "products: x\n": "1:11: products: must be a list; put - before each item",
    "title: no\n" + VALID: '1:8: title: YAML reads no as the boolean false; use "no" in quotes',
    "title: 2027-03-01\n" + VALID: "1:8: title: YAML reads 2027-03-01 as a date; use",
    "title:\n" + VALID: "1:7: title: has no value; add one, or remove the key",
    "time_zone: Mars\n" + VALID: '1:12: time_zone: "Mars" is not a time zone; use one such as',
    "engine: 5\n" + VALID: "1:9: engine: must be a block of keys; use key: value",
    "listen: 99\n" + VALID: "1:9: listen: not an address; use host:port in quotes",
    "listen: h:65536\n" + VALID: '1:9: listen: "h:65536" is not an address;',
}


TEXT_CONDITIONS = [
    "header: {Content-Language: %s}",
    "header: {Content-Language: {contains: %s}}",
    "cookie: {lang: %s}",
    'json: {"$.lang": %s}',
    'json: {"$.lang": {"!=": %s}}',
    'json: {"$.lang": {in: [de, %s]}}',
]


@pytest.mark.parametrize("expected", TEXT_CONDITIONS)
def test_unquoted_yes_or_no_is_not_compared_as_a_boolean(expected: str, tmp_path: Path) -> None:
    def problems_with(word: str) -> list[str]:
        return problems_of(tmp_path, with_check(f'http: "http://h/", expect: {{{expected % word}}}'))

    for word, truth_value in {"no": "false", "Off": "false", "yes": "true", "ON": "true"}.items():
        message = f'YAML reads {word} as the boolean {truth_value}; use "{word}" in quotes, or use {truth_value}'
        assert any(line.endswith(message) for line in problems_with(word))
    assert problems_with('"no"') == []
    assert not any("read by YAML" in line for line in problems_with("false"))


@pytest.mark.parametrize(
    "expected", ["encrypted: no", "header: {X: {matches: a, exists: yes}}", 'json: {"$.a": {"<": 5, optional: on}}']
)
def test_boolean_key_accepts_yes_and_no(expected: str, tmp_path: Path) -> None:
    assert problems_of(tmp_path, with_check(f'http: "http://h/", expect: {{{expected}}}')) == []


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items(), ids=[expected[:60] for expected in MISTAKES.values()])
def test_mistake_is_reported_with_position_and_remedy(text: str, expected: str, tmp_path: Path) -> None:
    lines = problems_of(tmp_path, text)
    assert any(line.startswith(f"c.yaml:{expected}") for line in lines), lines


@pytest.mark.parametrize("objective", ["0", "0%", "100%", "100", "101%", "-1%", "yes", "none", "0.999", "[99]", ".nan"])
def test_invalid_objective_is_rejected(objective: str, tmp_path: Path) -> None:
    text = with_check('tcp: "h:1"').replace("99.9%", objective)
    assert problems_of(tmp_path, text)[0].startswith("c.yaml:3:16: products.p.objective: ")


def test_one_mistake_gives_one_line(tmp_path: Path) -> None:
    """A default that needs the wrong value, or a list that is empty because of it, is not a second error."""
    assert len(problems_of(tmp_path, with_check('tcp: "h:1", interval: soon'))) == 1


def test_error_ends_with_the_number_of_errors(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(with_check("interval: soon"), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "c.yaml", KINDS)
    assert str(caught.value).splitlines()[-1] == "1 error"
    consequence = "the running configuration is unchanged"
    assert caught.value.report(consequence).endswith(f"1 error; {consequence}")


def test_missing_file_gives_one_clear_line(tmp_path: Path) -> None:
    missing_file = tmp_path / "gone.yaml"
    (problem,) = examine(missing_file, KINDS).problems
    assert (
        str(problem) == f"{missing_file}:1:1: {missing_file} does not exist; use a file, or a folder with .yaml files"
    )


def test_two_loads_of_the_same_text_are_equal(tmp_path: Path) -> None:
    """A reload compares checks by equality."""
    text = with_check('http: "http://h/", expect: {matches: a+, json: {"$.x": 1}, status: 2xx}, headers: {Accept: x}')
    first, second = load_text(tmp_path, text), load_text(tmp_path, text)
    assert first == second
    assert first != load_text(tmp_path, text.replace("a+", "a*"))


# --- Across products ---------------------------------------------------------------------------------------------

THREE_PRODUCTS = "products:\n" + "".join(
    f"""  - id: {name}
    objective: 99%
    depends_on: [{needs}]
    checks: [{{id: c, tcp: "h:1"}}]
"""
    for name, needs in (("a", "b"), ("b", "c"), ("c", ""))
)


def test_chain_of_dependencies_is_accepted(tmp_path: Path) -> None:
    assert load_text(tmp_path, THREE_PRODUCTS).products[0].depends_on == ("b",)


def test_cycle_of_dependencies_is_rejected(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, THREE_PRODUCTS.replace("depends_on: []", "depends_on: [a]"))
    assert ".depends_on[0]: closes a cycle, " in line
    assert " -> ".join("abca") in line or " -> ".join("bcab") in line or " -> ".join("cabc") in line


def test_product_that_depends_on_itself_is_rejected(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, THREE_PRODUCTS.replace("depends_on: []", "depends_on: [c]"))
    assert line.startswith("c.yaml:12:18: products.c.depends_on[0]: closes a cycle, c -> c;")


def test_duplicate_product_id_is_reported_with_both_positions(tmp_path: Path) -> None:
    lines = problems_of(tmp_path, THREE_PRODUCTS.replace("- id: c", "- id: a"))
    assert (
        f'c.yaml:10:9: products.a.id: "a" is already the id of a product at {tmp_path}/c.yaml:2:9; choose another id'
        in lines
    )


@pytest.mark.parametrize("rule", ["at_least 2", "{at_least: 2}", "2"])
def test_rule_that_requires_too_many_checks_is_rejected(rule: str, tmp_path: Path) -> None:
    text = with_check('tcp: "h:1"').replace("    checks", f"    rule: {rule}\n    checks")
    assert problems_of(tmp_path, text) == ["c.yaml:4:11: products.p.rule: requires 2 checks, but the product has 1"]
    with_second_check = text + '      - {id: d, tcp: "h:2"}\n'
    assert load_text(tmp_path, with_second_check).products[0].rule.needed(2) == 2


@pytest.mark.parametrize("rule", ["some", "at_least 0", "0", "at_least", "{at_most: 1}", "1.5", "true"])
def test_invalid_rule_is_rejected(rule: str, tmp_path: Path) -> None:
    text = with_check('tcp: "h:1"').replace("    checks", f"    rule: {rule}\n    checks")
    assert problems_of(tmp_path, text)[0].startswith("c.yaml:4:11: products.p.rule: ")


def test_interval_too_long_for_the_objective_gets_a_warning(tmp_path: Path) -> None:
    """99.999 % over 30 days allows 25.92 s: an interval of 12.96 s is short enough, 13 s is not."""
    text = with_check('tcp: "h:1", interval: 13s').replace("99.9%", "99.999%")
    (warning,) = examine_text(tmp_path, text).warnings
    assert warning.key_path == "products.p.checks.c.interval"
    assert "allows 25.92s" in warning.message
    assert "12.96s or less" in warning.message
    assert not examine_text(tmp_path, text.replace("13s", "12.96s")).warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1h30m", BudgetWindow(90 * MINUTE)), *((period.value, BudgetWindow.calendar(period)) for period in Period)],
)
def test_window_is_a_duration_or_a_calendar_period(tmp_path: Path, text: str, expected: BudgetWindow) -> None:
    portfolio = load_text(tmp_path, with_check('tcp: "h:1"').replace("    checks", f"    window: {text}\n    checks"))
    assert portfolio.products[0].window == expected
    assert portfolio.model_dump(mode="json")["products"][0]["window"] == text


@pytest.mark.parametrize("text", ["last month", "calendar", "months", "1 month", "0s"])
def test_invalid_window_names_the_allowed_windows(tmp_path: Path, text: str) -> None:
    config = with_check('tcp: "h:1"').replace("    checks", f"    window: {text}\n    checks")
    line = problems_of(tmp_path, config)[0]
    assert line.startswith(f'c.yaml:4:13: products.p.window: "{text}" is ')
    assert "for example 30d, or a calendar period: day, week, month, quarter, year or fiscal-year" in line


def test_interval_too_long_for_a_calendar_window_gets_a_warning(tmp_path: Path) -> None:
    text = (
        with_check('tcp: "h:1", interval: 13s')
        .replace("99.9%", "99.999%")
        .replace("    checks", "    window: month\n    checks")
    )
    (warning,) = examine_text(tmp_path, text).warnings
    assert "99.999% over a month allows 25.92s" in warning.message
