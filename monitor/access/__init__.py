"""Access over HTTP: scopes, API tokens, and links that carry their own proof."""
