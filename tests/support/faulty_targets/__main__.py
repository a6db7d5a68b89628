"""Serve all faulty targets, or the named ones, in a process of its own.

It writes one line of JSON, name to check, and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from pathlib import Path

from tests.support.faulty_targets import FAULTY_TARGETS
from tests.support.faulty_targets.faulty_target import TargetAuthority


async def main() -> None:
    """Serve the targets and print their checks."""
    async with contextlib.AsyncExitStack() as stack:
        authority = TargetAuthority(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        names = sys.argv[1:] or FAULTY_TARGETS
        checks = {name: await stack.enter_async_context(FAULTY_TARGETS[name].served(authority)) for name in names}
        sys.stdout.write(json.dumps(checks) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
