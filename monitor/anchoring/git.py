"""A Git repository as an anchor: a file of heads, committed and pushed with the `git` executable."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.config.anchors import Anchor
    from sla.chain import Head

FILE: Final = "heads.jsonl"
_AUTHOR: Final = {"NAME": "ninewatch", "EMAIL": "ninewatch@localhost"}


class GitError(Exception):
    """A Git command failed. The text is the end of its output."""


def host_of(remote: str) -> str:
    """Return the host of a remote; empty for a local path."""
    if "://" in remote:
        return urlsplit(remote).hostname or ""
    before, colon, _ = remote.partition(":")
    return before.rpartition("@")[2] if colon and "/" not in before else ""


async def push(anchor: Anchor, heads: Sequence[Head]) -> dict[str, Any]:
    """Add the missing heads to the repository's file, push, and return the commit as proof.

    Raises:
        GitError: a command failed, or the repository has a different head with the same number.
    """
    with tempfile.TemporaryDirectory(prefix="ninewatch-git-") as folder:
        git = _Git(anchor, Path(folder))
        branch = anchor.branch or "main"
        await git.run("init", "-q", "-b", branch)
        await git.run("remote", "add", "origin", str(anchor.git))
        if await git.run("ls-remote", "--heads", "origin", f"refs/heads/{branch}"):
            await git.run("fetch", "-q", "--depth", "1", "origin", f"refs/heads/{branch}")
            await git.run("reset", "-q", "--hard", "FETCH_HEAD")
        path = Path(folder) / FILE
        before = path.read_text("utf-8") if path.exists() else ""
        if added := _with_new_heads(before, heads):
            path.write_text(before + added, "utf-8")
            await git.run("add", FILE)
            await git.run("commit", "-q", "-m", f"Add heads until {heads[-1].date}")
            await git.run("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return {"commit": await git.run("rev-parse", "HEAD"), "remote": str(anchor.git), "branch": branch}


def line_of(head: Head) -> str:
    """Return the line of a head in the file."""
    return json.dumps({"number": head.number, "day": head.date, "head": head.digest}) + "\n"


def heads_of(text: str) -> dict[int, str]:
    """Return the heads in the text of the file, by number. The first head with a number is used.

    Raises:
        ValueError, KeyError, TypeError: the text is not a file of heads.
    """
    digests: dict[int, str] = {}
    for line in text.splitlines():
        if line.strip():
            row = json.loads(line)
            digests.setdefault(int(row["number"]), str(row["head"]))
    return digests


def _with_new_heads(before: str, heads: Iterable[Head]) -> str:
    try:
        known = heads_of(before)
    except (ValueError, KeyError, TypeError):
        raise GitError(f"{FILE} in the repository is not a file of heads; use a separate repository") from None
    for head in heads:
        if known.get(head.number, head.digest) != head.digest:
            raise GitError(
                f"{FILE} has a different head {head.number}; check that the repository belongs to this record"
            )
    return "".join(line_of(head) for head in heads if head.number not in known)


class _Git:
    """Runs `git` in a folder, without a terminal and without system or user settings."""

    def __init__(self, anchor: Anchor, folder: Path) -> None:
        ssh = "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes"
        if anchor.ssh_key is not None:
            ssh += f" -oIdentitiesOnly=yes -i '{anchor.ssh_key}'"
        names = {f"GIT_{role}_{field}": text for role in ("AUTHOR", "COMMITTER") for field, text in _AUTHOR.items()}
        git_settings = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS": "true",
            "GIT_SSH_COMMAND": ssh,
        }
        self._environment = {**os.environ, **names, **git_settings, "LC_ALL": "C"}
        self._folder = folder

    async def run(self, *arguments: str) -> str:
        """Run a command, and return its output.

        Raises:
            GitError: the command failed, or `git` is not installed.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *("git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", *arguments),
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise GitError(f"git cannot be started: {error.strerror}; install git") from None
        try:
            output, error_output = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also kills its child processes: ssh, remote helpers
            await process.wait()
            raise
        if process.returncode:
            text = " ".join(error_output.decode(errors="replace").split())[-300:]
            raise GitError(f"git {arguments[0]}: {text or f'exit status {process.returncode}'}")
        return output.decode(errors="replace").strip()


def heads_at(clone: Path, commit: str) -> dict[int, str]:
    """Return the heads in a commit of a clone, by number.

    Raises:
        NinewatchError: the clone or the commit does not exist, or its file cannot be read.
    """
    if not all(character in "0123456789abcdef" for character in commit) or len(commit) < 7:
        raise NinewatchError(f"{commit[:60]!r} is not a commit id")
    command = ["git", "-C", str(clone), "show", f"{commit}:{FILE}"]
    try:
        completed = subprocess.run(command, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NinewatchError(f"git cannot read {clone}: {error}") from None
    if completed.returncode:
        detail = " ".join(completed.stderr.decode(errors="replace").split())[-200:]
        raise NinewatchError(f"the repository {clone} does not have {FILE} of the commit {commit[:12]}: {detail}")
    try:
        return heads_of(completed.stdout.decode())
    except (ValueError, KeyError, TypeError):
        raise NinewatchError(f"{FILE} of the commit {commit[:12]} in {clone} is not a file of heads") from None
