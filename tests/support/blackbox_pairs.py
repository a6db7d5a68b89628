"""Pairs of a module and a target, on which blackbox_exporter and /probe are compared."""

from __future__ import annotations

from typing import NamedTuple

NO_NAME = f"{'x' * 64}.test"  # a label that is too long for a DNS query, so that no query leaves this machine


class Pair(NamedTuple):
    """A module, a target (`{name}` is a server's port), and the verdict of blackbox_exporter.

    `differs` names the difference of /probe, if there is one; `turns` is true if it reverses the verdict.
    """

    module: str
    target: str
    good: bool
    differs: str = ""
    hangs: bool = False
    turns: bool = False

    def __str__(self) -> str:
        return f"{self.module} {self.target}"


def pairs_with_servers(good: bool, module: str, servers: str, scheme: str = "", *, hangs: bool = False) -> list[Pair]:
    """Return pairs of one module and several servers; `hangs` is true if the probe may run into its timeout."""
    return [Pair(module, f"{scheme}127.0.0.1:{{{server}}}", good, "", hangs) for server in servers.split()]


def pairs_with_modules(good: bool, modules: str, target: str) -> list[Pair]:
    """Return pairs of several modules and one target."""
    return [Pair(module, target, good) for module in modules.split()]


HTTP = [
    *pairs_with_servers(True, "http_2xx", "good moved chunked gzip old no-content early-hints"),
    *pairs_with_servers(False, "http_2xx", "error missing loop nowhere off locked cut garbage empty"),
    *pairs_with_servers(False, "http_2xx", "closed-port to-tls tls"),
    *pairs_with_servers(False, "http_2xx", "mute slow-body", hangs=True),
    *pairs_with_modules(
        True, "http_ip4 http_no_follow http_any_status http_body_good http_body_has", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(False, "http_ip6_only http_body_bad http_body_lacks http_header_bad", "127.0.0.1:{good}"),
    *pairs_with_modules(
        True, "http_header_good http_header_may_lack http_head http_size_enough http_version", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(
        False, "http_header_lacks http_header_missing http_size http_only_2 http_ssl", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(True, "http_no_ssl", "127.0.0.1:{good}"),
    *pairs_with_modules(True, "http_302 http_any_status", "127.0.0.1:{loop}"),
    *pairs_with_servers(True, "http_any_status", "error"),
    *pairs_with_servers(True, "http_head", "moved"),
    *pairs_with_servers(True, "http_post", "poster"),
    *pairs_with_servers(True, "http_put", "putter"),
    *pairs_with_modules(True, "http_basic http_authorization", "127.0.0.1:{locked}"),
    *pairs_with_modules(False, "http_basic_wrong", "127.0.0.1:{locked}"),
    Pair("http_2xx", "http://user:password@127.0.0.1:{locked}/", True),
    Pair("http_ip4", "http://localhost:{good}/path?query=a%20b", True),
    *pairs_with_modules(True, "http_proxy http_proxy_skip http_proxy_password", "127.0.0.1:{good}"),
    *pairs_with_servers(False, "http_proxy_none", "good"),
    *pairs_with_modules(True, "http_bearer http_oauth2", "127.0.0.1:{locked}"),
    *pairs_with_servers(False, "http_oauth2_refused", "locked"),
    *pairs_with_servers(True, "http_gzip", "gzip"),
    *pairs_with_servers(False, "http_gzip", "bad-gzip good"),
    Pair("http_2xx", "http://[::1", False),
    Pair("http_2xx", f"http://{NO_NAME}/", False, "bad_target"),
    *pairs_with_servers(True, "http_2xx", "long"),
    Pair("http_body_end", "127.0.0.1:{long}", True, "bodies", turns=True),
    Pair("http_2xx", "127.0.0.1:{known}", True, "agent", turns=True),
    Pair("http_302", "127.0.0.1:{moved}", True, "unfollowed"),
    Pair("http_302_body", "127.0.0.1:{moved}", False, "unfollowed", turns=True),
    Pair("http_deflate", "127.0.0.1:{deflate}", False, "deflate", turns=True),
    Pair("http_2xx", "http://127.0.0.1:99999/", False, "bad_target"),
    Pair("http_2xx", "127.0.0.1:{line-feeds}", True, "strict", turns=True),
    Pair("http_2xx", "127.0.0.1:{two-lengths}", True, "strict", turns=True),
    *pairs_with_modules(False, "http_header_busy http_header_idle", "127.0.0.1:{twice}"),
    *pairs_with_modules(True, "http_header_both", "127.0.0.1:{twice}"),
    *pairs_with_modules(
        True, "http_versions http_ipv4 http_ipv4_again http_ipv4_merged http_ipv6 http_statuses", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(True, "http_odd http_negative", "127.0.0.1:{good}"),
    *pairs_with_modules(False, "http_version_none http_status_none", "127.0.0.1:{good}"),
    *(
        Pair("http_2xx", f"http://127.0.0.1:{{good}}/{path}", True)
        for path in ("a%20b", "a b", "a|b", "?q=%zz", "%C3%BC")
    ),
    *(Pair("http_2xx", f"http://127.0.0.1:{{good}}/{path}", False) for path in ("%zz", "a%2", "%", "#%zz")),
    *(Pair("http_2xx", f"http://{host}/", False) for host in ("%zz", "a b", "u:%zz@127.0.0.1:{good}", "a|b", "a^b")),
    *pairs_with_servers(False, "http_2xx", "bad-location"),
]
HTTPS = [
    *pairs_with_servers(True, "http_ca", "to-tls"),
    *pairs_with_servers(True, "http_proxy", "tls", "https://"),
    *pairs_with_servers(True, "http_ca", "tls tls-old http2", "https://"),
    *pairs_with_servers(False, "http_ca", "self-signed expired wrong-name", "https://"),
    *pairs_with_servers(False, "http_ca", "good mute", "https://", hangs=True),
    *pairs_with_servers(True, "http_insecure", "self-signed expired wrong-name", "https://"),
    *pairs_with_modules(True, "http_ssl http_tls13", "https://127.0.0.1:{tls}/"),
    *pairs_with_modules(False, "http_no_ssl http_2xx", "https://127.0.0.1:{tls}/"),
    *pairs_with_servers(True, "http_sni", "wrong-name", "https://"),
    *pairs_with_servers(False, "http_tls13", "tls-old", "https://"),
    *pairs_with_servers(True, "http_only_2", "http2", "https://"),
    *pairs_with_servers(True, "http_no_http2", "http2", "https://"),
    *pairs_with_servers(True, "http_certificate", "mutual", "https://"),
    *pairs_with_servers(False, "http_ca", "mutual", "https://"),
]
TCP = [
    *pairs_with_modules(True, "tcp tcp_ip4", "127.0.0.1:{good}"),
    *pairs_with_servers(False, "tcp", "closed-port"),
    *(Pair("tcp", target, False) for target in ("127.0.0.1", f"{NO_NAME}:1")),
    Pair("tcp_ip4", "localhost:{good}", True),
    *pairs_with_servers(True, "tcp_talk", "talk"),
    *pairs_with_servers(False, "tcp_talk", "curt"),
    *pairs_with_servers(False, "tcp_other", "curt"),
    *pairs_with_servers(False, "tcp_other", "talk", hangs=True),
    *pairs_with_servers(True, "tcp_220", "talk unfinished"),
    *pairs_with_servers(False, "tcp_220", "empty"),
    *pairs_with_servers(False, "tcp_220", "mute lines", hangs=True),
    *pairs_with_servers(True, "tcp_ssh", "ssh"),
    *pairs_with_servers(True, "tcp_starttls", "starttls"),
    *pairs_with_servers(False, "tcp_starttls", "talk"),
    *pairs_with_servers(True, "tcp_tls", "tls"),
    *pairs_with_servers(False, "tcp_tls", "self-signed expired"),
    *pairs_with_servers(False, "tcp_tls", "good mute", hangs=True),
    *pairs_with_servers(True, "tcp_tls_talk", "tls-talk"),
    *pairs_with_servers(True, "tcp_insecure", "self-signed expired"),
    Pair("tcp_starttls", "127.0.0.1:{injected}", True, "starttls_injected", turns=True),
]
DNS = [
    *pairs_with_servers(True, "dns", "zone no-records sections"),
    *pairs_with_servers(False, "dns", "nxdomain servfail closed-port"),
    *pairs_with_servers(False, "dns", "other-id no-dns no-answer", hangs=True),
    *pairs_with_modules(True, "dns_soa dns_tcp dns_has dns_one dns_all dns_no_recursion", "127.0.0.1:{zone}"),
    *pairs_with_modules(False, "dns_nx dns_has_not dns_bad dns_none dns_not_all", "127.0.0.1:{zone}"),
    *pairs_with_servers(True, "dns_nx", "nxdomain"),
    *pairs_with_servers(False, "dns_soa", "nxdomain"),
    *pairs_with_servers(False, "dns_tcp", "closed-port"),
    *pairs_with_servers(True, "dns_bad", "no-records"),
    *pairs_with_servers(True, "dns_all", "no-records"),
    *pairs_with_servers(False, "dns_has", "no-records"),
    *pairs_with_servers(False, "dns_none", "no-records"),
    *pairs_with_servers(False, "dns_sections", "sections"),
    *pairs_with_servers(True, "dns_tls", "zone-tls"),
    Pair("dns", NO_NAME, False),
    *pairs_with_servers(True, "dns_bare", "zone"),
    Pair("dns", "127.0.0.1:{truncated}", True, "truncated"),
    Pair("dns_has", "127.0.0.1:{truncated}", False, "truncated", turns=True),
]
GRPC = [
    *pairs_with_servers(True, "grpc_plain", "grpc"),
    *pairs_with_servers(False, "grpc_plain", "grpc-bare closed-port good empty"),
    *pairs_with_modules(False, "grpc_orders grpc_nothing", "127.0.0.1:{grpc}"),
    *pairs_with_modules(True, "grpc_tls grpc_insecure", "127.0.0.1:{grpc-tls}"),
    *pairs_with_modules(False, "grpc_tls_orders grpc_untrusted", "127.0.0.1:{grpc-tls}"),
    *pairs_with_servers(False, "grpc_tls", "grpc"),
    Pair("grpc_plain", f"{NO_NAME}:1", False),
    Pair("grpc", "127.0.0.1:{grpc}", False, "grpc_default", turns=True),
]
ICMP = [Pair("icmp", NO_NAME, False)]
PAIRS = [*HTTP, *HTTPS, *TCP, *DNS, *GRPC, *ICMP]
