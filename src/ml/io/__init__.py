"""The outside worlds, a module for each: files, git, DVC, locks, HTTP, the terminal, and text that is safe to show."""
