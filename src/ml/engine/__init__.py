"""How a table too large for memory is read in chunks, and how what becomes of it is kept whole."""
