"""Judgements of links: what a named person found, signed by the agency."""

from passerelle_connector.judge.give import Finding, Judge

__all__ = ["Finding", "Judge"]
