"""Where we mean to differ from blackbox_exporter, and why. docs/blackbox.md is made from this.

The test that runs the two side by side allows these and no others: in a pair of module and target that names one, no
other metric differs than it lists, and each that it lists does in some pair.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.blackbox.metrics import OUTCOME


@dataclass(frozen=True, slots=True)
class Difference:
    """What we do, what is done there, and why. `metrics` may differ because of it, in presence or in value."""

    here: str
    there: str
    reason: str
    metrics: tuple[str, ...] = ()


_ADDRESS = ("probe_dns_lookup_time_seconds", "probe_ip_addr_hash", "probe_ip_protocol")
_CERTIFICATE = (
    "probe_ssl_earliest_cert_expiry",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
    "probe_tls_version_info",
)

VERDICTS = {
    "unknown": Difference(
        f"One family more on every page, `{OUTCOME}{{outcome, reason}}`: `good`, `bad` or `unknown`, and why. "
        "`probe_success` is 0 for unknown as well",
        "A failure has no word, and the monitor's own (no route, no descriptors, a stalled process) looks like the "
        "target's",
        "Rules can leave out what is no outage; those in use see what they always saw",
        (OUTCOME,),
    ),
    "icmp": Difference(
        "Echoes go over unprivileged sockets only; where `net.ipv4.ping_group_range` does not allow them, the probe "
        "fails with `forbidden_locally`. `dont_fragment` needs no more",
        "Falls back on raw sockets, for which it runs as root or with `CAP_NET_RAW`",
        "A monitor that faces the network needs no privileges",
        ("probe_success", "probe_icmp_reply_hop_limit"),
    ),
    "bad_target": Difference(
        "A target that is no address or URL is refused before anything is looked up",
        "Some mistakes, such as a port beyond 65535, show after the look-up",
        "The verdict is the same",
        (*_ADDRESS, "probe_http_duration_seconds"),
    ),
    "unfollowed": Difference(
        "The body of a redirect that is not followed is read and may be judged",
        "It is thrown away: its length is 0, and every regular expression on it fails",
        "With `follow_redirects: false` the redirect is the answer that is wanted",
        ("probe_http_uncompressed_body_length", "probe_failed_due_to_regex", "probe_success"),
    ),
    "deflate": Difference(
        "`compression: deflate` undoes zlib's format (RFC 9110, 8.4.1.2) and the bare one",
        "Only the bare one",
        "The standard's is what servers send",
        ("probe_http_uncompressed_body_length", "probe_success"),
    ),
    "strict": Difference(
        "An HTTP answer that is not in order is malformed: bare line feeds, folded headers, a length beside chunks, a "
        "length twice",
        "Many are taken, one way or another",
        "What a proxy and a browser may read differently is a fault of the target (RFC 9112)",
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
        "A DNS answer over UDP that is marked as truncated is asked for again over TCP",
        "What came is judged, which may be nothing",
        "It is what every resolver does (RFC 7766, 5); the mark says that the answer is not the answer",
        ("probe_dns_answer_rrs", "probe_dns_authority_rrs", "probe_dns_additional_rrs", "probe_success"),
    ),
    "grpc_default": Difference(
        "A gRPC module without a `grpc:` block falls back on IPv4, as its documentation says",
        "0.23 does not: it fails for every IPv4 address",
        "A slip there, mended in later versions",
        (*_ADDRESS[1:], "probe_grpc_duration_seconds", "probe_grpc_healthcheck_response", "probe_success"),
    ),
    "starttls_injected": Difference(
        "What comes in the clear behind the consent to STARTTLS fails the probe",
        "It is dropped in silence",
        "Somebody on the way put it there to have it taken for encrypted (CVE-2011-0411)",
        (*_CERTIFICATE, "probe_success"),
    ),
    "lines": Difference(
        "A step of `query_response` takes 10,000 lines before the one that it expects",
        "It takes what comes until the time-out",
        "Lines without end cost the monitor a processor; the verdict is the same, and comes sooner",
    ),
    "timeout": Difference(
        "The time-out holds for every prober",
        "0.23 lets a gRPC call that hangs go on for longer than the scrape",
        "The scrape would fail, and with it the verdict",
    ),
    "bodies": Difference(
        "Of a body that a regular expression looks into, the first 10 MiB are kept and matched, or `body_size_limit` "
        "up to 64 MiB; as much of one whose compression is undone is read. 128 MiB are for all probes under way: one "
        "that finds them taken is `unknown`, `bodies_full`",
        "Such a body is kept whole, whatever comes",
        "A target must not fill the monitor's memory. Other bodies are counted to their end, as there, and not kept",
        ("probe_failed_due_to_regex", "probe_success"),
    ),
    "tls": Difference(
        "TLS 1.2 and 1.3 are spoken. `min_version: TLS10` and `TLS11` mean TLS 1.2; `max_version` below that is "
        "refused",
        "TLS 1.0 and 1.1 can be allowed",
        "Debian's OpenSSL does not speak them",
    ),
    "agent": Difference(
        "Requests bear `User-Agent: ninewatch`, `Accept: */*` and `Accept-Encoding: identity`, unless `headers` say "
        "otherwise",
        "`User-Agent: Blackbox Exporter/0.23.0` and nothing of the others",
        "A target's log should say who asked. Write the old agent into `headers` if a filter knows it",
        (
            "probe_success",
            "probe_http_status_code",
            "probe_http_content_length",
            "probe_http_uncompressed_body_length",
            "probe_http_last_modified_timestamp_seconds",
        ),
    ),
    "proxy": Difference(
        "A proxy is given the target's name, and its address is not in the way; only http proxies",
        "It is given the address that was looked up, unless `skip_resolve_phase_with_proxy` says no",
        "The certificate and the virtual host belong to the name",
    ),
    "tokens": Difference(
        "An OAuth 2 token is kept until shortly before it ends, and then or on a 401 fetched anew",
        "A token is fetched for each probe",
        "Token servers are rate-limited",
    ),
    "records": Difference(
        "Records are written by dnspython: `name TTL class type data`, with tabs between the five",
        "By miekg/dns, in the same form; the data of rare types may be spaced otherwise",
        "Expressions on names, addresses and texts match alike",
    ),
    "regex": Difference(
        "A regular expression has at most 1000 characters and may take 1 MiB when compiled",
        "No bound",
        "Both are RE2 and linear in time; this bounds the space as well",
    ),
}

MODULE_FILE = {
    "documents": Difference(
        "A second YAML document in the file is refused; aliases may expand to 50,000 values",
        "What follows the first document is ignored; no such bound",
        "A module in an ignored document is missing without a message; a file of a few lines must not fill memory",
    ),
    "text": Difference(
        "A module's name that YAML reads as a number, a truth value or nothing must be in quotes, and so must numbers "
        "that are written as no decimal: `0x10`, `010`, `1_000`",
        "They are taken as written",
        "YAML 1.1 and 1.2 read them differently, and other tools read the file too",
    ),
    "later": Difference(
        "Keys of versions after 0.23 are taken where the same is done here (`expect_bytes`, `labels`, `metadata`), "
        "record types and classes also in lower case or as `TYPE65`, and `(?<name>...)` in expressions",
        "0.23 refuses them",
        "A file for a later version is a drop-in as well",
    ),
    "scheme": Difference(
        "The `type` of `authorization` is one word",
        "Any text but `Basic`",
        "Behind a second word credentials would stand that no output hides",
    ),
    "paths": Difference(
        "A relative path starts at the module file; files are read when the modules are",
        "It starts where the process was started; files are read at every probe",
        "The file means the same wherever it is loaded; a change of one of the files is noticed",
    ),
    "values": Difference(
        "`compression: br`, https and socks proxies, and the unix prober of later versions are refused",
        "They are known",
        "They are not spoken here, and a verdict without them would be another",
    ),
    "early": Difference(
        "What could only fail every probe is refused when the file is loaded: an unknown prober, answer code, "
        "transport or compression, a method or a header's name that cannot be sent, an expression for records that "
        "does not compile, a payload that no packet carries, a bad source address, server_name, proxy_url, token_url, "
        "metadata that cannot be sent, a certificate without its key, no TLS version left, `dns_over_tls` over UDP",
        "It shows at every probe",
        "The mistake is reported to the person who makes it, with its place",
    ),
}

SERVICE = {
    "callers": Difference(
        "Only this machine may ask, or only the networks of `--blackbox-allow`; a request that shows that it came "
        "through a proxy counts as a stranger's. A web page may not ask",
        "Everybody may ask",
        "Whoever can ask can have any address probed from inside",
    ),
    "outbound": Difference(
        "The portfolio's `outbound` policy holds at the address that is connected to: link-local addresses and clouds' "
        "metadata services never, loopback not for callers from elsewhere, but for a module's proxy and token server. "
        "It fails with `address_denied`",
        "Every address may be probed",
        "As above",
    ),
    "busy": Difference(
        "Probes start at least 4 ms apart; where 100 are under way, or 80 for one caller, one more is answered by "
        "503 and `Retry-After`. A caller who hangs up ends his probe",
        "No bound",
        "The daemon's own checks come first: they are no later for what others ask",
    ),
    "methods": Difference(
        "/probe answers GET alone",
        "Every method makes a probe",
        "What looks at a page with HEAD or posts to it does not mean to probe",
    ),
    "target": Difference(
        "A target has at most 8,000 characters, all of which can be seen",
        "As long as a header may be",
        "It stands in the log and on pages",
    ),
    "options": Difference(
        "`ninewatch check-config --blackbox-config FILE` checks the module file. /-/healthy answers, and /livez and "
        "/readyz say more",
        "`--config.check`; /-/healthy",
        "One command for either file",
    ),
    "offset": Difference(
        "Half a second of the scraper's time-out is left for the way back",
        "So many as `--timeout-offset` says, by default half a second",
        "Nobody was seen to need another",
    ),
    "web": Difference(
        "There is no TLS and no password on this server",
        "`--web.config.file`",
        "Put a proxy before it that sets `X-Forwarded-For`",
    ),
    "hostname": Difference(
        "`hostname=` also names the server for the TLS of a tcp module",
        "From 0.24 on; 0.23 takes it for http modules only",
        "The certificate belongs to the name, and the target is often an address",
    ),
    "patience": Difference(
        "A time-out header that is no number is answered by 400; no probe takes longer than 120 s",
        "By 500; a module may wait for longer",
        "It is the caller's mistake",
    ),
    "reload": Difference(
        "The file is read anew on SIGHUP and when it changes",
        "On SIGHUP and on POST /-/reload",
        "This server takes nothing in",
    ),
    "pages": Difference(
        "There are no /config, /logs and history of probes; `debug=true` tells all of one probe, in ninewatch's words, "
        "without what is sent (`body`, `send`, `metadata`, headers but those known to be harmless) and without secrets",
        "The last 100 probes can be looked through",
        "What was sent may hold credentials",
    ),
    "metrics": Difference(
        "/metrics has `blackbox_exporter_config_last_reload_successful`, "
        "`blackbox_exporter_config_last_reload_success_timestamp_seconds` and `blackbox_module_unknown_total` beside "
        "ninewatch's own",
        "And `blackbox_exporter_build_info`",
        "`ninewatch_build_info` says what is running",
    ),
    "help": Difference("The words of `# HELP` are ours", "Its own", "They are not part of the interface"),
}

DIFFERENCES = VERDICTS | MODULE_FILE | SERVICE
