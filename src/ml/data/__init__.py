"""The table: its contract, how it is read and typed, and its split."""
