"""Policy: who may submit, what may be linked, who learns of it; asked of an engine, decided nowhere else.

`bundle` loads what is decided by, `engine` says what an engine is, `embedded` and `opa` are the two
engines, `decide` is the one adapter between them and the hub and refuses whatever it does not understand.
"""
