"""The certificate authority of one trust domain, and the registry of the federation."""
