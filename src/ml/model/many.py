"""Evaluation of a compiled form's trees: by ONNX Runtime, and for long tables by numba if it is installed."""

from collections.abc import Callable

import numpy as np

AFTER = 200_000  # rows from which compiling, about a second, is worth it
COMPARED = 1_000  # rows whose sums must be bitwise equal

Sums = Callable[[np.ndarray], np.ndarray]  # of leaves; rows are float64


class Many:
    """Sums of leaves by ONNX Runtime, and by `ml.model.lockstep` for many rows.

    Both give the same bits; if they differ on the first rows, only ONNX Runtime is used.
    """

    def __init__(self, run: Sums, content: bytes, after: int = AFTER) -> None:
        self._run, self._content, self._after, self._left = run, content, after, after
        self._walk: Sums | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The sum of each row; shape (rows, outputs)."""
        if self._left > 0:
            self._left -= len(x)
            if self._left <= 0:
                self._walk = self._made(x[:COMPARED])
        return self._run(x) if self._walk is None or np.isnan(x).any() else self._walk(x)

    def expect(self, rows: int) -> None:
        """Announce the number of rows, so that a long table uses the faster code from its first row."""
        if rows > self._after:
            self._left = min(self._left, 1)

    def _made(self, x: np.ndarray) -> Sums | None:
        try:
            from ml.model import lockstep  # noqa: PLC0415 - numba comes with the extra `explain`

            walk = lockstep.walk(self._content)
            return walk if walk and np.array_equal(walk(x), self._run(x)) else None
        except Exception:  # noqa: BLE001 - absent, or it cannot make code here: it raises its own kinds
            return None
