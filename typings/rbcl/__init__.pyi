"""rbcl bundles libsodium; importing it maps the library (our only use)."""
