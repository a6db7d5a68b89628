"""The archive of a bundle: an uncompressed ZIP file whose bytes depend only on the content of its files.

Without compression, a changed byte is in one line of one file, sizes are known in advance, and all library versions
write the same bytes. The parts without digests (headers, times, comments) are compared with the archive that this
module would write.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from typing import TYPE_CHECKING, Final

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES: Final = 1 << 30  # per bundle, which is read into memory
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}(\.[a-z0-9]{1,10}){0,2}")
_HEADER: Final = 30  # bytes before each file's name
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time of the format


class UnusableBundleError(NinewatchError):
    """The file is not a bundle, or this version cannot read it."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of the files, in this order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return target.getvalue()


def read_archive(path: Path) -> tuple[dict[str, bytes], bytes]:
    """Return the files of an archive by name, in its order, and its bytes. Checksums are not compared.

    Raises:
        UnusableBundleError: the archive cannot be read, or is not a bundle. The message contains the reason.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusableBundleError(f"{path} is larger than {MAX_BYTES >> 20} MiB, the maximum size of a bundle")
        data = path.read_bytes()
    except OSError as error:
        raise UnusableBundleError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    return unpack(data, str(path)), data


def unpack(data: bytes, path: str) -> dict[str, bytes]:
    """Return the files of an archive by name, in its order.

    Raises:
        UnusableBundleError: the archive is incomplete, or is not a bundle.
    """
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, struct.error, OverflowError):
        raise UnusableBundleError(f"{path} is not a complete ZIP archive: it is damaged or truncated") from None
    contents: dict[str, bytes] = {}
    for entry in entries:
        if not _NAME.fullmatch(entry.filename):
            raise UnusableBundleError(f"{path} contains a file {entry.filename[:100]!r}, which is not part of a bundle")
        if entry.filename in contents:
            raise UnusableBundleError(f"{path} contains the file {entry.filename} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise UnusableBundleError(
                f"{path}: the file {entry.filename} is compressed or encrypted, which is not allowed in a bundle"
            )
        start = entry.header_offset + _HEADER + len(entry.filename)
        if not 0 <= entry.header_offset <= start + entry.file_size <= len(data):
            raise UnusableBundleError(
                f"{path}: the file {entry.filename} ends after the end of the archive: the archive is truncated"
            )
        contents[entry.filename] = data[start : start + entry.file_size]
    if not contents:
        raise UnusableBundleError(f"{path} contains no files")
    if sum(map(len, contents.values())) > len(data):
        raise UnusableBundleError(f"{path} contains overlapping files")
    return contents


def first_difference(data: bytes, files: Mapping[str, bytes]) -> int | None:
    """Return the offset of the first byte that differs from `pack(files)`, None if all bytes are equal."""
    expected = pack(files)
    if data == expected:
        return None
    return next(
        (at for at, (a, b) in enumerate(zip(data, expected, strict=False)) if a != b), min(len(data), len(expected))
    )
