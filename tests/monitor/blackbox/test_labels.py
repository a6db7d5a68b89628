"""`labels:` of query_response accepts every valid label name, and a target's text becomes only a label value."""

from __future__ import annotations

from pathlib import Path

from tests.monitor.blackbox.probe_request import blackbox_service
from tests.support.line_servers import send_on_connect
from tests.support.servers import serve_tcp

QUERY_RESPONSE_MODULE = """
modules:
  query_response:
    prober: tcp
    timeout: 5s
    tcp:
      query_response:
        - expect: "^(\\\\S+) (.*)"
          labels: [{name: name, value: $1}, {name: value, value: $2}, {name: self, value: s}, {name: labels, value: t}]
"""


async def test_label_may_have_any_valid_name(tmp_path: Path) -> None:
    async with (
        serve_tcp(send_on_connect(b'it answers="x"\\\n')) as port,
        blackbox_service(tmp_path, QUERY_RESPONSE_MODULE) as (_, request),
    ):
        page = await request("query_response", f"127.0.0.1:{port}")
    (labels,) = (dict(labels) for name, labels in page.samples if name == "probe_expect_info")
    assert labels == {"name": "it", "value": 'answers=\\"x\\"\\\\', "self": "s", "labels": "t"}
    assert page.value("probe_success") == 1
