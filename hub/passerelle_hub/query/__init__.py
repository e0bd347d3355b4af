"""One-off queries: hit or no hit, without a stored record."""
