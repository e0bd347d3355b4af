"""A closer look at one pair, as the connector answers it: pieces of fields become tokens under a nonce."""
