"""A table scored by a model: its rows checked, the answers, and their lines in the prediction log."""
