"""Checks that made columns meet `data.made`; with numpy only, so that the image can run them too."""

from collections.abc import Iterator, Mapping

import numpy as np

from ml.settings.data import Data
from ml.settings.feature_source import FEATURES, sources


def breaches(made: Mapping[str, np.ndarray], data: Data) -> Iterator[tuple[str, np.ndarray, str]]:
    """Column, rows (a mask of shape (rows,)) and reason of each breach of `made`, the values of the made columns."""
    for name, bound in data.made.items():
        values = made[name]
        gaps = np.isnan(values) if values.dtype.kind == "f" else np.array([value is None for value in values], bool)
        if not bound.missing:
            yield name, gaps, "missing"
        if bound.min is not None or bound.max is not None:
            low, high = (-np.inf if bound.min is None else bound.min), (np.inf if bound.max is None else bound.max)
            yield name, ~gaps & ((values < low) | (values > high)), f"outside {low:g} to {high:g}"


def made_of(name: str, source: str) -> str:
    """A made column with the columns that it is made of."""
    *most, last = sources(source).get(name) or ("no column",)
    return f"{name} (made by {FEATURES} of {', '.join(most)}{' and ' if most else ''}{last})"
