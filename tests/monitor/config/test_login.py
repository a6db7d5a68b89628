"""Keys that decide about reading: `listen`, `access` and `login`."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.loader import examine
from monitor.probes.registry import check_types
from monitor.receivers.registry import RECEIVER_TYPES

PRODUCTS = "products: [{id: forms, objective: 99%, checks: [{id: health, http: 'http://127.0.0.1:1/'}]}]\n"
ROLES = "roles: {viewer: ['*']}"
OIDC = f"login: {{oidc: {{issuer: 'https://sso.example.org/realms/x', client_id: ninewatch, {ROLES}}}}}\n"
PROXY = f"login: {{proxy: {{from: [10.0.0.0/8], {ROLES}}}}}\n"
OPEN = "listen: 0.0.0.0:9999\n"
PUBLIC = "public_url: https://status.example.org\n"


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "ninewatch.yaml"
    path.write_text(text + PRODUCTS)
    return [
        str(problem).removeprefix(f"{path}:")
        for problem in examine(path, check_types(allow_exec=False), RECEIVER_TYPES).problems
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "listen: '[::1]:9999'\n",
        "listen: localhost:0\n",
        f"{OPEN}access: public\n",
        f"{OPEN}access: {{read: anyone}}\n",
        f"{OPEN}access: {{read: token}}\n",
        f"{OPEN}{PUBLIC}{OIDC}",
        f"{OPEN}public_url: http://localhost:9999\n{OIDC}",
        f"{OPEN}{PUBLIC}access: public\n{OIDC}",
        f"{OPEN}{PROXY}",
        OIDC,
        OIDC.replace("https://sso.example.org", "http://127.0.0.1:8080"),
    ],
)
def test_access_is_specified(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize("address", ["0.0.0.0:9999", "'[::]:9999'", "10.0.0.7:8080", "status.example.org:80"])
def test_other_address_needs_a_login_or_explicit_public_access(tmp_path: Path, address: str) -> None:
    (problem,) = problems(tmp_path, f"listen: {address}\n")
    assert problem == (
        f"1:9: listen: {address.strip(chr(39))} is not a loopback address, and nothing specifies who may read the "
        "pages; add `login:` for a sign-in, `access: {read: token}` for API tokens only, or `access: public` for "
        "everyone who can connect"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("access: open\n", 'access: not a kind of access; use "public", or {read: token}'),
        (f"{OPEN}{OIDC}", "login: requires `public_url`, to which the provider redirects; add it"),
        (
            f"public_url: http://status.example.org\n{OIDC}",
            "public_url: is not encrypted, and `login` needs that; use an https URL",
        ),
        (
            OIDC.replace("https:", "http:"),
            "login.oidc.issuer: is not encrypted; use an https URL (http is allowed for loopback addresses only)",
        ),
        ("login: {}\n", "login.session: there is no kind of sign-in; add oidc or proxy"),
        (
            OIDC.replace("['*']", "[]"),
            'login.oidc.roles.viewer: no name gives a role; use viewer: ["*"] to permit everyone reading',
        ),
        (PROXY.replace("10.0.0.0/8", "proxy"), '"proxy" is not a network; use e.g. 10.0.0.0/8'),
        (
            PROXY.replace("from: [10.0.0.0/8]", "header: Cookie, from: [10.0.0.0/8]"),
            "a header that only the proxy sets",
        ),
        (PROXY.replace("from: [10.0.0.0/8], ", ""), "from"),
        (OIDC.replace("client_id", "scopes: [email], client_id"), "login.oidc.scopes: lacks openid"),
        (
            OIDC.replace("client_id", "client_secret: hunter2, client_id"),
            "a secret must not be written into the configuration",
        ),
        (OIDC.replace("roles: {", "roles: {claim: 'a b', "), "not the name of a claim"),
        (f"login: {{proxy: {{from: [10.0.0.0/8], {ROLES}}}, {OIDC[8:]}", "login.proxy: excludes oidc"),
        (OIDC.replace("}}}", "}}, session: {idle: 1s}}"), "login.session.idle: must be between 1m and 7d"),
    ],
)
def test_mistake_is_reported_with_a_remedy(tmp_path: Path, text: str, problem: str) -> None:
    (message,) = problems(tmp_path, text)
    assert problem in message
