"""A proposal for gates.behaviour: easy cases, which all models of a cross-validation predict with a margin."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ml.gates.behaviour import typical
from ml.io.yaml_edit import REMOVE, rounded
from ml.model import model
from ml.model.crossed import Crossed
from ml.settings.data import Text
from ml.settings.gates import Case
from ml.settings.params import Params
from ml.tasks.choose import task_of

MOST_CLASSES = 5  # classes that get a case
MOST_COLUMNS = 6  # columns of a case
MARGIN = 0.15  # of a score
FEWEST = 10  # rows that a case represents
NEARBY = 8  # rows similar to a case, which every model must also predict correctly:
NEAR = 0.15  # standard deviations up or down in each number,
ALMOST = 0.8  # and other levels that are almost as frequent as the most frequent one


def proposed(found: Crossed, params: Params) -> tuple[dict[str, Any], list[str]]:
    """Settings by path and a sentence; empty if no row is that easy. A case is the median of many rows, never a row."""
    usual = typical(found.frame, params.data)
    able = [case for side, rows in _sides(found, params) for case in _candidates(side, rows, usual, found)]
    if not able:
        return {}, []
    near = _Nearby(found.frame, usual)
    frame = pd.DataFrame([row for case in able for row in near.rows(case)], columns=[*params.data.columns])
    said = [model.scores(fitted, frame, params.data) for fitted in found.models]
    easy: dict[str, Case] = {}
    for place, case in enumerate(able):
        rows = range(place * (NEARBY + 1), (place + 1) * (NEARBY + 1))
        if case.name not in easy and all(_surely(case, one[n : n + 1], found, params) for one in said for n in rows):
            easy[case.name] = case
    if not easy:
        return {}, []
    old = {f"gates.behaviour.{name}": REMOVE for name in ("invariance", "direction")}
    cases = [case.model_dump(exclude_none=True) for case in easy.values()]
    told = f"gates.behaviour: easy cases that any usable model gets right: {', '.join(easy)}"
    return {"gates.behaviour.easy": cases} | old, [told]


def _sides(found: Crossed, params: Params) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """The label of a case, and the rows predicted with the highest confidence: bool of shape (rows,)."""
    task, said = task_of(params.data, params.evaluate), found.output
    if not task.decides:
        middle, (low, high) = float(f"{np.median(found.truth):.4g}"), np.quantile(said, (0.1, 0.9))
        name = params.data.target.name
        yield {"name": f"low {name}", "max": middle}, (said <= low) & (found.truth < middle)
        yield {"name": f"high {name}", "min": middle}, (said >= high) & (found.truth > middle)
        return
    scores = said if said.ndim > 1 else np.column_stack([1 - said, said])
    names = params.data.target.kind.places(params.data.target.classes)
    decided = task.decide(said).astype("int64")
    for place, label in enumerate(names[:MOST_CLASSES]):
        own = (found.truth == place) & (decided == place)
        if own.any():
            yield (
                {"name": f"typical {label}", "label": label},
                own & (scores[:, place] >= np.median(scores[own, place])),
            )


def _candidates(side: dict[str, Any], rows: np.ndarray, usual: dict[str, Any], found: Crossed) -> Iterator[Case]:
    """Cases with one more column each, those that differ most from a typical row first."""
    if rows.sum() < FEWEST:
        return
    own, row = typical(found.frame[rows], found.data), {}
    apart = {
        name: _apart(found.frame[name], found.frame[name][rows], own[name]) for name in usual if pd.notna(own[name])
    }
    texts = [name for name, column in found.data.columns.items() if isinstance(column, Text)]  # never a text of a row
    for name in sorted({*apart} - {*texts}, key=lambda name: -apart[name])[:MOST_COLUMNS]:
        value = own[name]
        row |= {name: rounded(value, 4) if isinstance(value, float) else value}
        yield Case(row=dict(row), **side)


def _surely(case: Case, output: np.ndarray, found: Crossed, params: Params) -> bool:
    """Whether a model predicts a case correctly with a margin, given its output."""
    task = task_of(params.data, params.evaluate)
    return task.surely(output, case, MARGIN * task.scale(found.truth))


class _Nearby:
    """Rows similar to a case, because the typical values of later rows, which complete it, differ slightly."""

    def __init__(self, frame: pd.DataFrame, usual: dict[str, Any]) -> None:
        self._usual, self._random = usual, np.random.default_rng(0)
        numbers = [name for name, value in usual.items() if isinstance(value, float) and pd.notna(value)]
        self._ends = {n: (frame[n].min(), frame[n].max(), NEAR * float(frame[n].std())) for n in numbers}
        counts = {name: frame[name].value_counts() for name in usual if name not in numbers}
        self._modes = {n: [*c.index[c >= ALMOST * c.iloc[0]]] for n, c in counts.items() if len(c)}

    def rows(self, case: Case) -> list[dict[str, Any]]:
        """The case completed with typical values, and NEARBY rows with other numbers and other frequent levels."""
        row = self._usual | case.row
        return [row, *(row | self._moved(row) | self._other(case.row) for _ in range(NEARBY))]

    def _moved(self, row: dict[str, Any]) -> dict[str, float]:
        signs = self._random.choice([-1, 1], len(self._ends))
        moved = zip(signs, self._ends.items(), strict=True)
        return {n: float(np.clip(row[n] + sign * step, low, high)) for sign, (n, (low, high, step)) in moved}

    def _other(self, named: dict[str, Any]) -> dict[str, Any]:
        return {n: levels[self._random.integers(len(levels))] for n, levels in self._modes.items() if n not in named}


def _apart(column: pd.Series, own: pd.Series, value: Any) -> float:
    """The difference between these rows and all rows in one column."""
    if pd.api.types.is_numeric_dtype(column):
        return abs(float(value) - float(column.median())) / (float(column.std()) or 1.0)
    return float((own == value).mean() - (column == value).mean())
