"""Requests that arrive in the same iteration of the event loop are scored in one call.

A single request does not wait.
"""

import asyncio
from typing import Any

import numpy as np

from ml.model.predictor import Predictor

INLINE_ROWS = 256  # more rows take milliseconds, so a thread scores them and the event loop stays free
LONE = 7  # requests scored directly after one that was alone; then batching is tried again


class Batcher:
    """Scores rows for many requests at once."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._waiting: list[tuple[list[dict[str, Any]], asyncio.Future]] = []
        self._lone = 0

    async def scores(self, rows: list[dict[str, Any]]) -> np.ndarray:
        """Probability of the positive class of each row; shape (rows,)."""
        if len(rows) > INLINE_ROWS:
            return await asyncio.to_thread(self._predictor.scores, rows)
        if self._lone:  # an iteration of the loop costs as much as a row
            self._lone -= 1
            return self._predictor.scores(rows)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((rows, future))
        return await future

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._lone = LONE if len(waiting) == 1 else 0
        while waiting:
            batch, count = [], 0
            while waiting and (not batch or count + len(waiting[0][0]) <= INLINE_ROWS):
                batch.append(waiting.pop(0))
                count += len(batch[-1][0])
            self._score(batch)

    def _score(self, batch: list[tuple[list[dict[str, Any]], asyncio.Future]]) -> None:
        try:
            scores = self._predictor.scores([row for rows, _ in batch for row in rows])
        except Exception as error:  # noqa: BLE001  (each request reports it as its own)
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        start = 0
        for rows, future in batch:
            if not future.done():  # its client has disconnected
                future.set_result(scores[start : start + len(rows)])
            start += len(rows)
