"""The asyncio shell of ninewatch: it makes observations and publishes answers; the figures come from `sla`."""
