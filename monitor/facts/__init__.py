"""Facts: statements of people and of the configuration about products, and their effects (docs/history.md)."""
