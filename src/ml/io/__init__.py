"""One module for each external system: files, git, DVC, locks, HTTP, the terminal; and text escaping."""
