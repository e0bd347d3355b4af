"""Backup and restore: copies, archived changes, escrow of the pepper, and how a restored hub goes on."""
