"""A zoo of targets that misbehave, each in one way, with the verdict that an attempt at it must come to.

One module a family of kinds; `ANIMALS` is the table. `python -m tests.support.zoo` serves all of it.
"""

from tests.support.zoo import datagrams, dns, http, readings, streams, talkers, tls

FAMILIES = (http, tls, dns, talkers, streams, datagrams, readings)

ANIMALS = {animal.name: animal for family in FAMILIES for animal in family.animals()}
"""Name -> animal."""
