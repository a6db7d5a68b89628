"""Module files of blackbox_exporter are accepted or rejected as by blackbox_exporter itself."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from monitor.blackbox.differences import MODULE_FILE
from monitor.blackbox.modules import ModuleFile
from monitor.config.block_file import load_block
from monitor.config.errors import ConfigError
from tests.support.processes import needs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, needs("prometheus-blackbox-exporter")]

# Module text -> the difference of `MODULE_FILE` that it shows; empty where both exporters accept or both reject it.
MODULE_TEXTS = {
    **dict.fromkeys(
        (
            "{prober: http, http: {valid_http_versions: [HTTP/1.1, HTTP/2]}}",
            "{prober: http, http: {preferred_ip_protocol: ipv4}}",
            "{prober: http, http: {valid_status_codes: [200, 2000]}}",
            "{prober: http, http: {headers: {X: 1.5, Y: true}, body: 1.5}}",
            "{prober: http, http: {body_size_limit: 1MB512KB}}",
            "{prober: http, http: {proxy_url: ''}}",
            "{prober: http, http: {tls_config: {ca_file: ''}}}",
            "{prober: http, timeout: -5s}",
            "{prober: http, timeout: 1h30m}",
            "{prober: http, timeout: 5}",
            "{prober: dns}",
            "{prober: dns, dns: {query_name: a, query_type: '', query_class: '', transport_protocol: ''}}",
            "{prober: dns, dns: {query_name: ''}}",
            "{prober: dns, dns: {query_name: a, query_type: AX}}",
            "{prober: icmp, icmp: {ttl: 256}}",
            "{prober: http, http: {compression: gzip, headers: {Accept-Encoding: br}}}",
            "{prober: http, http: {compression: gzip, headers: {Accept-Encoding: '*;q=0.5, br'}}}",
            "{prober: http, http: {authorization: {type: Basic, credentials: a}}}",
            "{prober: http, http: {fail_if_header_matches: [{header: A, regexp: ''}]}}",
            "{prober: http, http: {basic_auth: {username: a}, bearer_token: b}}",
            "{prober: http, http: {proxy_url: 'http://%zz'}}",
            "{prober: http, http: {no_such_key: 1}}",
            "{prober: tcp, tcp: {query_response: [{expect: '('}]}}",
        ),
        "",
    ),
    "{prober: http, http: {compression: br}}": "values",
    "{prober: http, http: {proxy_url: 'socks5://p:1'}}": "values",
    "{prober: http, http: {compression: GZIP}}": "early",
    "{prober: http, http: {method: G T}}": "early",
    "{prober: nosuch}": "early",
    "{prober: dns, dns: {query_name: a, valid_rcodes: [NOEROR]}}": "early",
    "{prober: dns, dns: {query_name: a, transport_protocol: UDP}}": "early",
    "{prober: tcp, tcp: {source_ip_address: here}}": "early",
    "{prober: http, http: {bearer_token_file: /nonexistent}}": "paths",
    "{prober: http, http: {authorization: {type: a b, credentials: c}}}": "scheme",
    "{prober: grpc, grpc: {metadata: {a: [b]}}}": "later",
    "{prober: dns, dns: {query_name: a, query_type: TYPE65}}": "later",
}


@pytest.mark.parametrize("text", MODULE_TEXTS)
def test_module_is_accepted_or_rejected_as_by_blackbox_exporter(text: str, tmp_path: Path) -> None:
    """A listed difference must have a text in `MODULE_TEXTS` that only one of the exporters accepts."""
    path = tmp_path / "blackbox.yml"
    path.write_text(f"modules: {{it: {text}}}")
    reference = subprocess.run(
        ["prometheus-blackbox-exporter", "--config.check", f"--config.file={path}"], capture_output=True, check=False
    )
    try:
        accepted = bool(load_block(path, ModuleFile))
    except ConfigError:
        accepted = False
    assert ((reference.returncode == 0) is not accepted) is bool(MODULE_TEXTS[text]), reference.stderr
    assert not MODULE_TEXTS[text] or MODULE_TEXTS[text] in MODULE_FILE
