"""docs/blackbox.md, made from the code: the keys of a module, the metrics, and every difference with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from monitor.blackbox.differences import MODULE_FILE, SERVICE, VERDICTS, Difference
from monitor.blackbox.metrics import HELP
from monitor.blackbox.modules import Module
from monitor.blackbox.values import Block, Refused

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_HEAD = """\
# In place of blackbox_exporter

Made by `make generate` from the code; a test runs Debian's blackbox_exporter 0.23 and ninewatch side by side over good
and bad servers and compares every metric, label and value; of durations, whether there is one and whether it is 0.

```sh
ninewatch run -c examples/mine.yaml --blackbox-config examples/blackbox.yml
```

serves `GET /probe?target=...&module=...` by the module file that is there, with the same metrics, so that scrape
configurations, dashboards and rules go on working with the address changed:

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

`hostname=` gives the name for TLS and the Host header, `debug=true` tells all there is to tell of one probe. The
time-out is the scraper's less half a second, at most the module's. The file is read anew on SIGHUP and when it changes;
a file with a mistake is refused whole and told in the log, and the modules that run stay.

Who may ask: whoever is on this machine. Or, where networks are named at the start, whoever is in one of them and nobody
else; this machine is then named as 127.0.0.1/32 if it is to ask as well:

```sh
ninewatch run -c examples/mine.yaml --blackbox-config examples/blackbox.yml --blackbox-allow 10.20.0.0/16,127.0.0.1/32
```

For callers who are not on this machine, no connection is made to its own loopback but to the proxy and the token server
of a module, and none is asked of a proxy by address or as `localhost`; every other name is the proxy's to look up, and
its own rules hold for what that means. A request is taken for theirs that
comes from another address, for another name than loopback's, in HTTP/1.0, or with a header of a proxy: `Via`,
`Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `*-Client-IP`, `CF-*`. A proxy on the same machine that adds none of them
cannot be told from a program there, and lets its callers probe what this machine may: let it set `X-Forwarded-For`, or
keep /probe out of it. Behind one that does, allow its address.
"""


def handbook() -> str:
    """Return the text of docs/blackbox.md."""
    parts = [_HEAD, "\n## Differences\n"]
    for title, rows in (("Verdicts and metrics", VERDICTS), ("The module file", MODULE_FILE), ("The service", SERVICE)):
        parts += [f"\n### {title}\n\n| here | there | reason |\n|---|---|---|\n", *_rows(rows)]
    parts += ["\n## Keys that are refused\n\n| key | why |\n|---|---|\n"]
    parts += [f"| `{path}` | {why} |\n" for path, why in sorted(set(_refused(Module, "")))]
    parts += ["\n## Metrics\n\n| metric | meaning |\n|---|---|\n"]
    parts += [f"| `{name}` | {meaning} |\n" for name, meaning in sorted(HELP.items())]
    return "".join(parts)


def _rows(rows: Mapping[str, Difference]) -> Iterator[str]:
    for each in rows.values():
        yield f"| {each.here} | {each.there} | {each.reason} |\n"


def _refused(block: type[Block], path: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of a block, and of the blocks within, that are known and cannot be done."""
    for name, field in block.model_fields.items():
        where = f"{path}.{name}" if path else name
        for mark in field.metadata:
            if isinstance(mark, Refused):
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
