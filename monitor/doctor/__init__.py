"""Find problems of an installation, each with a remedy."""
