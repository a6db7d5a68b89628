"""Text from targets in chats: nothing in it may become a link, a mention or formatting."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_\[\]<~#])")
_MENTION = "@"
_BREAK = "\u200b"  # has no width: what follows an @ is no name any more


def cut(text: str, length: int) -> str:
    """Return the text, at most so many characters of it."""
    return text if len(text) <= length else text[: length - 1] + "…"


def slack_text(text: str) -> str:
    """Return the text with the three characters escaped that Slack gives a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_text(text: str) -> str:
    """Return the text with everything escaped that Markdown gives a meaning, and without mentions."""
    return _MARKDOWN.sub(r"\\\1", text).replace(_MENTION, _MENTION + _BREAK)


def without_mentions(text: str) -> str:
    """Return the text without mentions and links: an @ or a bracket is followed by a space without width."""
    return re.sub(r"([@\[])", rf"\1{_BREAK}", text)
