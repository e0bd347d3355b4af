"""Attacks on what the hub's index shows, with success rates: see `world` for who the attacker is."""
