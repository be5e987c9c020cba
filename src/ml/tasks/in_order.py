"""Shared code for rows of several classes and of numbers, which are measured in their own order."""

from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from ml.data.design import PLAIN, Design


@dataclass(frozen=True)
class InOrder:
    """Truth of shape (rows,), the output for each row, and the design of the rows."""

    label: np.ndarray
    output: np.ndarray
    _: KW_ONLY
    design: Design = PLAIN

    def some(self, rows: np.ndarray) -> Self:
        """The same of some rows, given by their positions."""
        return replace(self, label=self.label[rows], output=self.output[rows], design=self.design.at(rows))

    @cached_property
    def order(self) -> np.ndarray:
        """The positions of all rows."""
        return np.arange(len(self.label))
