"""Intended differences from blackbox_exporter, with their reasons. docs/blackbox.md is generated from them.

A test runs both exporters side by side and allows no other difference. A pair of module and target refers to its
differences: only their metrics may differ, and each metric of a difference must differ for at least one pair.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.blackbox.metrics import OUTCOME


@dataclass(frozen=True, slots=True)
class Difference:
    """Behaviour of ninewatch and of blackbox_exporter, the reason, and the metrics that may differ."""

    ninewatch: str
    blackbox_exporter: str
    reason: str
    metrics: tuple[str, ...] = ()


_ADDRESS_METRICS = ("probe_dns_lookup_time_seconds", "probe_ip_addr_hash", "probe_ip_protocol")
_CERTIFICATE = (
    "probe_ssl_earliest_cert_expiry",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
    "probe_tls_version_info",
)

DIFFERENT_VERDICTS = {
    "unknown": Difference(
        f"One more metric family in every response, `{OUTCOME}{{outcome, reason}}`: `good`, `bad` or `unknown`, with "
        "the reason. `probe_success` is 0 for unknown too",
        "Failures have no reason; failures of the monitor (no route, no file descriptors, a stalled process) look "
        "like failures of the target",
        "Rules can exclude failures of the monitor; existing rules work as before",
        (OUTCOME,),
    ),
    "icmp": Difference(
        "Echo requests use unprivileged sockets only. If `net.ipv4.ping_group_range` does not allow them, the "
        "probe fails with `forbidden_locally`. `dont_fragment` needs no privileges",
        "Falls back on raw sockets, which need root or `CAP_NET_RAW`",
        "A monitor on the network needs no privileges",
        ("probe_success", "probe_icmp_reply_hop_limit"),
    ),
    "bad_target": Difference(
        "ninewatch rejects an invalid target before the lookup",
        "Some errors, such as a port above 65535, appear after the lookup",
        "The verdict is the same",
        (*_ADDRESS_METRICS, "probe_http_duration_seconds"),
    ),
    "unfollowed": Difference(
        "The body of a redirect that is not followed is read and validated",
        "It is discarded: its length is 0, and every regular expression on it fails",
        "With `follow_redirects: false` the redirect is the expected answer",
        ("probe_http_uncompressed_body_length", "probe_failed_due_to_regex", "probe_success"),
    ),
    "deflate": Difference(
        "`compression: deflate` supports zlib's format (RFC 9110, 8.4.1.2) and raw deflate",
        "Raw deflate only",
        "Servers send the standard's format",
        ("probe_http_uncompressed_body_length", "probe_success"),
    ),
    "strict": Difference(
        "An invalid HTTP response is rejected as malformed: bare line feeds, folded headers, a length with chunks, "
        "two lengths",
        "Accepts many of them",
        "A response that proxies and browsers may parse differently is an error of the target (RFC 9112)",
        (
            "probe_success",
            "probe_http_status_code",
            "probe_http_version",
            "probe_http_content_length",
            "probe_http_uncompressed_body_length",
            "probe_http_duration_seconds",
        ),
    ),
    "truncated": Difference(
        "After a truncated DNS response over UDP, the query is repeated over TCP",
        "Validates the truncated response, which may be empty",
        "Resolvers do the same (RFC 7766, 5)",
        ("probe_dns_answer_rrs", "probe_dns_authority_rrs", "probe_dns_additional_rrs", "probe_success"),
    ),
    "grpc_default": Difference(
        "A gRPC module without a `grpc:` block falls back on IPv4, as documented",
        "0.23 does not, and fails for every IPv4 address",
        "A bug of 0.23, fixed in later versions",
        (*_ADDRESS_METRICS[1:], "probe_grpc_duration_seconds", "probe_grpc_healthcheck_response", "probe_success"),
    ),
    "starttls_injected": Difference(
        "Unencrypted data after the reply to STARTTLS fails the probe",
        "Ignores the data",
        "An attacker may have injected the data, so that the client handles it as encrypted data (CVE-2011-0411)",
        (*_CERTIFICATE, "probe_success"),
    ),
    "lines": Difference(
        "A step of `query_response` reads at most 10,000 lines before the expected line",
        "Reads until the timeout",
        "Endless lines would use CPU time; the verdict is the same, but earlier",
    ),
    "timeout": Difference(
        "The timeout applies to every prober",
        "In 0.23 a gRPC call that hangs can outlast the scrape",
        "The scrape would fail without a verdict",
    ),
    "bodies": Difference(
        "A regular expression is matched against the first 10 MiB of a body, or up to `body_size_limit`, at most "
        "64 MiB; the same limit applies to decompression. All running probes share 128 MiB; without free memory, "
        "a probe is `unknown` with the reason `bodies_full`",
        "Keeps the whole body, regardless of its size",
        "A target must not exhaust the monitor's memory. The size of other bodies is counted to their end",
        ("probe_failed_due_to_regex", "probe_success"),
    ),
    "tls": Difference(
        "TLS 1.2 and 1.3. `min_version: TLS10` and `TLS11` mean TLS 1.2; a lower `max_version` is rejected",
        "TLS 1.0 and 1.1 can be allowed",
        "Debian's OpenSSL does not support them",
    ),
    "agent": Difference(
        "Requests have `User-Agent: ninewatch`, `Accept: */*` and `Accept-Encoding: identity`, unless `headers` "
        "sets them",
        "`User-Agent: Blackbox Exporter/0.23.0`, without the other two headers",
        "A target's log should show which client made the request. Set the old `User-Agent` in `headers` if a "
        "filter depends on it",
        (
            "probe_success",
            "probe_http_status_code",
            "probe_http_content_length",
            "probe_http_uncompressed_body_length",
            "probe_http_last_modified_timestamp_seconds",
        ),
    ),
    "proxy": Difference(
        "A proxy receives the target's name, and ninewatch does not look up its address; http proxies only",
        "The proxy receives the resolved address, unless `skip_resolve_phase_with_proxy` is set",
        "The certificate and the virtual host belong to the name",
    ),
    "tokens": Difference(
        "An OAuth 2 token is cached until shortly before it expires or until a response has the status 401",
        "Fetches a token for each probe",
        "Token servers have rate limits",
    ),
    "records": Difference(
        "Records are formatted by dnspython: `name TTL class type data`, separated by tabs",
        "Formatted by miekg/dns, in the same form; the data of rare types may have other spaces",
        "Regular expressions for names, addresses and texts match equally",
    ),
    "regex": Difference(
        "A regular expression has at most 1000 characters and 1 MiB compiled size",
        "No limit",
        "Both use RE2, which is linear in time; the limits bound memory as well",
    ),
}

MODULE_FILE = {
    "documents": Difference(
        "A second YAML document in the file is rejected; aliases may expand to at most 50,000 values",
        "Ignores further documents; has no such limit",
        "Modules in an ignored document would be missing without a message; a short file must not exhaust memory",
    ),
    "text": Difference(
        "A module name that YAML reads as a number, boolean or null must be in quotes, and so must non-decimal "
        "numbers: `0x10`, `010`, `1_000`",
        "Uses them as written",
        "YAML 1.1 and 1.2 parse them differently, and other tools use the file as well",
    ),
    "later": Difference(
        "Keys of versions after 0.23 are accepted if ninewatch has the feature (`expect_bytes`, `labels`, "
        "`metadata`); record types and classes may be lower case or `TYPE65`; expressions may have `(?<name>...)`",
        "0.23 rejects them",
        "Files for later versions work as well",
    ),
    "scheme": Difference(
        "The `type` of `authorization` is one word",
        "Any text but `Basic`",
        "A second word could contain credentials that are not redacted",
    ),
    "paths": Difference(
        "Paths are relative to the module file; referenced files are read when the modules are loaded",
        "Paths are relative to the working directory; files are read at every probe",
        "The module file works in every working directory; changes of referenced files are detected",
    ),
    "values": Difference(
        "`compression: br`, https and socks proxies, and the unix prober of later versions are rejected",
        "Supports them",
        "ninewatch has no support for them, and ignoring them would change the verdict",
    ),
    "early": Difference(
        "Values that would fail every probe are rejected when the file is loaded: an unknown prober, answer code, "
        "transport or compression, an invalid method or header name, an invalid expression for records, a payload "
        "too large for a packet, an invalid source address, server_name, proxy_url or token_url, invalid "
        "metadata, a certificate without its key, no TLS version left, `dns_over_tls` over UDP",
        "Fails every probe",
        "The error is reported when the file is changed, with its position",
    ),
}

SERVICE_DIFFERENCES = {
    "callers": Difference(
        "Only loopback, or the networks of `--blackbox-allow`, can request probes; a request through a proxy "
        "counts as remote. Web pages cannot request probes",
        "Every client can request probes",
        "A client that can request probes can probe every internal address",
    ),
    "outbound": Difference(
        "The portfolio's `outbound` policy applies to the address that is connected to: link-local addresses and "
        "metadata services are always denied, loopback is denied for remote clients except for a module's proxy "
        "and token server. The reason is `address_denied`",
        "Probes every address",
        "Same as for the clients",
    ),
    "busy": Difference(
        "Probes start at least 4 ms apart. While 100 probes run, or 80 for one client, further requests get 503 "
        "with `Retry-After`. When a client disconnects, its probe ends",
        "No limit",
        "The daemon's own checks have priority",
    ),
    "methods": Difference(
        "/probe supports GET only",
        "Probes for every method",
        "A HEAD or POST request is not meant to probe",
    ),
    "target": Difference(
        "A target must be printable and have at most 8,000 characters",
        "Limited by the length of a header",
        "The target is written to logs and pages",
    ),
    "options": Difference(
        "`ninewatch check-config --blackbox-config FILE` checks the module file. /-/healthy exists; /livez and "
        "/readyz have details",
        "`--config.check`; /-/healthy",
        "One command checks both files",
    ),
    "offset": Difference(
        "The probe's timeout is half a second shorter than the scrape's",
        "By `--timeout-offset`, default half a second",
        "The default suits all known uses",
    ),
    "web": Difference(
        "No TLS and no password on this server",
        "`--web.config.file`",
        "Use a proxy that sets `X-Forwarded-For`",
    ),
    "hostname": Difference(
        "`hostname=` also sets the server name for TLS in tcp modules",
        "From 0.24 on; in 0.23 for http modules only",
        "The certificate belongs to the name, and the target is often an address",
    ),
    "patience": Difference(
        "An invalid timeout header gets 400; a probe takes at most 120 s",
        "It gets 500; a module can have a longer timeout",
        "An invalid header is an error of the client",
    ),
    "reload": Difference(
        "The file is reloaded on SIGHUP and when it changes",
        "On SIGHUP and on POST /-/reload",
        "This server is read-only",
    ),
    "pages": Difference(
        "No /config, /logs or history of probes. `debug=true` shows the details of one probe, without the data "
        "that was sent (`body`, `send`, `metadata`, and headers except harmless ones) and without secrets",
        "Shows the last 100 probes",
        "Data that was sent can contain credentials",
    ),
    "metrics": Difference(
        "/metrics has `blackbox_exporter_config_last_reload_successful`, "
        "`blackbox_exporter_config_last_reload_success_timestamp_seconds` and `blackbox_module_unknown_total` in "
        "addition to ninewatch's own",
        "Also has `blackbox_exporter_build_info`",
        "`ninewatch_build_info` shows the version",
    ),
    "help": Difference("`# HELP` texts are different", "Other texts", "The texts are not part of the interface"),
}

DIFFERENCES = DIFFERENT_VERDICTS | MODULE_FILE | SERVICE_DIFFERENCES
