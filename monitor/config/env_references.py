"""Find texts with `${NAME}`: they look like references to environment variables, which are not substituted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor.config.crosscheck import leaves
from monitor.config.errors import Problem
from monitor.config.yaml_nodes import key_path

if TYPE_CHECKING:
    from monitor.config.yaml_nodes import Node

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)[^{}]*\}")


def env_references(root: Node) -> Iterator[Problem]:
    """Yield a warning for every `${NAME}`, except in `exec`, where a shell may substitute it."""
    for loc, leaf in leaves(root, ()):
        match = _REFERENCE.search(leaf.value) if isinstance(leaf.value, str) and "exec" not in loc else None
        if match is not None:
            message = (
                f"{match[0]} is not substituted; use {{env: {match[1]}}} as the entire value "
                "if the key allows a secret, or the value itself"
            )
            yield Problem(leaf.mark, key_path(root, loc), message)
