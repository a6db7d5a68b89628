"""A zoo of targets that misbehave, each in one way, with the verdict that an attempt at it must come to.

One module a family of kinds; `ANIMALS` is the table. `python -m tests.support.faulty_targets` serves all of it.
"""

from tests.support.faulty_targets import datagrams, dns, framed, http, http_values, line_protocols, tls

FAMILIES = (http, tls, dns, line_protocols, framed, datagrams, http_values)

ANIMALS = {animal.name: animal for family in FAMILIES for animal in family.animals()}
"""Name -> animal."""
