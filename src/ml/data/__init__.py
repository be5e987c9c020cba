"""The table: contract, checks, split, reading, types, and the description of a new table."""
