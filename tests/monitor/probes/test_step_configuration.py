"""Journeys: valid and invalid configurations."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from monitor.config.loader import examine
from monitor.probes.registry import CHECK_TYPES
from tests.support.journeys import SECRET, check_problems

pytestmark = pytest.mark.usefixtures("journey_secret")


DOCUMENT = (Path(__file__).parents[3] / "docs/journeys.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(- id: .*?)```", DOCUMENT, flags=re.DOTALL))
def test_the_examples_of_the_documentation_are_valid(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORM_KEY", "USER_PASSWORD", "CLIENT_SECRET"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("OTP_KEY", "JBSWY3DPEHPK3PXP")
    (tmp_path / "c.yaml").write_text(
        f"products:\n  - id: p\n    objective: 99%\n    checks:\n{textwrap.indent(block, ' ' * 6)}"
    )
    assert examine(tmp_path / "c.yaml", CHECK_TYPES).problems == ()


URL = "https://api.example.org"


INVALID_STEPS = {
    "undefined name": ('- {id: a, http: "URL/{{nothing}}"}', "a.http: {{nothing}} is unknown here; capture it"),
    "name of a later step": (
        '- {id: a, http: "URL/{{b}}"}\n- {id: b, http: URL, capture: {b: "$.b"}}',
        "a.http: {{b}} is unknown here",
    ),
    "same id": ("- {id: a, http: URL}\n- {id: a, http: URL}", 'a.id: two steps have the id "a"'),
    "no kind": ("- {id: a, htp: URL}", "a.id: the step has no key of a kind; use one of http, tcp"),
    "two kinds": ('- {id: a, http: URL, tcp: "b:1"}', "a.tcp: the step has keys of several kinds, http and tcp"),
    "unknown key": ("- {id: a, http: URL, metod: GET}", "a.metod: unknown key of a step; allowed: always, basic"),
    "schedule": ("- {id: a, http: URL, interval: 1m}", "a.interval: belongs to the check"),
    "value of the kind": (
        "- {id: a, http: URL, expect: {status: [200, 99]}}",
        "a.expect.status[1]: 99 is not a status",
    ),
    "not a URL": ('- {id: a, http: "ftp://{{run_id}}/"}', "a.http: not an http or https URL"),
    "body of GET": ("- {id: a, http: URL, json_body: {}}", "a.body: a GET request has no body; add method: POST"),
    "two bodies": ("- {id: a, http: URL, method: POST, form: {}, body: b}", "a.form: excludes body; keep one"),
    "two bearers": (
        '- {id: a, http: URL, bearer: "{{run_id}}", basic: {user: a, password: {env: JOURNEY_SECRET}}}',
        "a.bearer: excludes basic; keep one",
    ),
    "two unknowns": (
        "- {id: a, http: URL, unknown: {status: 401}, expect: {unknown: {status: 429}}}",
        "a.unknown: excludes unknown",
    ),
    "degraded": (
        "- {id: a, http: URL, expect: {degraded: {status: 200}}}",
        "a.expect: degraded has no effect in a step",
    ),
    "repeated write": (
        "- {id: a, http: URL, method: POST, retry: {for: 5s}}",
        "a.retry: a POST that is repeated may write twice; repeat a step that reads",
    ),
    "capture of tcp": ('- {id: a, tcp: "b:1", capture: {x: "$.x"}}', "a.capture: capture is for http steps only"),
    "while of tcp": (
        '- {id: a, tcp: "b:1", retry: {for: 1s, while: {status: 404}}}',
        "a.retry: while is for http steps only",
    ),
    "two sources": ("- {id: a, http: URL, capture: {x: {header: A, cookie: B}}}", "x.cookie: a value has one source"),
    "no source": ("- {id: a, http: URL, capture: {x: {secret: true}}}", "x: has no source; use json, header"),
    "name": ("- {id: a, http: URL, capture: {X-y: $.a}}", '"X-y" is not a name'),
    "run_id": ("- {id: a, http: URL, capture: {run_id: $.a}}", "is the id of the run; use another name"),
    "path": ("- {id: a, http: URL, capture: {x: $$}}", "not a JSON path"),
    "taken name": ("- {id: a, http: URL, capture: {key: $.a}}", "a.capture: key is also a name in secrets"),
    "secret in a URL": ('- {id: a, http: "URL/{{key}}"}', "a.http: {{key}} is a secret, which is allowed in headers"),
    "secret elsewhere": (
        '- {id: a, http: URL, capture: {u: "$.u"}}\n- {id: b, http: "{{u}}", headers: {X-Key: "{{key}}"}}',
        "b.http: the step sends a secret to an address from a response; add secrets_to",
    ),
    "secret to a placeholder": (
        '- {id: a, http: URL, capture: {h: "$.h"}}\n- {id: b, redis: "{{h}}:1", password: {env: JOURNEY_SECRET}}',
        "b.redis: the step sends a secret, so its address must not have a placeholder",
    ),
    "find of a step that always runs": (
        '- {id: a, http: URL, find: {http: URL, capture: {id: "$.id"}}}',
        "a.find: must be an http request, in a step with always: true",
    ),
    "find of another value": (
        '- {id: a, http: URL, capture: {id: "$.id"}}\n'
        '- {id: b, always: true, http: "URL/{{id}}", find: {http: URL, capture: {x: "$.id"}}}',
        "b.find: finds x, which the step does not use; find a value that it uses",
    ),
    "name in find": (
        '- {id: a, http: URL, capture: {id: "$.id"}}\n'
        '- {id: b, always: true, http: "URL/{{id}}", find: {http: "URL/{{q}}", capture: {id: "$.id"}}}',
        "b.find: {{q}} is unknown here; use run_id",
    ),
    "token endpoint": (
        '- {id: a, http: URL, oauth2: {token_url: "URL/{{run_id}}", client_id: c, client_secret: {env: OTHER}}}',
        "a.oauth2: has a placeholder",
    ),
}


@pytest.mark.parametrize("case", list(INVALID_STEPS))
def test_errors_have_their_place_and_a_remedy(case: str, tmp_path: Path) -> None:
    steps, expected = INVALID_STEPS[case]
    keys = "secrets: {key: {env: JOURNEY_SECRET}}\nsteps:\n" + textwrap.indent(steps.replace("URL", URL), "  ")
    messages = check_problems(tmp_path, keys)
    assert len(messages) == 1, messages
    assert expected in messages[0]
    assert re.match(r"c\.yaml:[789]:\d+: products\.p\.checks\.j\.steps", messages[0]), messages


def test_a_secret_to_another_origin_is_rejected(tmp_path: Path) -> None:
    steps = '\n  - {id: a, http: "https://other.example.org/", headers: {X-Key: "{{key}}"}}\n'
    keys = f"secrets: {{key: {{env: JOURNEY_SECRET}}}}\nsecrets_to: [{URL}]\nsteps:{steps}"
    assert "sends a secret to an origin that is not in secrets_to; add it there" in check_problems(tmp_path, keys)[0]
    assert check_problems(tmp_path, keys.replace(f"[{URL}]", f"[{URL}, https://other.example.org/]")) == []
    assert "an origin has no path" in check_problems(tmp_path, keys.replace(f"[{URL}]", f"[{URL}/path]"))[0]


def test_programs_as_steps_need_the_permission(tmp_path: Path) -> None:
    keys = "steps:\n  - {id: a, exec: [/bin/true]}\n"
    assert check_problems(tmp_path, keys) == []
    (problem,) = check_problems(tmp_path, keys, allow_exec=False)
    assert "steps.a.exec: programs are not allowed; start the daemon with --allow-exec" in problem
