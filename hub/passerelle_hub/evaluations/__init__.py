"""Trustees' reports of what they evaluated, held against the tokens that agencies submitted."""
