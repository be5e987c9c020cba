"""Failures of the gate `parity` under common settings: `python -m lab.simulate_parity`.

Each run trains on its own sample and scores rows that the model has not seen.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

from tests.world.sample import history
from ml.model import model
from ml.model import compiled_parity
from ml.model.compiled import compiled
from ml.io.markdown import table
from ml.settings.params import SAMPLE, read_params
from ml.model.predictor import from_files
from ml.tasks.choose import task_of

SEEDS = 5
ROWS = 1000  # a month, of twelve
CASES = {
    "forest, no depth limit": ("random_forest", {"max_depth": None, "min_samples_leaf": 1}),
    "forest, 500 trees": ("random_forest", {"n_estimators": 500}),
    "forest, 500 trees, no depth limit": (
        "random_forest",
        {"n_estimators": 500, "max_depth": None, "min_samples_leaf": 1},
    ),
    "boosting, 200 iterations": ("hist_gradient_boosting", {"max_iter": 200}),
    "boosting, 300 iterations": ("hist_gradient_boosting", {"max_iter": 300}),
    "logistic regression": ("logistic_regression", {}),
}


def main() -> None:
    params, lines = read_params(SAMPLE), []
    tolerance, task = params.gates.parity.tolerance, task_of(params.data, params.evaluate)
    for name, (kind, chosen) in CASES.items():
        settings = getattr(params.train, kind).model_copy(update=chosen)
        found = []
        for seed in range(SEEDS):
            frame = history(rows=ROWS, seed=seed)
            train = params.train.model_copy(update={"model": kind, kind: settings, "seed": seed})
            fitted = model.fit(frame[::2], params.data, train)
            served = compiled_parity.served(from_files(compiled(fitted)), frame[1::2], params.data)
            found.append(compiled_parity.compare(model.scores(fitted, frame[1::2], params.data), served, task))
        refused = sum(one.largest > tolerance or one.labels_moved > 0 for one in found)
        moved = sum(one.labels_moved for one in found)
        lines.append([name, f"{refused} of {SEEDS}", f"{max(one.largest for one in found):.1e}", f"{moved:,}"])
    print(table(["settings", "refused", "largest difference", "labels changed"], lines))


if __name__ == "__main__":
    main()
