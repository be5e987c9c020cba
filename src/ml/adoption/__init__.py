"""Another table as the project's data: its files are read, and its contract and settings are proposed."""
