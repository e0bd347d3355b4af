"""Generated from proto/passerelle/wire/v1 by `make proto`; never edited."""
