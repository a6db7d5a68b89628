"""The parts of a journey: definitions of its steps, requests, captured values, and one run."""
