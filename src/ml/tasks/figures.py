"""Metrics of some rows by name, each computed when it is read."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np


class Figures(Mapping[str, float]):
    """A gate or a test of one metric draws thousands of replicates, and computes no other metric.

    If a class has no rows, the metrics that compare the classes are not a number.
    """

    def __init__(self, made: Mapping[str, Callable[[], float]]) -> None:
        self._made = made

    def __getitem__(self, name: str) -> float:
        with np.errstate(invalid="ignore"):  # 0 / 0 if a class has no rows
            return self._made[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
