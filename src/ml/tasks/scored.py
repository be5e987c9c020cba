"""True values and output of rows in a form for fast metrics."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ml.data.design import Design


class Scored(Protocol):
    """True values and output of some rows, arranged so that metrics of a bootstrap replicate are cheap."""

    @property
    def order(self) -> np.ndarray:
        """Positions in the original rows; shape (rows,)."""
        ...

    @property
    def label(self) -> np.ndarray:
        """The truth in that order; shape (rows,)."""
        ...

    @property
    def design(self) -> Design:
        """The weights and the entities of the original rows."""
        ...

    def measure(self, weight: np.ndarray | None = None) -> Mapping[str, float]:
        """Every metric, with `weight` (in the order above, shape (rows,)) as the number of times each row is drawn.

        A row counts as often as it is drawn, times its own weight in the design.
        """
        ...

    def some(self, rows: np.ndarray) -> "Scored":
        """The same of some of the original rows, given by their positions in ascending order."""
        ...

    def usable(self, weight: np.ndarray) -> bool:
        """Whether a draw contains enough rows to measure anything."""
        ...

    def intervals(
        self, bootstrap: int, confidence: float, seed: int = 0, only: str = ""
    ) -> dict[str, dict[str, float | None]]:
        """Each metric's value with the low and high end of its bootstrap interval; None where undefined.

        `only` names the one metric to compute.
        """
        ...

    def curves(self, confidence: float = 0.95) -> dict[str, list[dict[str, Any]]]:
        """The points of every plot, by name."""
        ...
