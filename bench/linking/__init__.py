"""Linkage measured side by side: ours by tier, exact hashes, Splink, anonlink; see `__main__`."""
