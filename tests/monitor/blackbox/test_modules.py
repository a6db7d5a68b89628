"""The module file: the modules of blackbox_exporter are accepted with its defaults, and errors are reported with a
remedy.
"""

from __future__ import annotations

import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import PlainSerializer

from monitor.blackbox.module_options import TlsConfig
from monitor.blackbox.modules import Module, ModuleFile
from monitor.blackbox.values import Block, seconds, size
from monitor.config.block_file import load_block
from monitor.config.errors import ConfigError
from monitor.log import conceal_secrets

DEBIAN_MODULE_FILE = Path("/etc/prometheus/blackbox.yml")
CANARY = "canary-9e1f7c"


def write_modules(folder: Path, text: str) -> Path:
    path = folder / "blackbox.yml"
    path.write_text(textwrap.dedent(text))
    return path


def load_module(folder: Path, text: str) -> Module:
    return load_block(write_modules(folder, f"modules: {{it: {text}}}"), ModuleFile).modules["it"]


def load_errors(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_block(write_modules(folder, text), ModuleFile)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.skipif(not DEBIAN_MODULE_FILE.exists(), reason="not installed: prometheus-blackbox-exporter")
def test_debians_module_file_is_accepted() -> None:
    assert {"http_2xx", "irc_banner", "icmp_ttl5", "grpc_plain"} <= set(
        load_block(DEBIAN_MODULE_FILE, ModuleFile).modules
    )


def test_defaults_equal_those_of_blackbox_exporter(tmp_path: Path) -> None:
    http_module = load_module(tmp_path, "{prober: http}")
    assert (
        http_module.timeout,
        http_module.http.method,
        http_module.http.follows_redirects,
        http_module.http.enable_http2,
    ) == (
        0.0,
        "GET",
        True,
        True,
    )
    assert (http_module.http.preferred_ip_protocol, http_module.http.ip_protocol_fallback) == ("ip6", True)
    assert http_module.icmp.ttl == 64
    dns_module = load_module(tmp_path, "{prober: dns, dns: {query_name: example.org}}").dns
    assert dns_module is not None
    assert (dns_module.query_type, dns_module.query_class, dns_module.transport_protocol) == ("ANY", "IN", "udp")
    assert dns_module.recursion_desired


def test_key_without_a_value_is_ignored(tmp_path: Path) -> None:
    path = write_modules(tmp_path, "modules:\n  it:\n    prober: icmp\n    icmp:\n    timeout:\n")
    assert load_block(path, ModuleFile).modules["it"] == Module(prober="icmp")


def test_number_in_a_header_is_read_as_text(tmp_path: Path) -> None:
    assert load_module(tmp_path, "{prober: http, http: {headers: {X-Id: 7}}}").http.headers == {"X-Id": "7"}


@pytest.mark.parametrize(
    ("text", "expected_text"),
    [
        ("{prober: http, http: {valid_status_code: [200]}}", "did you mean valid_status_codes?"),
        ("{prober: http, http: {tls_config: {sever_name: x}}}", "did you mean server_name?"),
        ("{prober: tcp, tcp: {query_response: [{expekt: x}]}}", "did you mean expect?"),
        ("{prober: http, http: {fail_if_body_json_matches_cel: x}}", "use fail_if_body_matches_regexp"),
        ("{prober: http, http: {enable_http3: true}}", "is not supported; remove it"),
        ("{prober: http, timeout: 5}", "use 5s, 1m30s or 500ms"),
        ("{prober: http, http: {body_size_limit: 10}}", "use 10MB, 512KB, or 0 for no limit"),
        ("{prober: http, http: {fail_if_body_matches_regexp: ['(']}}", "not a regular expression"),
        ("{prober: http, http: {basic_auth: {username: a}, bearer_token: b}}", "one set of credentials"),
        ("{prober: http, http: {body: a, body_file: b}}", "cannot read"),
        ("{prober: http, http: {tls_config: {max_version: TLS11}}}", "is not supported; use TLS12 or later"),
        ("{prober: http, http: {tls_config: {min_version: TLS13, max_version: TLS12}}}", "is below min_version"),
        ("{prober: http, http: {tls_config: {ca_file: none.pem}}}", "cannot read"),
        ("{prober: http, http: {compression: br}}", "use gzip or deflate"),
        ('{prober: http, http: {headers: {X-A: "a\\r\\nX-B: b"}}}', "is not allowed in a header"),
        ('{prober: http, http: {headers: {"X A": b}}}', "not a header name"),
        ('{prober: http, http: {bearer_token: "a\\nb"}}', "is not allowed in a header"),
        ("{prober: http, http: {proxy_url: 'socks5://a:1'}}", "https and socks are not supported"),
        ("{prober: dns, dns: {query_name: a, query_type: AX}}", "is not a record type"),
        ("{prober: dns, dns: {query_name: a, valid_rcodes: [NOEROR]}}", "is not a response code"),
        ("{prober: dns, dns: {query_name: a, dns_over_tls: true}}", "add transport_protocol: tcp"),
        ("{prober: icmp, icmp: {ttl: 256}}", "must be at most 255"),
        ("{prober: tcp, tcp: {query_response: [{labels: [{name: a, value: b}]}]}}", "add expect"),
        ("{prober: tcp, tcp: {source_ip_address: here}}", "is not an IP address"),
        (
            "{prober: tcp, tcp: {query_response: [{expect: x, labels: [{name: a-b}]}]}}",
            '"a-b" is not a label name; use',
        ),
        (
            '{prober: tcp, tcp: {query_response: [{expect: x, labels: [{name: "a\\n# evil"}]}]}}',
            "is not a label name",
        ),
        ("{prober: http, http: {valid_status_codes: [200, 2xx]}}", '"2xx" is not a status; list the valid numbers'),
        ("{prober: http, http: {authorization: {type: basic, credentials: a}}}", "use basic_auth"),
        ("{prober: http, http: {fail_if_header_matches: [{header: '', regexp: a}]}}", "is empty"),
        ("{prober: dns, dns: {query_name: ''}}", "is empty"),
        ("{prober: http, http: {fail_if_header_matches: [{header: A, regexp: ''}]}}", "is empty"),
        ("{prober: http, http: {compression: gzip, headers: {accept-encoding: br}}}", "does not accept gzip"),
        ("{prober: http, http: {proxy_url: 'http://%zz'}}", "not a supported proxy"),
        ("{prober: http, http: {method: G T}}", '"G T" is not a method; use GET'),
        ("{prober: http, http: {authorization: {type: 'a b'}}}", "not a scheme; use one word such as Bearer"),
        ("{prober: grpc, grpc: {metadata: {':path': [a]}}}", "is not a metadata name; use letters"),
        ("{prober: grpc, grpc: {metadata: {bad name: [a]}}}", "is not a metadata name; use letters"),
        ("{prober: grpc, grpc: {metadata: {TE: [a]}}}", "reserved for the call itself; remove it"),
        ('{prober: grpc, grpc: {metadata: {a: ["a\\r\\nb: c"]}}}', "use printable ASCII on one line"),
        ("{prober: unix}", "must be http, tcp, dns, icmp or grpc"),
    ],
)
def test_error_is_reported_with_position_and_remedy(tmp_path: Path, text: str, expected_text: str) -> None:
    errors = load_errors(tmp_path, f"modules:\n  it: {text}\n")
    assert len(errors) == 1
    assert errors[0].startswith(f"{tmp_path}/blackbox.yml:2:")
    assert "modules.it" in errors[0]
    assert expected_text in errors[0]


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("valid_http_versions: [HTTP/1.1, HTTP/2, 1.1]", "valid_http_versions", ("HTTP/1.1", "HTTP/2", "1.1")),
        ("preferred_ip_protocol: ipv4", "preferred_ip_protocol", "ip4"),
        ("preferred_ip_protocol: ipv6", "preferred_ip_protocol", "ip4"),
        ("preferred_ip_protocol: ''", "preferred_ip_protocol", "ip6"),
        ("valid_status_codes: [200, 2000, 0, 204.0]", "valid_status_codes", (200, 2000, 0, 204)),
        ("method: ''", "method", "GET"),
        ("method: FOO-BAR", "method", "FOO-BAR"),
        ("headers: {X: 1.5, Y: true, Z: 2020-01-02, W: null, V: yes}", "headers", None),
        ("body: 1.50", "body", "1.50"),
        ("fail_if_ssl: on", "fail_if_ssl", True),
        ("body_size_limit: 1.5MB", "body_size_limit", 3 << 19),
        ("body_size_limit: 1MB512KB", "body_size_limit", 3 << 19),
        ("body_size_limit: 8EB", "body_size_limit", 0),
        ("proxy_url: ''", "proxy_url", None),
        ("tls_config: {ca_file: '', server_name: ''}", "tls_config", TlsConfig()),
        ("compression: gzip, headers: {Accept-Encoding: 'br;q=0.5, *'}", "compression", "gzip"),
    ],
)
def test_values_are_read_as_by_blackbox_exporter(tmp_path: Path, text: str, key: str, expected: Any) -> None:
    config = load_module(tmp_path, f"{{prober: http, http: {{{text}}}}}").http
    if key == "headers":
        assert config.headers == {"X": "1.5", "Y": "true", "Z": "2020-01-02", "W": "", "V": "yes"}
    else:
        assert getattr(config, key) == expected


def test_dns_module_without_a_query_name_queries_the_root(tmp_path: Path) -> None:
    dns_module = load_module(tmp_path, "{prober: dns}").dns
    assert dns_module is not None
    assert (dns_module.query_name, dns_module.query_type) == (".", "ANY")


def test_aliases_and_merge_keys_are_resolved(tmp_path: Path) -> None:
    text = """
        modules:
          a: &a {prober: http, timeout: 5s, http: &http {method: PUT, headers: {X: y}}}
          b: *a
          c: {<<: *a, timeout: 7s}
          d: {prober: http, http: {<<: [*http, {method: GET, body: z}], headers: {}}}
    """
    modules = load_block(write_modules(tmp_path, text), ModuleFile).modules
    assert modules["a"] == modules["b"]
    assert (modules["c"].timeout, modules["c"].http) == (7.0, modules["a"].http)
    assert (modules["d"].http.method, modules["d"].http.body, modules["d"].http.headers) == ("PUT", "z", {})


@pytest.mark.parametrize(
    ("text", "expected_text"),
    [
        ("modules: {a: *nothing}", "*nothing is an alias of a part that is not complete before it"),
        ("modules: {a: &a {prober: http, http: *a}}", "*a is an alias of a part that is not complete before it"),
        ("modules: {a: {<<: text}}", "<< requires a mapping"),
        ("modules: {}\n---\nmodules: {}", "a second document starts here"),
    ],
)
def test_invalid_alias_is_reported(tmp_path: Path, text: str, expected_text: str) -> None:
    (error,) = load_errors(tmp_path, text)
    assert expected_text in error


def test_nested_aliases_do_not_exhaust_memory(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (error,) = load_errors(tmp_path, "\n".join(lines))
    assert "has more than 50000 values" in error


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://a:99999/", "http://a:0/", "not a url", "http://a/\\r\\nX: y", "a/b"]
)
def test_invalid_token_url_is_rejected_and_not_quoted(tmp_path: Path, url: str) -> None:
    (error,) = load_errors(
        tmp_path, f'modules: {{it: {{prober: http, http: {{oauth2: {{client_id: a, token_url: "{url}"}}}}}}}}'
    )
    assert "oauth2.token_url: not an http or https URL; use https://host/path" in error
    assert url not in error


def test_all_errors_are_reported_together(tmp_path: Path) -> None:
    assert len(load_errors(tmp_path, "modules: {a: {prober: x}, b: {prober: tcp, tmeout: 1s}, c: {}}")) == 3


@pytest.mark.parametrize(
    "text",
    [
        f"basic_auth: {{username: u, password: {CANARY}}}",
        f"authorization: {{credentials: {CANARY}}}",
        f"bearer_token: {CANARY}",
        f"oauth2: {{client_id: a, client_secret: {CANARY}, token_url: http://a/}}",
        f"oauth2: {{client_id: a, endpoint_params: {{p: {CANARY}}}, token_url: http://a/}}",
        f"proxy_url: http://u:{CANARY}@proxy:3128",
        f"headers: {{Authorization: {CANARY}}}",
        f"headers: {{X-Api-Key: {CANARY}}}",
        f"body: password={CANARY}",
        "bearer_token_file: secret.txt",
        "body_file: secret.txt",
    ],
)
def test_no_representation_of_a_module_shows_a_secret(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret.txt").write_text(f"{CANARY}\n")
    loaded_module = load_module(tmp_path, f"{{prober: http, http: {{{text}}}}}")
    assert CANARY not in loaded_module.model_dump_json(exclude_unset=True)
    if "body" not in text and "endpoint_params" not in text:
        assert CANARY not in repr(loaded_module)
        assert CANARY not in conceal_secrets(f"password {CANARY}")


@pytest.mark.parametrize(
    "text",
    [
        f"{{prober: http, http: {{headers: {{X-Session: {CANARY}}}}}}}",
        f"{{prober: grpc, grpc: {{metadata: {{authorization: [a, Bearer {CANARY}]}}}}}}",
        f"{{prober: http, http: {{oauth2: {{client_id: a, token_url: 'https://a/t?key={CANARY}#x'}}}}}}",
    ],
)
def test_dump_hides_possible_credentials(tmp_path: Path, text: str) -> None:
    loaded_module = load_module(tmp_path, text)
    assert CANARY not in loaded_module.model_dump_json(exclude_unset=True)
    assert any(CANARY in value for value in loaded_module.concealed_values())


def test_password_in_a_token_url_is_hidden(tmp_path: Path) -> None:
    loaded_module = load_module(
        tmp_path, f"{{prober: http, http: {{oauth2: {{client_id: a, token_url: 'http://u:{CANARY}-7@a/'}}}}}}"
    )
    assert CANARY not in loaded_module.model_dump_json(exclude_unset=True)
    assert CANARY not in conceal_secrets(f"password {CANARY}-7")


def test_harmless_headers_are_shown(tmp_path: Path) -> None:
    loaded_module = load_module(
        tmp_path, "{prober: http, http: {headers: {Accept-Language: en, Host: a.test, X-Session: b}}}"
    )
    expected_headers = {"Accept-Language": "en", "Host": "a.test", "X-Session": "<secret>"}
    assert loaded_module.model_dump()["http"]["headers"] == expected_headers


# Text fields of a module that are dumped unchanged. Every other text field needs its own serializer.
UNCHANGED_FIELDS = {
    "dns.query_class",
    "dns.query_name",
    "dns.query_type",
    "dns.source_ip_address",
    "dns.tls_config.server_name",
    "dns.valid_rcodes",
    "grpc.metadata",  # the names
    "grpc.service",
    "grpc.tls_config.server_name",
    "http.authorization.type",
    "http.basic_auth.username",
    "http.fail_if_header_matches.header",
    "http.fail_if_header_not_matches.header",
    "http.method",
    "http.oauth2.client_id",
    "http.oauth2.endpoint_params",  # the names
    "http.oauth2.scopes",
    "http.oauth2.tls_config.server_name",
    "http.tls_config.server_name",
    "http.valid_http_versions",
    "icmp.source_ip_address",
    "tcp.query_response.expect_bytes",
    "tcp.query_response.labels.name",
    "tcp.query_response.labels.value",
    "tcp.source_ip_address",
    "tcp.tls_config.server_name",
}


def test_every_text_field_is_hidden_or_listed_as_harmless() -> None:
    """A new field fails here until it is listed or gets a serializer."""
    assert set(_unchanged_fields(Module, ())) == UNCHANGED_FIELDS


def _unchanged_fields(kind: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the keys of text fields without a serializer of their own."""
    if kind is str:
        yield ".".join(path)
    elif isinstance(kind, type) and issubclass(kind, Block):
        for name, field in kind.model_fields.items():
            if not any(isinstance(item, PlainSerializer) for item in field.metadata):
                yield from _unchanged_fields(field.annotation, (*path, name))
    elif not any(isinstance(item, PlainSerializer) for item in getattr(kind, "__metadata__", ())):
        for part in typing.get_args(kind):
            yield from _unchanged_fields(part, path)


@pytest.mark.parametrize(
    ("text", "duration"),
    [("1h", 3600.0), ("1.5s", 1.5), ("1m0.5s", 60.5), ("0", 0.0), (0, 0.0), ("-5s", 0.0), ("2h", 7200.0)],
)
def test_duration_is_read_as_in_go(text: object, duration: float) -> None:
    assert seconds(text) == duration


@pytest.mark.parametrize("text", ["", "5", 5, True, False, "5 s", "s", "1d", "1e3s", "5s ", "--5s x"])
def test_invalid_go_duration_is_rejected(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


@pytest.mark.parametrize(("text", "size_bytes"), [("1KB", 1024), ("1KiB", 1024), ("5B", 5), ("2GB", 2 << 30), (0, 0)])
def test_size_units_are_powers_of_1024(text: object, size_bytes: int) -> None:
    assert size(text) == size_bytes
