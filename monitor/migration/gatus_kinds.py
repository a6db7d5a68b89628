"""Conversions of Gatus endpoints by the scheme of their URL, for example `tcp` and `dns`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from monitor.migration.values import glob_expression, host_and_port, notation

if TYPE_CHECKING:
    from monitor.migration.conversion import Check
    from monitor.migration.gatus_endpoint import Endpoint


def _tcp(endpoint: Endpoint, url: str) -> Check:
    host, port = host_and_port(url)
    if endpoint.raw.get("body"):
        endpoint.note_lost("the text that is sent; add a script", "body")
    _note_unused_conditions(endpoint)
    return {"id": "tcp", "tcp": f"{host}:{port}", **endpoint.family()}


def _tls_check(endpoint: Endpoint, url: str) -> Check:
    host, port = host_and_port(url)
    target: dict[str, Any] = {"target": f"{host}:{port or (25 if url.startswith('starttls') else 443)}"}
    if url.startswith("starttls"):
        target["starttls"] = "smtp"
    if endpoint.expectations.certificate:
        target["valid_for"] = notation(endpoint.expectations.certificate)
    endpoint.expectations.certificate = None
    if str(endpoint.client.get("insecure", False)).lower() == "true":
        target["verify"] = False
    return {"id": "certificate", "tls": target}


def _icmp(endpoint: Endpoint, url: str) -> Check:
    return {"id": "ping", "icmp": url.partition("://")[2].strip("[]"), **endpoint.family()}


def _websocket(endpoint: Endpoint, url: str) -> Check:
    check: Check = {"id": "websocket", "websocket": endpoint.address(url)}
    if headers := endpoint.headers():
        check["headers"] = headers
    if body := endpoint.raw.get("body"):
        check["send"] = str(body)
    return check | _expected_message(endpoint)


def _udp(endpoint: Endpoint, url: str) -> Check:
    host, port = host_and_port(url)
    return {
        "id": "udp",
        "udp": f"{host}:{port}",
        "send": str(endpoint.raw.get("body") or ""),
        **_expected_message(endpoint),
    }


def _ssh(endpoint: Endpoint, url: str) -> Check:
    host, port = host_and_port(url)
    if endpoint.raw.get("ssh"):
        endpoint.note_lost("the login and its command; the check reads the server's identification", "ssh")
    return {"id": "ssh", "ssh": f"{host}:{port or 22}", **endpoint.family()}


def _grpc(endpoint: Endpoint, url: str) -> Check:
    host, port = host_and_port(url)
    encrypted = {"encrypted": True} if url.startswith("grpcs") else {}
    return {"id": "grpc", "grpc": f"{host}:{port or 443}", **encrypted}


def _dns(endpoint: Endpoint, url: str) -> Check:
    dns = endpoint.raw["dns"]
    check: Check = {"id": "dns", "dns": str(dns.get("query-name")).rstrip(".")}
    record = str(dns.get("query-type") or "A")
    check |= {"record": record} if record != "A" else {}
    check["resolver"] = url if ":" in url else f"{url}:53"
    expect: dict[str, Any] = {"rcode": endpoint.expectations.rcodes} if endpoint.expectations.rcodes else {}
    answers = [
        expectation.right
        for expectation in endpoint.expectations.body
        if expectation.operator == "==" and expectation.pattern is None
    ]
    if answers:
        expect["answer"] = answers
    endpoint.expectations.body = [
        expectation for expectation in endpoint.expectations.body if expectation.right not in answers
    ]
    _note_unused_conditions(endpoint)
    return check | ({"expect": expect} if expect else {})


def _expected_message(endpoint: Endpoint) -> Check:
    """Return the expression that a message must match, from the first condition on the body."""
    for condition in endpoint.expectations.body[:1]:
        if condition.operator == "==":
            endpoint.expectations.body = endpoint.expectations.body[1:]
            pattern = condition.pattern
            _note_unused_conditions(endpoint)
            return {"expect": glob_expression(condition.right if pattern is None else pattern)}
    _note_unused_conditions(endpoint)
    return {}


def _note_unused_conditions(endpoint: Endpoint) -> None:
    for condition in endpoint.expectations.body:
        endpoint.note_lost(f"{condition.left} {condition.operator} {condition.right}", "conditions")
    for path in endpoint.expectations.expect.get("json", ()):
        endpoint.note_lost(f"the condition on {path}", "conditions")


def _http(endpoint: Endpoint, url: str) -> Check:
    return endpoint.http(url)


KINDS: Final[dict[str, Callable[[Endpoint, str], Check]]] = {
    "http": _http,
    "https": _http,
    "tcp": _tcp,
    "tls": _tls_check,
    "starttls": _tls_check,
    "icmp": _icmp,
    "ws": _websocket,
    "wss": _websocket,
    "udp": _udp,
    "ssh": _ssh,
    "grpc": _grpc,
    "grpcs": _grpc,
    "dns": _dns,
}
"""Functions that return a check without its interval, by scheme; `dns` is the key of an endpoint, not a scheme."""
