"""Columns in addition to those of the table: edit, add or delete functions. docs/features.md shows more.

A function receives `columns`, a mapping from names to arrays of shape (rows,): float64 for numbers (NaN if missing)
and text for categories (None if missing). It returns the values of the columns that its decorator names. Training,
gates, batch scoring and the API call the same function, so write it with numpy, row-wise and without state.
"""

from ml.model.columns import Columns, Values, makes


@makes("incidents")
def incidents(columns: Columns) -> Values:
    """Support tickets and late payments together."""
    return columns["support_tickets"] + columns["late_payments"]
