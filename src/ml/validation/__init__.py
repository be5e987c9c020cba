"""What a table is checked for, counted in one pass or in parts, and the profile of a table."""
