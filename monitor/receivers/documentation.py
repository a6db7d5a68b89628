"""Generate docs/receivers.md from the registry: a description and an example for each kind of receiver."""

from __future__ import annotations

import re
import textwrap
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from monitor.receivers.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.receivers.base import ReceiverKind

_HEAD = """\
# Receivers

Made by `make generate` from the receivers' own files (`monitor/receivers/`); a test loads every example. The keys of
each kind are in [CONFIGURATION.md](../CONFIGURATION.md); how alerts are routed, grouped and delivered is in
[alerting.md](alerting.md).

A message of any kind is delivered once the receiver has confirmed it, and sent again until then. The policy `outbound`
limits the addresses of receivers, as for probes. Specify addresses, keys and passwords by reference: `{env: NAME}` or
`{file: PATH}`.
"""


def documentation() -> str:
    """Return the text of docs/receivers.md."""
    return _HEAD + "".join(part for kind in KINDS.values() for part in _chapter(kind))


def _chapter(kind: ReceiverKind[Any]) -> Iterator[str]:
    prose = "\n\n".join(re.sub(r"\s+", " ", part) for part in (getdoc(kind.receiver) or "").split("\n\n"))
    yield f"\n## {kind.name}\n\n{prose}\n"
    yield f"\n```yaml\n{textwrap.indent(kind.example, '  ').replace('  ', '- ', 1)}```\n"
