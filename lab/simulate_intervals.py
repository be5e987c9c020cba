"""Coverage of intervals that are computed on a sample of many rows: `python -m lab.simulate_intervals`.

Takes five minutes. Each run draws test rows with known metrics, and computes their intervals in two ways.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

import argparse

import numpy as np
from scipy.special import expit

from ml.io.markdown import table
from ml.tasks import resampling
from ml.tasks.score_rows import intervals, measure, rank
from ml.settings.evaluate import Evaluate

ROWS, SAMPLE = 20_000, 2_000  # one row in ten, as 100,000 of a million
TRUTH = 4_000_000  # rows whose metrics count as true values
REPLICATES = 300


def world(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, one in five positive, and slightly overconfident scores."""
    label = (rng.random(rows) < 0.2).astype("int8")
    evidence = rng.normal(1.5 * label - 0.75)
    return label, expit(1.2 * (1.5 * evidence - np.log(4)))


def main() -> None:
    """Print the coverage of intervals by metric, and the relative width of those from a sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="worlds (default: %(default)s)")
    runs = parser.parse_args().runs
    truth = measure(rank(*world(np.random.default_rng(0), TRUTH), 0.5))
    held = {most: dict.fromkeys(truth, 0) for most in (ROWS, SAMPLE)}
    width = {most: dict.fromkeys(truth, 0.0) for most in held}
    for run in range(1, runs + 1):
        rows = rank(*world(np.random.default_rng(run), ROWS), 0.5)
        for most, hits in held.items():
            resampling.MOST = most
            found = intervals(rows, Evaluate(bootstrap=REPLICATES), seed=run)
            for name, one in found.items():
                hits[name] += one["low"] <= truth[name] <= one["high"]
                width[most][name] += one["high"] - one["low"]
    lines = [
        [name, f"{held[ROWS][name] / runs:.3f}", f"{held[SAMPLE][name] / runs:.3f}", f"{wide:.3f}"]
        for name in truth
        for wide in [width[SAMPLE][name] / width[ROWS][name]]
    ]
    print(table(["metric", "all rows", "a sample", "its width beside the other"], lines))


if __name__ == "__main__":
    main()
