"""Convert domain names to ASCII like browsers do."""

from __future__ import annotations

import re
from ipaddress import ip_address

from monitor.config.errors import quoted

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)
_NAME_LIMIT = 253  # characters without the trailing dot (RFC 1035, 2.3.4: 255 octets with a length before each label)
_JOINERS = "\u200c\u200d"


def host(value: str) -> str:
    """Return the host name in ASCII (see `to_ascii`), or the IP address. A trailing dot is kept.

    Raises:
        ValueError: the value is neither, such as `127.1` or `0x7f.1`, which some resolvers accept as an address.
    """
    name = value if value.isascii() else to_ascii(value)
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    relative = name.removesuffix(".")
    labels = relative.split(".")
    if len(relative) > _NAME_LIMIT or not all(map(_LABEL.fullmatch, labels)) or _NUMBER.fullmatch(labels[-1]):
        raise ValueError(f"{quoted(value)} is neither a host name nor an IP address")
    return name


def to_ascii(name: str) -> str:
    """Return a name in ASCII, as browsers look it up: UTS 46, non-transitional, with IDNA 2008's rules on joiners.

    ASCII labels are unchanged, including those with underscores, hyphens at positions 3 and 4, or the prefix `xn--`.
    As in browsers, symbols that UTS 46 allows are accepted, although IDNA 2008 does not allow them.

    Raises:
        ValueError: the name is invalid.

    >>> to_ascii("Fa\u00df.Example"), to_ascii("_dmarc.b\u00fccher.example.")
    ('xn--fa-hia.example', '_dmarc.xn--bcher-kva.example.')
    """
    import idna  # imported here: the import takes 10 ms, and ASCII names do not need it

    try:
        mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
        labels = [_ascii_label(label) for label in mapped.split(".")]
    except idna.IDNAError as error:
        raise ValueError(f"{quoted(name)} is not a host name: {error}") from None
    return ".".join(labels)


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    from idna import IDNAError, check_bidi, check_initial_combiner, check_nfc, valid_contextj

    check_nfc(label)
    check_initial_combiner(label)
    for position, character in enumerate(label):
        if character in _JOINERS and not valid_contextj(label, position):
            raise IDNAError(f"the joiner at position {position + 1} of {label!r} is not allowed there")
    check_bidi(label)
    return f"xn--{label.encode('punycode').decode()}"
