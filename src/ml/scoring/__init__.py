"""Batch scoring: the check of a table's rows, their predictions, and their lines in the prediction log."""
