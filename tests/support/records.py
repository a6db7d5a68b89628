"""Frozen records of earlier versions, each with its configuration and the figures that the version itself computed.

`tests/fixtures/records/COMMIT` has the files that the daemon of that commit wrote before it was killed: the database
with its write-ahead log (compressed), the corrections journal, the configuration, and `expected.json`. A new version of
the schema gets a new folder; the old ones stay as they are.
"""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

RECORDS = Path(__file__).parents[1] / "fixtures" / "records"
NAMES = sorted(folder.name for folder in RECORDS.iterdir())


def unpack(name: str, folder: Path) -> Path:
    """Unpack a record into the folder and return its configuration, whose `store:` is relative to the folder."""
    for file in (RECORDS / name).iterdir():
        if file.suffix == ".xz":
            (folder / file.stem).write_bytes(lzma.decompress(file.read_bytes()))
        else:
            shutil.copy(file, folder)
    return folder / "ninewatch.yaml"
