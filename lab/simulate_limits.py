"""False alarms on the next table of the limits that `make adopt` derives; writes a table into docs/your-data.md."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lab.marks import fill
from ml.adoption.proposed_limits import limits
from ml.io.markdown import table
from ml.settings.data import Usual

DOCUMENT = Path("docs/your-data.md")
COLUMNS, NEXT, ROWS = 200, 10_000, (200, 1000, 10_000)
Draw = Callable[[np.random.Generator, int], np.ndarray]
WORLDS: dict[str, Draw] = {
    "lognormal, sigma 1": lambda rng, n: rng.lognormal(3, 1, n),
    "lognormal, sigma 2": lambda rng, n: rng.lognormal(0, 2, n),
    "Pareto, index 1.5": lambda rng, n: 1 + rng.pareto(1.5, n),
    "exponential, mean 0.1": lambda rng, n: rng.exponential(0.1, n),
    "gamma, shape 2": lambda rng, n: rng.gamma(2, 10, n),
    "normal, mean 3, deviation 1": lambda rng, n: rng.normal(3, 1, n),
    "normal, mean 0.5, deviation 0.15": lambda rng, n: rng.normal(0.5, 0.15, n),
    "uniform from 0 to 1": lambda rng, n: rng.random(n),
    "beta(2, 5)": lambda rng, n: rng.beta(2, 5, n),
    "Poisson, mean 3": lambda rng, n: rng.poisson(3, n),
    "Poisson, mean 0.05": lambda rng, n: rng.poisson(0.05, n),
    "negative binomial, mean 4.5": lambda rng, n: rng.negative_binomial(0.5, 0.1, n),
    "20 plus Student's t, 3 degrees": lambda rng, n: 20 + rng.standard_t(3, n),
}


def main() -> None:
    """Simulate every world and write the table between the marks of the document."""
    rows = [[name, *(cell for n in ROWS for cell in rates(draw, n))] for name, draw in WORLDS.items()]
    head = ["column", *(f"{n:,}: {word}" for n in ROWS for word in ("before", "stops", "warns"))]
    fill(DOCUMENT, "limits", table(head, rows))


def rates(draw: Draw, rows: int) -> list[str]:
    """Share of columns refused by the former hard range, refused by the limits, and with a warning."""
    found = np.array([outcome(draw, rows, seed) for seed in range(COLUMNS)])
    return [f"{100 * share:.3g} %" for share in found.mean(axis=0)]


def outcome(draw: Draw, rows: int, seed: int) -> tuple[bool, bool, bool]:
    """The verdicts of one column's limits on the next rows."""
    rng = np.random.default_rng([rows, seed])
    first, later = draw(rng, rows), draw(rng, NEXT)
    found = limits(pd.Series(first))
    usual = found.get("usual", {})
    return (
        outside(later, former(first)).any(),
        outside(later, found).any(),
        outside(later, usual).mean() > Usual().share,
    )


def outside(values: np.ndarray, limit: dict) -> np.ndarray:
    """A mask of the values that break a limit."""
    return (values < limit.get("min", -np.inf)) | (values > limit.get("max", np.inf))


def former(values: np.ndarray) -> dict[str, float]:
    """The observed range widened to a round number: the hard limit of the first releases."""
    low, high = values.min(), max(values.max(), 0)
    return {"min": -_round_up(-low) if low < 0 else 0.0, "max": _round_up(high)}


def _round_up(value: float) -> float:
    if value <= 1:
        return float(value > 0)
    power = 10.0 ** np.floor(np.log10(value))
    return next(step * power for step in (1, 2, 5, 10, 20) if step * power >= value * 1.2)


if __name__ == "__main__":
    sys.exit(main())
