"""One module for each outside world: files, git, the terminal."""
