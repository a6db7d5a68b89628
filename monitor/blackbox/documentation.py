"""Generate docs/blackbox.md: usage, differences with their reasons, unsupported keys and metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from monitor.blackbox.differences import DIFFERENT_VERDICTS, MODULE_FILE, SERVICE_DIFFERENCES, Difference
from monitor.blackbox.metrics import HELP
from monitor.blackbox.modules import Module
from monitor.blackbox.values import Block, Unsupported

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_HEAD = """\
# Replacing blackbox_exporter

Generated from the code by `make generate`. A test runs Debian's blackbox_exporter 0.23 and ninewatch side by side
against good and bad servers, and compares every metric, label and value. For durations, it compares only whether they
exist and whether they are 0.

```sh
ninewatch run -c examples/mine.yaml --blackbox-config examples/blackbox.yml
```

The command serves `GET /probe?target=...&module=...` with the modules of your file and the same metrics.
Scrape configurations, dashboards and rules work unchanged, except for the address:

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
the scraper's minus half a second, at most the module's. The file is reloaded on SIGHUP and when it changes. A file
with errors is rejected as a whole, its errors are logged, and the previous modules stay in use.

By default only loopback can request probes. With `--blackbox-allow`, only the listed networks can request
probes; add 127.0.0.1/32 for this machine:

```sh
ninewatch run -c examples/mine.yaml --blackbox-config examples/blackbox.yml --blackbox-allow 10.20.0.0/16,127.0.0.1/32
```

For remote clients, the daemon connects to its own loopback only for a module's proxy and token server, and does not
request loopback addresses or `localhost` from a proxy. The proxy resolves all other names, under its own rules. A
request is remote if it comes from another address, if its Host header is not a loopback name, if it uses HTTP/1.0,
or if it has a header of a proxy: `Via`, `Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `*-Client-IP`, `CF-*`. The daemon
cannot distinguish a proxy on this machine that sets none of these headers from a local program, and the clients of
such a proxy can probe every address that this machine can reach. Let the proxy set `X-Forwarded-For` and allow its
address, or do not forward /probe.
"""


def documentation() -> str:
    """Return the content of docs/blackbox.md."""
    parts = [_HEAD, "\n## Differences\n"]
    for title, rows in (
        ("Verdicts and metrics", DIFFERENT_VERDICTS),
        ("The module file", MODULE_FILE),
        ("The service", SERVICE_DIFFERENCES),
    ):
        parts += [f"\n### {title}\n\n| here | there | reason |\n|---|---|---|\n", *_rows(rows)]
    parts += ["\n## Rejected keys\n\n| key | remedy |\n|---|---|\n"]
    parts += [f"| `{path}` | {remedy} |\n" for path, remedy in sorted(set(_unsupported_keys(Module, "")))]
    parts += ["\n## Metrics\n\n| metric | meaning |\n|---|---|\n"]
    parts += [f"| `{name}` | {meaning} |\n" for name, meaning in sorted(HELP.items())]
    return "".join(parts)


def _rows(rows: Mapping[str, Difference]) -> Iterator[str]:
    for difference in rows.values():
        yield f"| {difference.ninewatch} | {difference.blackbox_exporter} | {difference.reason} |\n"


def _unsupported_keys(block: type[Block], path: str) -> Iterator[tuple[str, str]]:
    """Yield the unsupported keys of a block and of its nested blocks, with the remedies."""
    for name, field in block.model_fields.items():
        key = f"{path}.{name}" if path else name
        for mark in field.metadata:
            if isinstance(mark, Unsupported):
                yield key[key.find("tls_config") :] if "tls_config" in key else key, mark.remedy
        for nested in _blocks(field):
            yield from _unsupported_keys(nested, key)


def _blocks(field: FieldInfo) -> Iterator[type[Block]]:
    annotations: list[Any] = [field.annotation]
    while annotations:
        annotation = annotations.pop()
        if isinstance(annotation, type) and issubclass(annotation, Block):
            yield annotation
        annotations += get_args(annotation)
