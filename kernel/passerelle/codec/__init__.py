"""The one translator between the wire and the domain.

Decoding never trusts: a field outside its vocabulary, an id of the wrong length or an UNSPECIFIED enum
raises a coded error and nothing half-decoded leaves this package. Encoding of what is signed happens
once, at the signer; everybody else keeps the exact bytes.
"""
