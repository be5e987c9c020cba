"""What the API answered and which labels came later, read wherever it is kept."""
