"""Benefit and cost of indicator columns for missing numbers: `python -m lab.simulate_missing`.

Takes three minutes. Each run trains on half of a sample and is evaluated on the other half, with and without such
columns.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.world.sample import history
from ml.tasks import two_words
from ml.io.markdown import table
from ml.model import model
from ml.model.compiled import compiled
from ml.model.predictor import from_files
from ml.settings.params import SAMPLE, Params, read_params
from ml.tasks.choose import task_of

SEEDS = 5
ROWS = 1000  # a month, of twelve
COLUMN = "satisfaction"
WORLDS = {
    "as they are in the sample": None,
    "of 20 %, by chance": (0.2, 0.2),
    "of 15 % who stay, 30 % who leave": (0.15, 0.3),
}
CALLS = 300


def world(seed: int, gaps: tuple[float, float] | None, params: Params) -> pd.DataFrame:
    """A year of customers; missing values of one column may be related to churn."""
    frame = history(rows=ROWS, seed=seed)
    if gaps is None:
        return frame
    rng, left = np.random.default_rng(seed), two_words.labels(frame, params.data) == 1
    whole = frame[COLUMN].fillna(frame[COLUMN].median())
    return frame.assign(**{COLUMN: whole.mask(rng.random(len(frame)) < np.where(left, gaps[1], gaps[0]))})


def without(params: Params) -> Params:
    """The same without numbers that may be missing, so that there are no indicator columns."""
    columns = {
        name: c.model_copy(update={"missing": 0.0}) if c.type == "number" else c
        for name, c in params.data.columns.items()
    }
    return params.model_copy(update={"data": params.data.model_copy(update={"columns": columns})})


def measured(frame: pd.DataFrame, params: Params, kind: str, seed: int) -> tuple[float, float, float]:
    """ROC AUC on the other half, MB of the compiled form, and microseconds for one row."""
    train = params.train.model_copy(update={"model": kind, "seed": seed})
    fitted = model.fit(frame[::2], params.data, train)
    rest = frame[1::2]
    auc = roc_auc_score(
        task_of(params.data).truth(rest[params.data.target.name]), model.scores(fitted, rest, params.data)
    )
    files = compiled(fitted)
    predictor, row = from_files(files), rest.iloc[0][[*params.data.columns]].to_dict()
    times = []
    for _ in range(CALLS):
        start = perf_counter()
        predictor.scores([row])
        times.append(perf_counter() - start)
    return float(auc), sum(map(len, files.values())) / 1e6, float(np.median(times)) * 1e6


def main() -> None:
    """Print a line for each world and model."""
    params, lines = read_params(SAMPLE), []
    for name, gaps in WORLDS.items():
        for kind in ("random_forest", "hist_gradient_boosting", "logistic_regression"):
            both = []
            for seed in range(SEEDS):
                frame = world(seed, gaps, params)
                both.append([measured(frame, settings, kind, seed) for settings in (without(params), params)])
            (auc, size, time), (auc_, size_, time_) = np.mean(both, axis=0)
            gain = np.diff(np.array(both)[:, :, 0], axis=1)
            lines.append(
                [name, kind, f"{auc:.4f}", f"{auc_:.4f}", f"{gain.min():+.4f} to {gain.max():+.4f}"]
                + [f"{size:.2f}, {size_:.2f}", f"{time:.0f}, {time_:.0f}"]
            )
    header = ["gaps", "model", "ROC AUC before", "now", "change, of 5", "MB before, now", "µs a row before, now"]
    print(table(header, lines))


if __name__ == "__main__":
    main()
