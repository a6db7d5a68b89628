"""TLS servers that Python's ssl cannot run: `openssl s_server` with obsolete options."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.support.faulty_targets.certificates import HOST, IssuedCertificate, key_of, names

if TYPE_CHECKING:
    from tests.support.faulty_targets.faulty_target import ServeTarget, TargetAuthority


def s_server(*arguments: str, bits: int = 0) -> ServeTarget:
    """Return a function that serves with a trusted certificate (RSA with this number of bits, or P-256).

    `arguments` are options of `openssl s_server`. `<certificate>` is replaced by the file of the certificate and its
    key, `<ffdhe8192>` by a file with the parameters of that group.
    """

    @contextlib.asynccontextmanager
    async def serve_target(authority: TargetAuthority) -> AsyncIterator[int]:
        certificate = authority.folder / f"{uuid4()}.pem"
        certificate.write_bytes(IssuedCertificate.of(authority.root).issues(names(HOST), key=key_of(bits)).pem())
        files = {
            "<certificate>": certificate,
            "<ffdhe8192>": await _group(authority) if "<ffdhe8192>" in arguments else None,
        }
        process = await asyncio.create_subprocess_exec(
            *("openssl", "s_server", "-accept", f"{HOST}:0", "-cert", certificate, "-key", certificate),
            *(files.get(word) or word for word in arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(30):
                while (match := re.match(rb"ACCEPT .*:(\d+)", await process.stdout.readline())) is None:
                    assert not process.stdout.at_eof(), f"openssl s_server {' '.join(arguments)} does not start"
            yield int(match[1])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    return serve_target


async def _group(authority: TargetAuthority) -> Path:
    """Write the parameters of the largest group of RFC 7919."""
    path = authority.folder / "ffdhe8192.pem"
    arguments = ("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe8192", "-out", path)
    process = await asyncio.create_subprocess_exec("openssl", *arguments, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    return path
