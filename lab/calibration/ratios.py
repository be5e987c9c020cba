"""False and correct alarms of the test for sample ratio mismatch in compare-live.

`python -m lab.calibration.ratios` prints both tables in a minute.
"""

import numpy as np
import pandas as pd

from ml.io.markdown import table
from ml.io.text import counted
from ml.monitoring.ratio import mismatched, ratios

SHARES = (0.01, 0.05, 0.1, 0.5)
SIZES = ((200, 1), (2000, 1), (2000, 50), (20_000, 1), (20_000, 50))  # ids, rows a request
RUNS = 400
LOST = (0.05, 0.1, 0.2)  # share of the canary's failures, which the champion then answers
CELLS = ((2000, 0.1), (2000, 0.5), (20_000, 0.1), (20_000, 0.5))  # ids, share


def log(rng: np.random.Generator, ids: int, rows: int, share: float, lost: float = 0.0) -> tuple[pd.DataFrame, ...]:
    """The predictions of champion and canary from the canary's first to its last.

    The champion has the canary's failures.
    """
    canary = rng.random(ids) < share
    canary &= rng.random(ids) >= lost
    request = np.arange(ids) // rows
    frame = pd.DataFrame({"id": np.arange(ids), "request_id": request, "canary_share": share})
    mine = np.flatnonzero(canary)
    if not len(mine):
        return frame[~canary], frame[canary]
    first, last = request[mine[[0, -1]]]
    during = (request >= first) & (request <= last)
    return frame[~canary & during], frame[canary]


def refused(ids: int, rows: int, share: float, lost: float = 0.0, runs: int = RUNS) -> float:
    """The share of canaries without a verdict."""
    rng = np.random.default_rng([ids, rows, int(share * 1000)])
    pairs = (log(rng, ids, rows, share, lost) for _ in range(runs))
    return float(np.mean([len(c) > 0 and mismatched(ratios(a, c)) is not None for a, c in pairs]))


def main() -> None:
    """Print the shares of canaries without and with a fault that get no verdict."""
    told = [[f"{counted(n, 'id')}, {r} a request", *(f"{refused(n, r, s):.1%}" for s in SHARES)] for n, r in SIZES]
    print(table(["in order", *(f"share {s:g}" for s in SHARES)], told), end="\n\n")
    told = [
        [f"{lost:.0%} of its answers fail", *(f"{refused(n, 1, s, lost, 100):.0%}" for n, s in CELLS)] for lost in LOST
    ]
    print(table(["the canary", *(f"{counted(n, 'id')}, share {s:g}" for n, s in CELLS)], told))


if __name__ == "__main__":
    main()
