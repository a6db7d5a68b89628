"""The demo: simulated products that fail by a script, and 90 days of seeded history."""
