"""GitHub: its API, workflow jobs, and texts for people."""
