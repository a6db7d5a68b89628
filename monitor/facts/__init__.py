"""Facts: what people and the configuration stated about products, and what follows from it (docs/history.md)."""
