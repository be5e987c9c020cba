"""Coverage of intervals, and false differences of equal models, for rows that belong to entities.

Each entity has its own risk, and rows of one entity share the part that the model does not know. Prints the table of
docs/gates.md: `python -m lab.calibration.clusters`.
"""

import argparse
from typing import NamedTuple

import numpy as np

from ml.data.design import PLAIN, Design
from ml.io.markdown import table
from ml.tasks.resampling import advantage, weights
from ml.tasks.score_rows import rank

METRIC, REPLICATES, CONFIDENCE = "roc_auc", 200, 0.95
SHARED = 1.5  # standard deviation, in log odds, of the entity effect that the model does not know
NOISE = 0.7  # of each of two equally good models, the same for all rows of an entity
TRUTH_ROWS = 400_000
SIZES = ((200, 1), (200, 5), (200, 20), (50, 20), (1000, 5))  # entities, rows of each
HEADS = ("the interval contains the true value", "equal models differ")


class World(NamedTuple):
    """Test rows: the label, the scores of two equally good models, and each row's entity; shape (rows,)."""

    label: np.ndarray
    scores: tuple[np.ndarray, np.ndarray]
    entity: np.ndarray


def world(entities: int, each: int, rng: np.random.Generator) -> World:
    """So many entities of so many rows each."""
    entity = np.repeat(np.arange(entities), each)
    known = rng.normal(0, 1, entities)[entity] + rng.normal(0, 0.5, len(entity))
    odds = known + rng.normal(0, SHARED, entities)[entity] - 1
    label = (rng.random(len(entity)) < 1 / (1 + np.exp(-odds))).astype("int8")
    scores = [known + rng.normal(0, NOISE, entities)[entity] for _ in range(2)]
    first, second = (1 / (1 + np.exp(-score)) for score in scores)
    return World(label, (first, second), entity)


def held(found: World, truth: float, design: Design) -> tuple[bool, bool]:
    """Whether the interval of the metric covers the true value, and whether the equal models differ significantly."""
    old, new = (rank(found.label, score, 0.5, design) for score in found.scores)
    values, gains = [], []
    for weight in weights(len(found.label), REPLICATES, design=design):
        values.append(old.measure(weight[old.order])[METRIC])
        gains.append(advantage(old, new, METRIC, weight))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    least, most = np.quantile(gains, [tail, 1 - tail])
    return bool(low <= truth <= high), bool(least > 0 or most < 0)


def line(entities: int, each: int, worlds: int) -> list[str]:
    """A line of the table."""
    rng = np.random.default_rng(entities * 1000 + each)
    large = world(TRUTH_ROWS // each, each, rng)
    truth = rank(large.label, large.scores[0], 0.5).measure()[METRIC]
    found = []
    for _ in range(worlds):
        one = world(entities, each, rng)
        found.append([*held(one, truth, PLAIN), *held(one, truth, Design(entity=one.entity))])
    covered, unequal, right, sure = (f"{share:.1%}".replace("%", " %") for share in np.mean(found, axis=0))
    return [f"{entities:,}", f"{each}", covered, right, unequal, sure]


def main(worlds: int) -> None:
    """Print the table."""
    heads = ["entities", "rows of each", *(f"{what}, by {unit}" for what in HEADS for unit in ("rows", "entities"))]
    print(table(heads, [line(*size, worlds) for size in SIZES]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=400)
    main(parser.parse_args().worlds)
