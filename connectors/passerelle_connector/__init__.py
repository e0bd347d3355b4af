"""The connector: a partner's own gateway, from its data source to the hub and back.

Its steps, in the order a row takes them: `sources` → `normalise` → `keys` → `tokenise` → `sealing` →
`outbox` → `deliver`; what comes back goes through `inbox`. Only `service` knows gRPC, only `store` knows
SQL, only `compose` wires objects together.
"""
