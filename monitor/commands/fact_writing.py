"""Append facts of commands to the journal, each after an entry in the audit log."""

from __future__ import annotations

import getpass
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.access.audit_log import AuditEntry, AuditLog, ChangeOrigin, Means
from monitor.facts.journal import Journal

if TYPE_CHECKING:
    from sla.fact import Fact


def state_fact(record: Path, fact: Fact) -> None:
    """Append an entry to the audit log, then the fact to the journal of the record.

    Raises:
        NinewatchError: one of the files could not be written.
    """
    write_audit_entry(record, AuditEntry.of_change(fact, command_origin(fact.author)))
    Journal.of(record).add(fact)


def write_audit_entry(record: Path, entry: AuditEntry) -> None:
    """Append an entry to the audit log of the record. The owner of the record becomes the owner of the file.

    Raises:
        NinewatchError: the file could not be written.
    """
    audit_log = AuditLog.of(record)
    audit_log.append(entry)
    set_owner(audit_log.path, record)


def command_origin(author: str) -> ChangeOrigin:
    """Return the origin of a change by a command: the stated author, the user of the process, and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # for example in a container
        user = f"uid {os.getuid()}"
    return ChangeOrigin(Means.COMMAND, author, user, platform.node())


def set_owner(path: Path, record: Path) -> None:
    """Change the owner of a private file to the owner of the record, so that the daemon can read it."""
    if record.exists() and (owner := record.stat().st_uid) != path.stat().st_uid:
        try:
            os.chown(path, owner, record.stat().st_gid)
        except OSError:
            click.echo(f"warning: the owner of {record} cannot read {path}; run this as that user", err=True)
