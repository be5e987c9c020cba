"""The table: its contract, its checks, its split, how it is read and typed, and how a new one is described."""
