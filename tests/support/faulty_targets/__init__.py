"""Targets with one fault each, and the expected outcome and reason of an attempt.

One module per family of kinds; `python -m tests.support.faulty_targets` serves all of `FAULTY_TARGETS`.
"""

from tests.support.faulty_targets import datagrams, dns, framed, http, http_values, line_protocols, tls

FAMILIES = (http, tls, dns, line_protocols, framed, datagrams, http_values)

FAULTY_TARGETS = {target.name: target for family in FAMILIES for target in family.faulty_targets()}
"""Name -> target."""
