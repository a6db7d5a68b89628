"""The claims of a page that the audit of claims finds wrong, and tables in Markdown as pages of tests."""

from __future__ import annotations

from sla.claims import Claim, ClaimVerdict, audit


def wrong_claims(text: str) -> list[Claim]:
    return [claim for claim in audit(text).claims if claim.verdict is ClaimVerdict.WRONG]


def table(header: str, *rows: str) -> str:
    return "\n".join([header, "|" + "---|" * header.count(" | ") + "---|", *rows])
