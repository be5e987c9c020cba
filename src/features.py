"""Columns that the model gets beside those of the table: edit, add or delete functions. docs/features.md shows more.

A function gets `columns`: by name an array of shape (rows,), float64 for numbers (NaN where missing) and text for
categories (None where missing). It returns the values of the columns that its decorator names. Training, gates,
batch scoring and the API call this same function, so write it with numpy, row by row, without a state.
"""

from ml.model.columns import Columns, Values, makes


@makes("incidents")
def incidents(columns: Columns) -> Values:
    """Support tickets and late payments together."""
    return columns["support_tickets"] + columns["late_payments"]
