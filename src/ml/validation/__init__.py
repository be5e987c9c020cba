"""The checks of a table, counted in one pass or in parts, and the profile of a table."""
