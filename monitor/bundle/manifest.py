"""The manifest of a bundle: a description, and the SHA-256 digests of each file and each line."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.bundle.archive import UnusableBundleError
from sla.fact import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT: Final = "ninewatch-bundle"
VERSION: Final = 2  # newest supported version
LATENCIES: Final = "latencies.jsonl"  # only in bundles of version 2, with latency objectives
NAME: Final = "manifest.json"
DIGEST_NAME: Final = "manifest.sha256"
_LINE_DIGITS: Final = 8  # hexadecimal digits of each line's digest, to locate a changed line


@dataclass(frozen=True, slots=True)
class Damage:
    """A difference between a file and the manifest. `line` counts from 1; None if the entire file is concerned."""

    file: str
    line: int | None
    text: str

    def __str__(self) -> str:
        location = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{location}: {self.text}"


def digest(content: bytes) -> str:
    """Return the SHA-256 digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def with_manifest(description: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a bundle, manifest first. `description` goes into the manifest."""
    entries = [
        {"name": name, "bytes": len(content), "sha256": digest(content), "lines": _line_digests(content)}
        for name, content in files.items()
    ]
    head = {"format": FORMAT, "version": 2 if LATENCIES in files else 1}
    manifest = (json.dumps(head | dict(description) | {"files": entries}, ensure_ascii=False, indent=1) + "\n").encode()
    signature = f"{digest(manifest)}  {NAME}\n".encode()
    return {NAME: manifest, DIGEST_NAME: signature, **files}


def _line_digests(content: bytes) -> str:
    return "".join(digest(line)[:_LINE_DIGITS] for line in content.splitlines(keepends=True))


def read_manifest(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """Return the manifest.

    Raises:
        UnusableBundleError: the manifest is missing, cannot be read, or has another or a newer format.
    """
    if NAME not in files:
        raise UnusableBundleError(f"{path} contains no {NAME}: it is not a bundle, or the file was removed")
    try:
        manifest = json.loads(files[NAME])
        kind, version = manifest["format"], manifest["version"]
        entries = [(file["name"], file["bytes"], file["sha256"], file["lines"]) for file in manifest["files"]]
        is_valid = all(isinstance(n, str) and isinstance(s, str) and isinstance(d, str) for n, _, s, d in entries)
    except (ValueError, KeyError, TypeError, RecursionError):
        hint = "" if _has_valid_digest(files) else f"; it was changed: {DIGEST_NAME} has a different digest"
        raise UnusableBundleError(f"{path}: {NAME} cannot be read{hint}") from None
    if kind != FORMAT or not isinstance(version, int) or not is_valid:
        raise UnusableBundleError(f"{path}: {NAME} is not the manifest of a bundle (format {str(kind)[:40]!r})")
    if version > VERSION:
        raise UnusableBundleError(
            f"{path} is a bundle of format version {version}, this ninewatch supports up to {VERSION}; verify it with"
            f" the version that wrote it, {str(manifest.get('ninewatch'))[:40]}, or a newer one"
        )
    return dict(manifest)


def _has_valid_digest(files: Mapping[str, bytes]) -> bool:
    return files.get(DIGEST_NAME) == f"{digest(files[NAME])}  {NAME}\n".encode()


def damages(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[Damage]:
    """Yield each difference between the files and the manifest: changed, missing, additional and reordered files."""
    if DIGEST_NAME not in files:
        yield Damage(DIGEST_NAME, None, "the file is missing")
    elif not _has_valid_digest(files):
        yield Damage(NAME, None, f"its digest differs from {DIGEST_NAME}; one of the two files was changed")
    entries = {file["name"]: file for file in manifest["files"]}
    for name, entry in entries.items():
        if name not in files:
            yield Damage(name, None, "the file is missing")
        else:
            yield from _changes(entry, files[name])
    expected = [NAME, DIGEST_NAME, *entries]
    for name in files:
        if name not in expected:
            yield Damage(name, None, f"the file is not in {NAME}")
    names = [name for name in files if name in expected]
    if names != [name for name in expected if name in files]:
        yield Damage(NAME, None, "the files are not in the order of the manifest")


def _changes(entry: Mapping[str, Any], content: bytes) -> Iterator[Damage]:
    name, listed_lines = entry["name"], entry["lines"]
    if digest(content) == entry["sha256"]:
        if (len(content), _line_digests(content)) != (entry["bytes"], listed_lines):
            yield Damage(NAME, None, f"its size or line digests of {name} are wrong, its SHA-256 is right")
        return
    listed = [listed_lines[at : at + _LINE_DIGITS] for at in range(0, len(listed_lines), _LINE_DIGITS)]
    actual = [digest(line)[:_LINE_DIGITS] for line in content.splitlines(keepends=True)]
    if len(listed) == len(actual):
        lines = [number for number, (a, b) in enumerate(zip(listed, actual, strict=True), 1) if a != b]
        yield from (Damage(name, line, "the line was changed") for line in lines)
        if not lines:
            yield Damage(NAME, None, f"its SHA-256 of {name} is wrong, the digests of all lines are right")
        return
    first = next(
        (n for n, (a, b) in enumerate(zip(listed, actual, strict=False), 1) if a != b),
        min(len(listed), len(actual)) + 1,
    )
    yield Damage(
        name,
        first,
        f"the file has {len(actual)} lines, the manifest {len(listed)}; the first difference is here",
    )


def json_lines(rows: Iterator[Any]) -> bytes:
    """Return the rows as JSON lines with sorted keys, so that equal data has equal bytes."""
    return "".join(canonical(row) + "\n" for row in rows).encode()
