"""Write readable YAML: keys in their order, multi-line texts as literal blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

# Texts that Go's YAML 1.2 parser reads as a number, and PyYAML does not: `1e3`, `0o17`, `1_000`.
_NUMBER = re.compile(r"[-+]?(\.?\d[\d_.]*([eE][-+]?\d+)?|0[box][\da-fA-F_]+)")

Plain = str | int | float | bool | None | Sequence["Plain"] | Mapping[str, "Plain"]


class _Dumper(yaml.SafeDumper):
    """A dumper that writes texts with line breaks as literal blocks, and indents the items of lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists in mappings too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Write repeated values without aliases."""
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else "'" if _NUMBER.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(*documents: Mapping[str, Plain]) -> str:
    """Return the documents, separated by `---` if there are several.

    >>> print(yaml_text({"kind": "SLO", "spec": {"windows": ["30d"], "text": "no"}}), end="")
    kind: SLO
    spec:
      windows:
        - 30d
      text: 'no'
    """
    return "---\n".join(
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000) for document in documents
    )
