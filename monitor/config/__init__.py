"""Read the configuration: parse YAML to frozen types, and report every mistake with its position."""
