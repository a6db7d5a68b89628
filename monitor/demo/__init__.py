"""The demo: simulated products that misbehave on a script, and 90 days of seeded history behind them."""
