"""Refusals of good, weak and useless models by the gates that `make adopt` proposes.

Writes a table into docs/gates.md.
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from lab.marks import fill
from ml.data.split import is_test
from ml.gates import behaviour, calibration, limits, proposed_gates
from ml.io import yaml_edit
from ml.io.markdown import table
from ml.model import interval, model
from ml.settings.params import Params
from ml.tasks.choose import task_of
from tests.world.drawn import TARGETS, drawn

DOCUMENT = Path("docs/gates.md")
TABLES, ROWS = 30, (100, 300, 1000)


def main() -> None:
    """Simulate and write the table between the marks of the document."""
    head = ["target", "rows", "first model refused", "weak model refused", "useless model refused"]
    rows = [[kind, f"{n:,}", *shares(kind, n)] for kind in TARGETS for n in ROWS]
    fill(DOCUMENT, "proposals", table(head, rows))


def shares(kind: str, rows: int) -> list[str]:
    """The share of tables whose first, weak and useless model is refused."""
    found = np.array([outcome(kind, rows, seed) for seed in range(TABLES)])
    return [f"{100 * share:.3g} %" for share in found.mean(axis=0)]


def outcome(kind: str, rows: int, seed: int) -> list[bool]:
    """Whether the proposed gates of a table refuse three models of it."""
    frame, params = drawn(kind, rows, seed)
    found = proposed_gates.for_table(frame, params)
    settings = {"gates.limits": dict(params.data.target.kind.chance)} | found.settings
    params = Params.model_validate(yaml_edit.changed(params.model_dump(by_alias=True), settings))
    test = is_test(frame, params.data, params.prepare)
    rng = np.random.default_rng([seed, 1])
    train = frame[~test]
    weak = train.assign(a=rng.permutation(train["a"]))
    useless = train.assign(y=rng.permutation(train["y"]))
    return [refused(side, frame[test], params) for side in (train, weak, useless)]


def refused(train: pd.DataFrame, test: pd.DataFrame, params: Params) -> bool:
    """Whether the gates on limits, calibration or easy cases refuse a model."""
    task, fitted = task_of(params.data, params.evaluate), model.fit(train, params.data, params.train)
    width = interval.half_width(train, params.data, params.train, params.evaluate.coverage)
    task = task.with_interval(width, params.evaluate.coverage) if task.intervals else task
    label, score = task.truth(test["y"]), model.scores(fitted, test, params.data)
    scored = task.score(label, score)
    served = SimpleNamespace(score=lambda rows: model.scores(fitted, rows, params.data))
    evidence: Any = SimpleNamespace(
        params=params, train=train, test=test, label=label, score=score, task=task, model=served,
        intervals=scored.intervals(200, params.evaluate.confidence),
    )  # fmt: skip
    gates = [
        limits,
        *([calibration] if params.gates.calibration else []),
        *([behaviour] if params.gates.behaviour else []),
    ]
    verdicts = [verdict for gate in gates for verdict in gate.judge(evidence)]
    return any(not v.passed and v.severity == "critical" for v in verdicts)


if __name__ == "__main__":
    sys.exit(main())
