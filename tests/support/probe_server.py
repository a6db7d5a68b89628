"""A server with /probe enabled, and the modules that its tests use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.blackbox.service import Blackbox
    from tests.monitor.web.conftest import RunningServer

CANARY = "canary-71c0ffee"
MODULES = f"""
modules:
  http_2xx: {{prober: http, timeout: 5s}}
  tcp: {{prober: tcp, timeout: 5s}}
  dns: {{prober: dns, timeout: 5s, dns: {{query_name: example.test}}}}
  icmp: {{prober: icmp, timeout: 5s}}
  grpc: {{prober: grpc, timeout: 5s}}
  fixed_host: {{prober: http, http: {{headers: {{Host: one.test}}}}}}
  session: {{prober: http, http: {{follow_redirects: false, headers: {{X-Session: {CANARY}-6}}}}}}
  with_secrets:
    prober: http
    timeout: 5s
    http:
      method: POST
      headers: {{X-Api-Key: {CANARY}-1}}
      basic_auth: {{username: user, password: {CANARY}-2}}
      body: token={CANARY}-3
  query_response:
    prober: tcp
    timeout: 5s
    tcp: {{query_response: [{{expect: "^hello", send: "PASS {CANARY}-4"}}]}}
  labelled:
    prober: tcp
    timeout: 5s
    tcp:
      query_response:
        - expect: "^SSH-2.0-([^ -]+)(?: (.*))?$"
          labels: [{{name: version, value: "${{1}}"}}, {{name: note, value: "${{2}}"}}]
  expect_bytes:
    prober: tcp
    timeout: 5s
    tcp: {{query_response: [{{expect_bytes: "SSH-2.0-"}}]}}
"""


@dataclass
class ProbeServer:
    """A running server with /probe enabled."""

    server: RunningServer
    blackbox_state: Blackbox

    async def probe(self, target: str, module: str = "tcp", **headers: str) -> tuple[int, str]:
        """Return the status and the text of the response."""
        response = await self.server.get("/probe", params={"target": target, "module": module}, headers=headers)
        return response.status, response.text

    async def debug(self, target: str, module: str, **headers: str) -> str:
        """Return the debug output of a probe."""
        params = {"target": target, "module": module, "debug": "true"}
        return (await self.server.get("/probe", params=params, headers=headers)).text


StartProbeServer = Callable[..., Awaitable[ProbeServer]]


def value(page: str, name: str) -> float:
    """Return the value of the sample without labels."""
    return next(float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"{name} "))
