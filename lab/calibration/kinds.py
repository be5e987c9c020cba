"""False and correct alarms of gates and monitoring for several classes and for numbers.

An oracle gives true probabilities, or true means with intervals from errors of other rows, in worlds with rare classes,
heavy tails and noise that grows with the value. Prints the tables of docs/gates.md and docs/monitoring.md:
`python -m lab.calibration.kinds`.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml.gates import calibration, fairness
from ml.gates.evidence import Evidence
from ml.gates.verdict import refused
from ml.io.markdown import table
from ml.model import reference
from ml.monitoring.drift import FLAGS, judge
from ml.settings.gates import Champion
from ml.settings.monitor import Monitor
from ml.settings.params import Params
from ml.tasks.choose import task_of
from ml.tasks.duel import compare

SIZES = {200: 300, 1000: 200, 5000: 60, 50_000: 10}  # rows: samples
REPLICATES, LEVEL = 200, 0.9
Draw = tuple[np.ndarray, np.ndarray]  # truth and the oracle's output
Rng = np.random.Generator


class World(NamedTuple):
    """The generator of true values and of the oracle's output, and the number of classes; 0 is a number."""

    name: str
    draw: Callable[[int, Rng], Draw]
    classes: int


def chosen(odds: np.ndarray, rng: Rng) -> Draw:
    """Classes drawn with the probabilities of the log odds."""
    p = np.exp(odds - odds.max(axis=1, keepdims=True))
    return (odds + rng.gumbel(size=odds.shape)).argmax(axis=1), p / p.sum(axis=1, keepdims=True)


def three(rows: int, rng: Rng) -> Draw:
    """Three classes of about the same share."""
    return chosen(rng.normal(0, 1.5, (rows, 3)), rng)


def rare(rows: int, rng: Rng) -> Draw:
    """Three classes, one with about 2 % of the rows."""
    return chosen(rng.normal(0, 1.5, (rows, 3)) - [0, 0, 5], rng)


def heavy(rows: int, rng: Rng) -> Draw:
    """Ten classes whose log odds have heavy tails: many rows are nearly certain."""
    return chosen(1.5 * rng.standard_t(2, (rows, 10)), rng)


def normal(rows: int, rng: Rng) -> Draw:
    """A number with normal noise of half the deviation of its mean."""
    mean = rng.normal(0, 2, rows)
    return mean + rng.normal(size=rows), mean


def tails(rows: int, rng: Rng) -> Draw:
    """A number with errors whose variance is infinite (t of 2 degrees of freedom)."""
    mean = rng.normal(0, 2, rows)
    return mean + rng.standard_t(2, rows), mean


def growing(rows: int, rng: Rng) -> Draw:
    """A skewed number whose noise grows with its value, like prices."""
    mean = rng.lognormal(0, 1, rows)
    return mean * rng.lognormal(-0.08, 0.4, rows), mean


WORLDS = (
    World("three classes", three, 3),
    World("three classes, one of 2 %", rare, 3),
    World("ten classes, heavy tails", heavy, 10),
    World("number, normal noise", normal, 0),
    World("number, infinite variance", tails, 0),
    World("number, noise grows with the value", growing, 0),
)


def settings(classes: int) -> Params:
    """The default gates, with fairness limits near 0, so that only the intervals prevent a refusal."""
    target = {"task": "multiclass", "classes": [f"c{k}" for k in range(classes)]} if classes else {"task": "regression"}
    data = {"file": "t.csv", "id": "id", "target": {"name": "y", **target}, "columns": {"x": {"type": "number"}}}
    data["columns"] |= {"group": {"type": "category", "values": ["a", "b", "c"]}}
    metric = "accuracy" if classes else "mae"
    limits = dict.fromkeys(("demographic_parity", "equalised_odds", "error", "bias"), 1e-9)
    gates = {"champion": {"metric": metric}, "slices": None, "fairness": {"columns": ["group"], **limits}}
    other = {"tune": {"metric": metric}, "monitor": {"metric": metric}}
    return Params.model_validate({"project": "p", "data": data, "gates": gates, **other})


def evidence(params: Params, drawn: Draw, half: float, rng: Rng) -> Evidence:
    """The evidence for the gates, with random groups."""
    test = pd.DataFrame({"group": rng.choice(["a", "b", "c"], len(drawn[0]))})
    nothing: Any = None
    return Evidence(params, {}, test, test, *drawn, {}, nothing, nothing, half_width=half)


def blurred(output: np.ndarray, rng: Rng) -> np.ndarray:
    """The oracle with additional noise."""
    if output.ndim == 1:
        return output + rng.normal(0, 0.3 * output.std(), len(output))
    odds = np.log(output.clip(1e-9)) + rng.normal(0, 0.7, output.shape)
    p = np.exp(odds - odds.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def spoilt(output: np.ndarray) -> np.ndarray:
    """The overconfident oracle: log odds times 1.6, or distances of values from their mean times 1.3."""
    if output.ndim == 1:
        return output.mean() + 1.3 * (output - output.mean())
    p = output.clip(1e-9) ** 1.6
    return p / p.sum(axis=1, keepdims=True)


def gates(world: World, rows: int, samples: int) -> list[str]:
    """A line of the table of calibration and fairness."""
    params, rng, found = settings(world.classes), np.random.default_rng([rows, world.classes]), []
    half = width(world, rng)
    for _ in range(samples):
        truth, output = world.draw(rows, rng)
        judged = [
            bool(refused(calibration.judge(evidence(params, (truth, said), said_half, rng))))
            for said, said_half in ((output, half), (spoilt(output), half), (output, half * 0.6))
        ]
        unfair = bool(refused(fairness.judge(evidence(params, (truth, output), half, rng))))
        found.append([judged[0], unfair, *judged[1:]])
    cells = shares(found)
    return [world.name, f"{rows:,}", *cells[:-1], "" if world.classes else cells[-1]]


def champions(world: World, rows: int, samples: int) -> list[str]:
    """A line of the table of the champion gate: an equal challenger, and one with more noise."""
    params, rng, found = settings(world.classes), np.random.default_rng([rows, world.classes, 2]), []
    task, rule = task_of(params.data, params.evaluate), Champion(metric=params.monitor.metric, bootstrap=REPLICATES)
    for _ in range(samples):
        truth, output = world.draw(rows, rng)
        old, new, bad = (
            task.score(truth, said)
            for said in (blurred(output, rng), blurred(output, rng), blurred(blurred(output, rng), rng))
        )
        found.append([compare(old, other, rule).outcome == "worse" for other in (new, bad)])
    return [world.name, f"{rows:,}", *shares(found)]


def shares(found: list[list[bool]]) -> list[str]:
    """The share of each column as a percentage."""
    return [f"{share:.1%}".replace("%", " %") for share in np.mean(found, axis=0)]


def width(world: World, rng: Rng) -> float:
    """The half width that covers LEVEL of other rows."""
    if world.classes:
        return float("nan")
    truth, output = world.draw(5000, rng)
    return float(np.quantile(np.abs(truth - output), LEVEL))


def live(world: World, rows: int, samples: int) -> list[str]:
    """A line of the second table: windows against a release that was tested on 1,000 rows."""
    params, rng = settings(world.classes), np.random.default_rng([rows, world.classes, 1])
    half, found = width(world, rng), []
    monitor = params.monitor.model_copy(update={"min_rows": 1})
    for _ in range(samples):
        truth, output = world.draw(1000, rng)
        task = task_of(params.data, params.evaluate)
        task = task.with_interval(half, LEVEL) if task.intervals else task
        metrics = task.score(truth, output).intervals(REPLICATES, 0.95) | task.watched(truth, output, 0.95)
        frame = pd.DataFrame({"x": rng.normal(size=5000), "group": "a"})
        release = reference.build(frame, output, metrics, params)
        promise = task.promise(truth)
        release = release.model_copy(update={"interval": promise and reference.Promise(**promise)})
        truth, output = world.draw(rows, rng)
        found.append([flagged(release, window(params, d, rng), monitor) for d in moves(truth, output)])
    return [world.name, f"{rows:,}", *shares(found)]


def moves(truth: np.ndarray, output: np.ndarray) -> list[Draw]:
    """The changes: none; half of the predictions and labels changed, or errors 1.7 times as large.

    Wrong labels, or a bias.
    """
    if output.ndim == 1:
        gap = truth - output
        return [(truth, output), (output + 1.7 * gap, output), (truth + 0.4 * truth.std(), output)]
    turned, fifth = np.roll(output, 1, axis=1), np.arange(len(truth)) % 5 == 0
    most = output[:, 0] >= np.median(output[:, 0])
    shifted = np.where(most[:, None], turned, output), np.where(most, (truth + 1) % output.shape[1], truth)
    return [(truth, output), (shifted[1], shifted[0]), (np.where(fifth, (truth + 1) % output.shape[1], truth), output)]


def window(params: Params, drawn: Draw, rng: Rng) -> pd.DataFrame:
    """The rows as monitoring collects them."""
    truth, output = drawn
    frame = pd.DataFrame({"features.x": rng.normal(size=len(truth)), "features.group": "a"})
    if output.ndim == 1:
        return frame.assign(score=output, label=truth)
    said = output.argmax(axis=1)
    names = np.array(params.data.target.classes, dtype=object)[said]
    return frame.assign(score=output.max(axis=1), label=1.0 * (said == truth), decided=names)


def flagged(release: reference.Reference, rows: pd.DataFrame, monitor: Monitor) -> bool:
    """Whether the window is called drift or degraded."""
    return judge(release, rows, monitor).verdict in FLAGS


def main(part: str, share: float) -> None:
    """Print the tables, or one of them."""
    sizes = {rows: max(10, round(samples * share)) for rows, samples in SIZES.items()}
    if part in {"", "gates"}:
        heads = ["target", "rows", "calibration: true", "fairness: equal groups", "calibration: overconfident"]
        heads += ["calibration: intervals of 0.6 times the width"]
        print(table(heads, [gates(world, *size) for world in WORLDS for size in sizes.items()]), flush=True)
    if part in {"", "champion"}:
        heads = ["target", "rows", "champion: an equal model is worse", "champion: one with more noise is worse"]
        print(table(heads, [champions(world, *size) for world in WORLDS for size in sizes.items()]), flush=True)
    if part in {"", "live"}:
        heads = [
            "target",
            "labelled rows",
            "no change",
            "classes exchanged, or errors × 1.7",
            "one label in five wrong, or bias",
        ]
        cells = [size for size in sizes.items() if size[0] <= 5000]
        print(table(heads, [live(world, *size) for world in WORLDS for size in cells]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="", choices=["", "gates", "champion", "live"])
    parser.add_argument("--share", type=float, default=1.0, help="of the samples (default: all)")
    main(**vars(parser.parse_args()))
