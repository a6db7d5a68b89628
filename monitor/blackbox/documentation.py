"""Generate docs/blackbox.md: usage, differences with their reasons, unsupported keys and metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from monitor.blackbox.differences import MODULE_FILE, SERVICE, VERDICTS, Difference
from monitor.blackbox.metrics import HELP
from monitor.blackbox.modules import Module
from monitor.blackbox.values import Block, Unsupported

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_HEAD = """\
# Replacing blackbox_exporter

Made by `make generate` from the code. A test runs Debian's blackbox_exporter 0.23 and ninewatch side by side against
good and bad servers and compares every metric, label and value; for durations, whether they exist and whether they
are 0.

```sh
ninewatch run -c examples/mine.yaml --blackbox-config examples/blackbox.yml
```

serves `GET /probe?target=...&module=...` from your module file, with the same metrics. Scrape configurations,
dashboards and rules work unchanged, except for the address:

```yaml
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    params: {module: [http_2xx]}
    static_configs: [{targets: ["https://forms.example.org/"]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: "127.0.0.1:9999"} # was 127.0.0.1:9115
```

`hostname=` sets the name for TLS and the Host header; `debug=true` prints the details of one probe. The timeout is
the scraper's less half a second, at most the module's. The file is reloaded on SIGHUP and when it changes. A file
with errors is rejected as a whole and logged; the previous modules stay in force.

By default only loopback can request probes. With `--blackbox-allow`, only the listed networks can; add 127.0.0.1/32
for this machine:

```sh
ninewatch run -c examples/mine.yaml --blackbox-config examples/blackbox.yml --blackbox-allow 10.20.0.0/16,127.0.0.1/32
```

For remote clients, the daemon connects to its own loopback only for a module's proxy and token server, and does not
request loopback addresses or `localhost` from a proxy. All other names are resolved by the proxy, under its own
rules. A request is remote if it comes from another address, for a name that is not loopback's, in HTTP/1.0, or with a
header of a proxy: `Via`, `Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `*-Client-IP`, `CF-*`. A proxy on this machine
that sets none of them cannot be distinguished from a local program, and its clients can probe whatever this machine
can: have it set `X-Forwarded-For` and allow its address, or do not forward /probe.
"""


def documentation() -> str:
    """Return the content of docs/blackbox.md."""
    parts = [_HEAD, "\n## Differences\n"]
    for title, rows in (("Verdicts and metrics", VERDICTS), ("The module file", MODULE_FILE), ("The service", SERVICE)):
        parts += [f"\n### {title}\n\n| here | there | reason |\n|---|---|---|\n", *_rows(rows)]
    parts += ["\n## Rejected keys\n\n| key | why |\n|---|---|\n"]
    parts += [f"| `{path}` | {why} |\n" for path, why in sorted(set(_refused(Module, "")))]
    parts += ["\n## Metrics\n\n| metric | meaning |\n|---|---|\n"]
    parts += [f"| `{name}` | {meaning} |\n" for name, meaning in sorted(HELP.items())]
    return "".join(parts)


def _rows(rows: Mapping[str, Difference]) -> Iterator[str]:
    for each in rows.values():
        yield f"| {each.here} | {each.there} | {each.reason} |\n"


def _refused(block: type[Block], path: str) -> Iterator[tuple[str, str]]:
    """Yield the unsupported keys of a block and of nested blocks."""
    for name, field in block.model_fields.items():
        where = f"{path}.{name}" if path else name
        for mark in field.metadata:
            if isinstance(mark, Unsupported):
                yield where[where.find("tls_config") :] if "tls_config" in where else where, mark.why
        for inner in _blocks(field):
            yield from _refused(inner, where)


def _blocks(field: FieldInfo) -> Iterator[type[Block]]:
    waiting: list[Any] = [field.annotation]
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and issubclass(each, Block):
            yield each
        waiting += get_args(each)
