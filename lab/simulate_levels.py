"""Shares of windows in which a change of one class, or one level of a column, counts as drift.

`python -m lab.simulate_levels` writes a table into docs/monitoring.md (half a CPU minute).
"""

from pathlib import Path

import numpy as np

from lab.marks import fill
from ml.io.markdown import table
from ml.model.distributions import Levels
from ml.monitoring.drift_tests import chi_square, gone
from ml.settings.monitor import Monitor

DOCUMENT = Path("docs/monitoring.md")
RELEASE, ROWS, WINDOWS, TESTS = 1000, (500, 1000, 5000), 300, 15  # Holm corrects for some 15 tests of a window
FACTORS = {"none": 1.0, "its share doubles": 2.0, "its share halves": 0.5, "it disappears": 0.0}


def main() -> None:
    """Simulate 2 to 30 equal classes and write the table."""
    head = ["classes", "change of one class", "distance", *(f"{rows:,}: test, drift" for rows in ROWS)]
    lines = [line(classes, change) for classes in (3, 10, 30) for change in FACTORS]
    fill(DOCUMENT, "levels", table(head, lines))


def line(classes: int, change: str) -> list[str]:
    """The true distance, and for each size the share of windows with a significant test, and with a drift verdict."""
    before = np.full(classes, 1 / classes)
    after = before.copy()
    after[0] *= FACTORS[change]
    after[1:] *= (1 - after[0]) / after[1:].sum()
    cells = [cell([window(before, after, rows, seed) for seed in range(WINDOWS)]) for rows in ROWS]
    return [str(classes), change, f"{np.abs(after - before).sum() / 2:.2f}", *cells]


def cell(found: list[tuple[bool, bool]]) -> str:
    """The two shares."""
    return ", ".join(f"{100 * share:.0f} %" for share in np.mean(found, axis=0))


def window(before: np.ndarray, after: np.ndarray, rows: int, seed: int) -> tuple[bool, bool]:
    """Whether the test of one window is significant, and whether the change counts as drift."""
    rng, rule = np.random.default_rng([rows, len(before), seed]), Monitor()
    old, new = drawn(before, RELEASE, rng), drawn(after, rows, rng)
    test, lost = chi_square(old, new), sum(gone(old, new).values())
    sure = test.p < rule.alpha / 2 / TESTS
    return sure, sure and (test.effect >= rule.effect or lost >= rule.missing_rise)


def drawn(share: np.ndarray, rows: int, rng: np.random.Generator) -> Levels:
    """Counts of so many rows; a class without a row is absent."""
    counts = {f"c{place}": int(count) for place, count in enumerate(rng.multinomial(rows, share)) if count}
    return Levels(rows=rows, missing=0, levels=counts)


if __name__ == "__main__":
    main()
