"""The demo: simulated products that fail according to a script, and 90 days of synthetic history."""
