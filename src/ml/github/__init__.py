"""GitHub: its API, the jobs that run there, and what people read."""
