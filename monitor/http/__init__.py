"""HTTP as a prober speaks it: requests, answers, redirects, tokens, proxies, and what an answer must be."""
