"""Validate e-mail addresses."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


def _mailbox(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("is not an e-mail address; use name@example.org")
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]
