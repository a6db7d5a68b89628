"""The archive of a bundle: a ZIP file without compression, whose bytes follow from its files alone.

Without compression a changed byte is a changed byte of one line of one file, no file is larger than it looks, and every
version of every library writes the same bytes. Whatever the digests do not cover (headers, times, comments) is compared
with what this module would have written.
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

LARGEST: Final = 1 << 30  # bytes of a bundle that is read: it is held in memory
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}(\.[a-z0-9]{1,10}){0,2}")
_HEADER: Final = 30  # bytes of the header before each file's name
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first time that the format knows


class UnusableBundleError(NinewatchError):
    """The file is no bundle that this version can verify."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return the archive that holds the files in this order."""
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
        UnusableBundleError: it cannot be read, or its files are not those of a bundle; the message says why.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UnusableBundleError(f"{path} is larger than {LARGEST >> 20} MiB, which no bundle is")
        data = path.read_bytes()
    except OSError as error:
        raise UnusableBundleError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    return unpacked(data, str(path)), data


def unpacked(data: bytes, path: str) -> dict[str, bytes]:
    """Return the files of an archive by name, in its order.

    Raises:
        UnusableBundleError: it is not a whole archive, or its files are not those of a bundle.
    """
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, struct.error, OverflowError):
        raise UnusableBundleError(f"{path} is not a whole ZIP archive: it is damaged or was cut off") from None
    found: dict[str, bytes] = {}
    for entry in entries:
        if not _NAME.fullmatch(entry.filename):
            raise UnusableBundleError(f"{path} holds a file named {entry.filename[:100]!r}, which no bundle does")
        if entry.filename in found:
            raise UnusableBundleError(f"{path} holds the file {entry.filename} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise UnusableBundleError(
                f"{path}: the file {entry.filename} is compressed or encrypted; a bundle's is not"
            )
        start = entry.header_offset + _HEADER + len(entry.filename)
        if not 0 <= entry.header_offset <= start + entry.file_size <= len(data):
            raise UnusableBundleError(f"{path}: the file {entry.filename} reaches beyond the archive; it was cut off")
        found[entry.filename] = data[start : start + entry.file_size]
    if not found:
        raise UnusableBundleError(f"{path} holds no files")
    if sum(map(len, found.values())) > len(data):
        raise UnusableBundleError(f"{path} holds files that overlap")
    return found


def first_difference(data: bytes, files: Mapping[str, bytes]) -> int | None:
    """Return the offset of the first byte that is not as `packed` writes these files; None if all are."""
    expected = packed(files)
    if data == expected:
        return None
    return next(
        (at for at, (a, b) in enumerate(zip(data, expected, strict=False)) if a != b), min(len(data), len(expected))
    )
