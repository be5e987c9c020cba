"""The rates at which a rule flags windows without and with a change."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.calibration.pools import Pool
from lab.calibration.shifts import SHIFTS
from ml.monitoring.drift import judge, margin
from ml.prediction_log.records import in_table
from ml.settings.monitor import Monitor

FLAGGED = {"drift", "degraded"}


@dataclass(frozen=True)
class Cell:
    """Training rows, rows of the window, and the number of windows."""

    trained: int
    window: int
    runs: int
    seed: int = 0


def settings(pool: Pool) -> Monitor:
    """The rule without its minimum of rows, to test it in windows that monitoring would not judge."""
    return pool.params.monitor.model_copy(update={"min_rows": 1})


def logged(window: pd.DataFrame, pool: Pool) -> pd.DataFrame:
    """The window with its features named as the table of the prediction log names them."""
    return window.rename(columns={name: in_table(name) for name in pool.params.data.columns})


def quiet(pool: Pool, cell: Cell) -> tuple[float, float]:
    """The share of quiet windows called drift or degraded: with labels, and by inputs and predictions only."""
    rng, rule = np.random.default_rng([cell.seed, cell.trained, cell.window]), settings(pool)
    flagged = moved = 0
    for _ in range(cell.runs):
        release, _ = pool.release(cell.trained, rng)
        found = judge(release, logged(pool.draw(cell.window, rng), pool), rule, margin(pool.params))
        flagged += found.verdict in FLAGGED
        moved += any(c.drifted for c in (*found.columns, found.prediction))
    return flagged / cell.runs, moved / cell.runs


def power(pool: Pool, cell: Cell) -> dict[str, float]:
    """The share of windows flagged after each shift; scores stay unchanged, so predictions do not reveal the shift."""
    rng, rule = np.random.default_rng([cell.seed, cell.trained, cell.window, 1]), settings(pool)
    found = dict.fromkeys(SHIFTS, 0)
    for _ in range(cell.runs):
        release, _ = pool.release(cell.trained, rng)
        window = pool.draw(cell.window, rng)
        for name, shift in SHIFTS.items():
            moved = shift(window, pool, rng)
            shown = moved if name.startswith("labels") else moved.drop(columns="label")
            found[name] += judge(release, logged(shown, pool), rule, margin(pool.params)).verdict in FLAGGED
    return {name: count / cell.runs for name, count in found.items()}


def evidently(pool: Pool, cell: Cell, name: str = "") -> tuple[float, float]:
    """Evidently's defaults on the same windows, with the shift `name`: any column flagged, and its dataset flag."""
    rng = np.random.default_rng([cell.seed, cell.trained, cell.window, 2])
    found = [_flags(pool, cell, rng, name) for _ in range(cell.runs)]
    anything, dataset = np.mean(found, axis=0)
    return float(anything), float(dataset)


def _flags(pool: Pool, cell: Cell, rng: np.random.Generator, name: str) -> tuple[bool, bool]:
    trained, window = pool.draw(cell.trained, rng), pool.draw(cell.window, rng)
    window = SHIFTS[name](window, pool, rng) if name else window
    columns = [*pool.params.data.columns]
    return evidently_flags(trained[columns], window[columns])


def evidently_flags(trained: pd.DataFrame, window: pd.DataFrame) -> tuple[bool, bool]:
    """Whether Evidently's drift preset flags any column, and whether it flags the table."""
    from evidently import Report  # noqa: PLC0415 - eight seconds
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        metrics = Report([DataDriftPreset()]).run(window, trained).dict()["metrics"]
    count = next(m for m in metrics if m["metric_name"].startswith("DriftedColumnsCount"))["value"]
    return bool(count["count"] > 0), bool(count["share"] >= 0.5)  # its default drift_share
