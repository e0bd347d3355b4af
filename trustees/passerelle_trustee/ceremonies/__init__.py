"""Key ceremonies among trustees: generation, refresh and dealing to another set, each without a dealer."""
