"""`labels:` of a talk: any label's name may be written, and whatever a target says is a value."""

from __future__ import annotations

from pathlib import Path

from tests.monitor.blackbox.probe_request import box
from tests.support.line_servers import send_on_connect
from tests.support.servers import serve_tcp

TALK = """
modules:
  talk:
    prober: tcp
    timeout: 5s
    tcp:
      query_response:
        - expect: "^(\\\\S+) (.*)"
          labels: [{name: name, value: $1}, {name: value, value: $2}, {name: self, value: s}, {name: labels, value: t}]
"""


async def test_a_label_may_have_any_name_that_a_label_can_have(tmp_path: Path) -> None:
    async with serve_tcp(send_on_connect(b'it said="x"\\\n')) as port, box(tmp_path, TALK) as (_, ask):
        page = await ask("talk", f"127.0.0.1:{port}")
    (labels,) = (dict(labels) for name, labels in page.samples if name == "probe_expect_info")
    assert labels == {"name": "it", "value": 'said=\\"x\\"\\\\', "self": "s", "labels": "t"}
    assert page.value("probe_success") == 1
