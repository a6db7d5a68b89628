"""The daemon and the commands of ninewatch: they probe and publish figures, which `sla` computes."""

from monitor import zones as zones  # first, so that all libraries use the newest time zone database
