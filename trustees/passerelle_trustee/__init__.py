"""A trustee: holds one share of each token key and evaluates blinded elements under a budget."""
