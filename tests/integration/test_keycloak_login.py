"""People sign in to a running daemon with the login form of a real Keycloak."""

from __future__ import annotations

import html
import json
import re
import urllib.error
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.daemon_process import running_daemon
from tests.support.http_target import HttpTarget
from tests.support.keycloak import CLIENT_SECRET, Admin, Keycloak, keycloak, needs_keycloak
from tests.support.processes import free_port

PASSWORD = "canary-of-a-person"


def write_config(folder: Path, server: Keycloak, target: HttpTarget, port: int) -> Path:
    path = folder / "ninewatch.yaml"
    path.write_text(f"""\
listen: 127.0.0.1:{port}
store: {folder / "ninewatch.db"}
login:
  oidc:
    issuer: {server.address}/realms/standard
    client_id: ninewatch
    client_secret: {{env: REALM_CLIENT_SECRET}}
    roles:
      claim: realm_access.roles
      source: access_token
      viewer: [uptime-viewer]
      operator: [uptime-operator]
      admin: [uptime-admin]
products:
  - id: forms
    objective: 99%
    checks: [{{id: health, http: "{target.url("/health")}", interval: 1s}}]
""")
    return path


class Browser:
    """A client with cookies that follows redirects, and reads forms."""

    def __init__(self, base: str) -> None:
        # Browsers send `Secure` cookies to loopback addresses without TLS, too.
        self.base, self.cookies = base, CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )

    def open(self, address: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str, str]:
        """Return status, text and final address."""
        url = self.base + address if address.startswith("/") else address
        data = None if form is None else urlencode(form).encode()
        accept = {"Accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            with self._opener.open(urllib.request.Request(url, data, accept), timeout=60) as answer:  # noqa: S310
                return answer.status, answer.read().decode(), answer.url
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), error.url

    def sign_in(self, name: str, password: str = PASSWORD) -> tuple[int, str, str]:
        """Open the page, and fill in the form to which it leads."""
        _, text, _ = self.open("/products/forms")
        action = re.search(r'<form[^>]*action="([^"]+)"', text)
        assert action is not None, text
        return self.open(html.unescape(action[1]), {"username": name, "password": password, "credentialId": ""})

    def who(self) -> tuple[str | None, str | None]:
        body: dict[str, Any] = json.loads(self.open("/api/v1/session")[1])
        return body["name"], body["role"]

    def sign_out(self) -> tuple[int, str, str]:
        return self.open("/logout", {}, Origin=self.base)


@pytest.mark.slow
@pytest.mark.timeout(400)
@needs_keycloak
def test_people_sign_in_and_out_through_a_real_keycloak(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with HttpTarget().serving() as target, keycloak(tmp_path) as server:
        admin = Admin(server)
        admin.enable_sign_in(f"{base}/")
        for name in ("viewer", "operator", "admin"):
            admin.add_user(name, PASSWORD, f"uptime-{name}")
        admin.add_user("stranger", PASSWORD, "other")
        config = write_config(tmp_path, server, target, port)
        with running_daemon(config, extra={"REALM_CLIENT_SECRET": CLIENT_SECRET}) as daemon:
            check_roles(base)
            browser = Browser(base)
            assert browser.sign_in("operator", "wrong")[2].startswith(server.address)
            assert browser.who() == (None, None)
            status, _, address = browser.sign_in("operator")
            assert (status, address) == (200, f"{base}/products/forms")
            check_changes(browser)
            admin.rotate_keys()
            rotated = Browser(base)
            assert rotated.sign_in("admin")[0] == 200
            assert rotated.who() == ("admin", "admin")
            status, text, address = browser.sign_out()
            assert (status, address, "not signed in" in text) == (200, f"{base}/session", True)
            assert 'name="password"' in browser.open("/products/forms")[1]  # Keycloak's session has ended, too
            assert rotated.who() == ("admin", "admin")
            output = daemon.output()
    for secret in (PASSWORD, CLIENT_SECRET, "Traceback"):
        assert secret not in output


def check_roles(base: str) -> None:
    for name in ("viewer", "operator", "admin"):
        browser = Browser(base)
        status, text, address = browser.sign_in(name)
        assert (status, address) == (200, f"{base}/products/forms"), text
        assert browser.who() == (name, name)
    stranger = Browser(base)
    status, text, _ = stranger.sign_in("stranger")
    assert (status, "no role here" in text) == (403, True)
    assert stranger.who() == (None, None)


def check_changes(browser: Browser) -> None:
    """Send a change with and without the origin of the pages, and an answer of the provider with a forged state."""
    path = "/api/v1/products/forms/gate/override"
    assert browser.open(path, {}, Origin=browser.base)[0] == 403  # an operator may not
    assert browser.open("/api/v1/silences", {}, Origin="https://evil.example")[0] == 403
    assert browser.open("/api/v1/silences", {}, Origin=browser.base)[0] == 400  # admitted; the body is not JSON
    assert browser.open("/login/callback?code=x&state=forged")[0] == 400
