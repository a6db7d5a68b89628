"""Escape text from targets for chats, so that it contains no links, mentions or formatting."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_\[\]<~#])")
_MENTION = "@"
_BREAK = "\u200b"  # a zero-width space: the text after an @ is not a name then


def truncate(text: str, length: int) -> str:
    """Return the text, truncated to `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def slack_text(text: str) -> str:
    """Return the text with the three special characters of Slack escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_text(text: str) -> str:
    """Return the text with all special characters of Markdown escaped, and without mentions."""
    return _MARKDOWN.sub(r"\\\1", text).replace(_MENTION, _MENTION + _BREAK)


def without_mentions(text: str) -> str:
    """Return the text without mentions and links: a zero-width space is inserted after each @ or bracket."""
    return re.sub(r"([@\[])", rf"\1{_BREAK}", text)
