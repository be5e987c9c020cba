"""False and correct alarms of gates and monitoring for several classes and for numbers.

An oracle gives true probabilities, or true means with intervals from errors of other rows, in worlds with rare classes,
heavy tails and noise that grows with the value. Prints the tables of docs/gates.md and docs/monitoring.md:
`python -m lab.calibration.kinds`.
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from lab.calibration.kind_worlds import WORLDS, Draw, Rng, World, blurred, moves, spoilt
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
