"""Serve the zoo in a process of its own: all of it, or the animals that are named.

It writes one line of JSON, name to check, and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from pathlib import Path

from tests.support.faulty_targets import ANIMALS
from tests.support.faulty_targets.faulty_target import Keeper


async def main() -> None:
    """Open every den, say where, and keep them open."""
    async with contextlib.AsyncExitStack() as dens:
        keeper = Keeper(Path(dens.enter_context(tempfile.TemporaryDirectory())))
        names = sys.argv[1:] or ANIMALS
        checks = {name: await dens.enter_async_context(ANIMALS[name].kept(keeper)) for name in names}
        sys.stdout.write(json.dumps(checks) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
