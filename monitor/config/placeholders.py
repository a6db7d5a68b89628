"""Warn of texts that look like references to environment variables, which are not substituted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor.config.crosscheck import leaves
from monitor.config.errors import Problem
from monitor.config.yaml_nodes import key_path

if TYPE_CHECKING:
    from monitor.config.yaml_nodes import Node

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)[^{}]*\}")


def placeholders(root: Node) -> Iterator[Problem]:
    """Yield a warning for every `${NAME}`, but in the programs of `exec`, whose shell may put a value in."""
    for loc, leaf in leaves(root, ()):
        match = _PLACEHOLDER.search(leaf.value) if isinstance(leaf.value, str) and "exec" not in loc else None
        if match is not None:
            message = (
                f"{match[0]} is taken literally, no variable is put in; write {{env: {match[1]}}} as the whole value "
                "where a secret may stand, or the value itself"
            )
            yield Problem(leaf.mark, key_path(root, loc), message)
