"""The module file: what blackbox_exporter takes is taken with its defaults, and the rest is refused in plain words."""

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
from monitor.log import concealed

DEBIANS = Path("/etc/prometheus/blackbox.yml")
CANARY = "canary-9e1f7c"


def written(folder: Path, text: str) -> Path:
    path = folder / "blackbox.yml"
    path.write_text(textwrap.dedent(text))
    return path


def module(folder: Path, text: str) -> Module:
    return load_block(written(folder, f"modules: {{it: {text}}}"), ModuleFile).modules["it"]


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_block(written(folder, text), ModuleFile)
    return [str(each) for each in caught.value.problems]


@pytest.mark.skipif(not DEBIANS.exists(), reason="not installed: prometheus-blackbox-exporter")
def test_the_file_that_debian_ships_is_taken_whole() -> None:
    assert {"http_2xx", "irc_banner", "icmp_ttl5", "grpc_plain"} <= set(load_block(DEBIANS, ModuleFile).modules)


def test_the_defaults_are_those_of_blackbox_exporter(tmp_path: Path) -> None:
    plain = module(tmp_path, "{prober: http}")
    assert (plain.timeout, plain.http.method, plain.http.follows, plain.http.enable_http2) == (0.0, "GET", True, True)
    assert (plain.http.preferred_ip_protocol, plain.http.ip_protocol_fallback) == ("ip6", True)
    assert plain.icmp.ttl == 64
    asked = module(tmp_path, "{prober: dns, dns: {query_name: example.org}}").dns
    assert asked is not None
    assert (asked.query_type, asked.query_class, asked.transport_protocol) == ("ANY", "IN", "udp")
    assert asked.recursion_desired


def test_a_key_with_nothing_behind_it_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "modules:\n  it:\n    prober: icmp\n    icmp:\n    timeout:\n")
    assert load_block(path, ModuleFile).modules["it"] == Module(prober="icmp")


def test_a_number_is_the_text_that_it_is_written_as(tmp_path: Path) -> None:
    assert module(tmp_path, "{prober: http, http: {headers: {X-Id: 7}}}").http.headers == {"X-Id": "7"}


@pytest.mark.parametrize(
    ("text", "said"),
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
def test_a_mistake_is_told_with_its_place_and_a_remedy(tmp_path: Path, text: str, said: str) -> None:
    told = mistakes(tmp_path, f"modules:\n  it: {text}\n")
    assert len(told) == 1
    assert told[0].startswith(f"{tmp_path}/blackbox.yml:2:")
    assert "modules.it" in told[0]
    assert said in told[0]


@pytest.mark.parametrize(
    ("text", "of", "read"),
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
def test_what_blackbox_exporter_takes_is_taken_as_it_is_there(tmp_path: Path, text: str, of: str, read: Any) -> None:
    config = module(tmp_path, f"{{prober: http, http: {{{text}}}}}").http
    if of == "headers":
        assert config.headers == {"X": "1.5", "Y": "true", "Z": "2020-01-02", "W": "", "V": "yes"}
    else:
        assert getattr(config, of) == read


def test_a_dns_module_without_a_question_asks_for_the_root_as_there(tmp_path: Path) -> None:
    asked = module(tmp_path, "{prober: dns}").dns
    assert asked is not None
    assert (asked.query_name, asked.query_type) == (".", "ANY")


def test_aliases_and_merge_keys_are_followed(tmp_path: Path) -> None:
    text = """
        modules:
          a: &a {prober: http, timeout: 5s, http: &http {method: PUT, headers: {X: y}}}
          b: *a
          c: {<<: *a, timeout: 7s}
          d: {prober: http, http: {<<: [*http, {method: GET, body: z}], headers: {}}}
    """
    modules = load_block(written(tmp_path, text), ModuleFile).modules
    assert modules["a"] == modules["b"]
    assert (modules["c"].timeout, modules["c"].http) == (7.0, modules["a"].http)
    assert (modules["d"].http.method, modules["d"].http.body, modules["d"].http.headers) == ("PUT", "z", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modules: {a: *nothing}", "*nothing repeats a part that is not complete before it"),
        ("modules: {a: &a {prober: http, http: *a}}", "*a repeats a part that is not complete before it"),
        ("modules: {a: {<<: text}}", "<< takes a mapping"),
        ("modules: {}\n---\nmodules: {}", "a second document starts here"),
    ],
)
def test_an_alias_that_cannot_be_followed_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (told,) = mistakes(tmp_path, text)
    assert said in told


def test_a_few_lines_of_aliases_do_not_fill_memory(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (told,) = mistakes(tmp_path, "\n".join(lines))
    assert "holds more than 50000 values" in told


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://a:99999/", "http://a:0/", "not a url", "http://a/\\r\\nX: y", "a/b"]
)
def test_a_token_url_that_cannot_be_asked_is_refused_and_not_quoted(tmp_path: Path, url: str) -> None:
    (told,) = mistakes(
        tmp_path, f'modules: {{it: {{prober: http, http: {{oauth2: {{client_id: a, token_url: "{url}"}}}}}}}}'
    )
    assert "oauth2.token_url: not an http or https URL; use https://host/path" in told
    assert url not in told


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, "modules: {a: {prober: x}, b: {prober: tcp, tmeout: 1s}, c: {}}")) == 3


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
def test_no_form_of_a_module_shows_a_secret(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret.txt").write_text(f"{CANARY}\n")
    found = module(tmp_path, f"{{prober: http, http: {{{text}}}}}")
    assert CANARY not in found.model_dump_json(exclude_unset=True)
    if "body" not in text and "endpoint_params" not in text:
        assert CANARY not in repr(found)
        assert CANARY not in concealed(f"said {CANARY}")


@pytest.mark.parametrize(
    "text",
    [
        f"{{prober: http, http: {{headers: {{X-Session: {CANARY}}}}}}}",
        f"{{prober: grpc, grpc: {{metadata: {{authorization: [a, Bearer {CANARY}]}}}}}}",
        f"{{prober: http, http: {{oauth2: {{client_id: a, token_url: 'https://a/t?key={CANARY}#x'}}}}}}",
    ],
)
def test_no_dump_shows_what_may_be_a_credential(tmp_path: Path, text: str) -> None:
    found = module(tmp_path, text)
    assert CANARY not in found.model_dump_json(exclude_unset=True)
    assert any(CANARY in each for each in found.concealed_values())


def test_the_password_in_the_url_of_a_token_server_is_told_nowhere(tmp_path: Path) -> None:
    found = module(
        tmp_path, f"{{prober: http, http: {{oauth2: {{client_id: a, token_url: 'http://u:{CANARY}-7@a/'}}}}}}"
    )
    assert CANARY not in found.model_dump_json(exclude_unset=True)
    assert CANARY not in concealed(f"said {CANARY}-7")


def test_headers_that_are_known_to_be_harmless_are_shown(tmp_path: Path) -> None:
    found = module(tmp_path, "{prober: http, http: {headers: {Accept-Language: en, Host: a.test, X-Session: b}}}")
    shown = {"Accept-Language": "en", "Host": "a.test", "X-Session": "<secret>"}
    assert found.model_dump()["http"]["headers"] == shown


# Texts of a module that are shown as they are written. Every other has to say how it is shown.
SHOWN = {
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


def test_every_text_of_a_module_is_hidden_or_known_to_be_harmless() -> None:
    """A new one fails here until somebody has decided."""
    assert set(_shown(Module, ())) == SHOWN


def _shown(kind: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the keys that hold text which is not dumped in a way of its own."""
    if kind is str:
        yield ".".join(path)
    elif isinstance(kind, type) and issubclass(kind, Block):
        for name, field in kind.model_fields.items():
            if not any(isinstance(each, PlainSerializer) for each in field.metadata):
                yield from _shown(field.annotation, (*path, name))
    elif not any(isinstance(each, PlainSerializer) for each in getattr(kind, "__metadata__", ())):
        for part in typing.get_args(kind):
            yield from _shown(part, path)


@pytest.mark.parametrize(
    ("text", "length"),
    [("1h", 3600.0), ("1.5s", 1.5), ("1m0.5s", 60.5), ("0", 0.0), (0, 0.0), ("-5s", 0.0), ("2h", 7200.0)],
)
def test_a_duration_is_read_as_go_does(text: object, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "5", 5, True, False, "5 s", "s", "1d", "1e3s", "5s ", "--5s x"])
def test_what_go_does_not_take_for_a_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


@pytest.mark.parametrize(("text", "length"), [("1KB", 1024), ("1KiB", 1024), ("5B", 5), ("2GB", 2 << 30), (0, 0)])
def test_a_size_is_in_powers_of_1024(text: object, length: int) -> None:
    assert size(text) == length
