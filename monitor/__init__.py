"""The asyncio shell of ninewatch: it makes observations and publishes answers; the figures come from `sla`."""

from monitor import zones as zones  # before any library makes a zone of its own: the newest database for all of them
