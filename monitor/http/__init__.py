"""HTTP client for probes: requests, responses, redirects, tokens, proxies and expectations."""
