"""The configuration: YAML in, frozen types out, every mistake named with its place. Only here is YAML read."""
