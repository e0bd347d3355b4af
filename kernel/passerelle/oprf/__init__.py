"""Tokens: a threshold verifiable oblivious pseudorandom function over ristretto255.

From the bottom up: `sodium` (the library), `group` (what a back end offers), `ristretto` (the one on
libsodium), `hashing` (RFC 9380), `dleq` (proofs), `voprf` (RFC 9497), `shamir` and `keys` (shares and what
connectors pin), `protocol` (what travels), `threshold` (the steps of both sides), `inputs` (what is
tokenised).
"""
