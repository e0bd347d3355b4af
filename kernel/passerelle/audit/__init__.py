"""The log from outside: what an event commits to, proofs of events, tiles, exports, witnesses, verification.

Everything here works from bytes that somebody handed over and keys that one trusts already; nothing of it
needs a hub. The hub writes the log with the same encodings (`event`, `rows`), so the two cannot drift apart.
"""
