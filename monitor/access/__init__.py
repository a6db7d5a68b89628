"""Access over HTTP: scopes, API tokens, and signed links."""
