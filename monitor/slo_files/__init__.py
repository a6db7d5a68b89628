"""Import and export service level objectives in the formats of other tools: OpenSLO, Sloth, Pyrra."""
