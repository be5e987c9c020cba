"""The table: its contract, its checks, its split, and how a new one is described."""
