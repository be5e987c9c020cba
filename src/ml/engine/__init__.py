"""Tables too large for memory: read in chunks, and written so that an output is complete or absent."""
