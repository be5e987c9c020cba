"""The rates by which groups of rows are compared: shares of decisions, or errors of numbers."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rate:
    """A mean of `of_rows` (bool or float) over the rows `among`; both of shape (rows,). `rule` limits it."""

    name: str
    rule: str  # the setting under gates.fairness
    of_rows: np.ndarray
    among: np.ndarray
    of: str = ""  # the class of the rate, for several classes


def of_decisions(decided: np.ndarray, true: np.ndarray, of: str = "") -> list[Rate]:
    """The share with this decision, and the true and the false positive rate; Hardt, Price and Srebro, NeurIPS 2016."""
    whose, everyone = f" of {of}" if of else "", np.ones(len(true), dtype=bool)
    return [
        Rate(f"share decided {of or 'positive'}", "demographic_parity", decided, everyone, of),
        Rate(f"true positive rate{whose}", "equalised_odds", decided, true, of),
        Rate(f"false positive rate{whose}", "equalised_odds", decided, ~true, of),
    ]


def of_errors(truth: np.ndarray, output: np.ndarray) -> list[Rate]:
    """The mean absolute error and the mean error, both as a share of the mean absolute error of all rows."""
    error, everyone = output - truth, np.ones(len(truth), dtype=bool)
    whole = float(np.abs(error).mean()) or 1.0
    unit = "as a share of the error of all rows"
    return [
        Rate(f"mean absolute error, {unit},", "error", np.abs(error) / whole, everyone),
        Rate("mean error, as a share of the mean absolute error,", "bias", error / whole, everyone),
    ]
