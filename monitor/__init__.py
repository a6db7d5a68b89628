"""The daemon and the commands of ninewatch: they make observations and publish figures, which `sla` computes."""

from monitor import zones as zones  # first, so that zones of all libraries use the newest database
