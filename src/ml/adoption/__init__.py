"""Another table as the project's data: its files read, its contract and settings proposed."""
