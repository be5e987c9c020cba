"""The progress of a job: rows, rows per second, and the remaining time."""

import time

from ml.io.text import counted

PAUSE = 5.0  # seconds between two lines


class Progress:
    """Counts rows; the rate uses only rows that this process scored itself."""

    def __init__(self, total: int | None) -> None:
        self._total, self._begun, self._told, self._own = total, time.monotonic(), time.monotonic(), 0
        self.scored = self.quarantined = 0

    @property
    def rows(self) -> int:
        """All rows so far."""
        return self.scored + self.quarantined

    def after(self, scored: int, quarantined: int, now: float, fresh: bool) -> str:
        """Add a part; returns a sentence if it is time for one, otherwise ""."""
        self.scored += scored
        self.quarantined += quarantined
        self._own += (scored + quarantined) * fresh
        if now - self._told < PAUSE or not self._own:
            return ""
        self._told = now
        rate = self._own / (now - self._begun)
        if not self._total:
            return f"{counted(self.rows, 'row')}, {rate:,.0f} a second"
        left = (self._total - self.rows) / rate
        return f"{self.rows:,} of {counted(self._total, 'row')}, {rate:,.0f} a second, {left:,.0f} s left"
