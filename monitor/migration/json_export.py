"""Read a file with the JSON response of another tool's API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 16 << 20


def read_items(path: Path, key: str, request: str) -> list[dict[str, Any]]:
    """Return the objects in the list `key` of the response.

    Raises:
        NinewatchError: the file is not such a response; `request` is the API request that returns one.
    """
    document = _read_json(path, request)
    return _objects(document.get(key) if isinstance(document, dict) else None, path, f'no list "{key}"', request)


def read_list(path: Path, request: str) -> list[dict[str, Any]]:
    """Return the objects of a response that is a list.

    Raises:
        NinewatchError: the file is not such a response; `request` is the API request that returns one.
    """
    return _objects(_read_json(path, request), path, "no list of objects", request)


def _objects(items: Any, path: Path, problem: str, request: str) -> list[dict[str, Any]]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise NinewatchError(f"{path}: has {problem}; save the response of {request}")
    return items


def _read_json(path: Path, request: str) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise NinewatchError(f"{path}: is larger than 16 MiB; import it in parts")
        return json.loads(raw)
    except OSError as error:
        raise NinewatchError(f"{path}: cannot be read: {error.strerror or error}; check the path") from None
    except (ValueError, RecursionError) as error:
        raise NinewatchError(f"{path}: is not JSON: {error}; save the response of {request}") from None
