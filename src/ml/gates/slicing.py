"""Slices of the test rows: defined, measured, compared with the champion, and corrected for their number."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from ml.data.design import PLAIN, Design
from ml.data.schema import levels
from ml.settings.gates import Slices
from ml.settings.metric_names import HIGHER_IS_BETTER
from ml.settings.params import Params
from ml.settings.section import given
from ml.tasks.choose import task_of
from ml.tasks.duel import margin_of
from ml.tasks.resampling import advantages, replicated
from ml.tasks.task import Task

REPLICATES = 200  # enough for a standard error: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 6
MISSING = "missing"


@dataclass(frozen=True)
class Rival:
    """The champion's scores of all rows, the task that decides as it does, and the rows it cannot have trained on."""

    version: str
    score: np.ndarray
    task: Task
    rows: np.ndarray
    doubt: str = ""


@dataclass(frozen=True)
class Slice:
    """A part of the rows: its metric, its advantage over the champion (negative when behind), and their significance.

    `p_behind` and `p_under` are the probabilities that chance alone puts the slice so far behind the champion or under
    the minimum, after Holm's correction for all slices; 1 if that is not judged.
    """

    column: str
    level: str
    rows: int
    rarest: str  # the number of rows of the rarest class
    value: float = float("nan")
    error: float = float("nan")  # standard error of the value
    gain: float = float("nan")
    gain_error: float = float("nan")
    margin: float = 0.0  # allowed distance behind, in units of the metric
    p_behind: float = 1.0
    p_under: float = 1.0

    @property
    def name(self) -> str:
        """E.g. `plan=basic`."""
        return f"{self.column}={self.level}"

    @property
    def judged(self) -> bool:
        """False if it was too small to measure."""
        return not np.isnan(self.value)


def measured(  # noqa: PLR0913, PLR0917  (rows, two models, how rows count)
    frame: pd.DataFrame,
    label: np.ndarray,
    score: np.ndarray,
    params: Params,
    rival: Rival | None = None,
    design: Design = PLAIN,
) -> list[Slice]:
    """Every slice of every column of `frame`, with the champion on the same rows if there is one."""
    rule, task, found = given(params.gates.slices), task_of(params.data), []
    for column in frame:
        for level, rows in sliced(frame[column], rule.bins):
            part = Slice(str(column), level, int(rows.sum()), task.rarest(label[rows]))
            if _large(label[rows], rule, task):
                part = _measured(part, label[rows], score[rows], params, design.at(rows))
                both = rows & rival.rows if rival else rows
                if rival and _large(label[both], rule, task):
                    scores = (rival.score[both], score[both])
                    part = _compared(part, label[both], scores, rival.task, params, design.at(both))
            found.append(part)
    sign = 1 if HIGHER_IS_BETTER[rule.metric] else -1
    behind = holm([_below(s.gain, s.gain_error) for s in found])
    under = holm([_below(sign * (s.value - rule.min), s.error) if rule.min is not None else np.nan for s in found])
    return [replace(s, p_behind=b, p_under=u) for s, b, u in zip(found, behind, under, strict=True)]


def holm(p: list[float]) -> list[float]:
    """Each p value corrected for the number of tests; values that are not a number do not count and become 1.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.
    """
    values, asked = np.ones(len(p)), np.flatnonzero(~np.isnan(p))
    order = asked[np.argsort(np.array(p)[asked], kind="stable")]
    raised = np.array(p)[order] * np.arange(len(order), 0, -1)
    values[order] = np.minimum(np.maximum.accumulate(raised), 1) if len(order) else raised
    return values.tolist()


def sliced(column: pd.Series, bins: int) -> list[tuple[str, np.ndarray]]:
    """Each level of a column, or bins with similar numbers of rows, and `missing`, with a mask of shape (rows,)."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > bins:
        column = _binned(column, bins)
    text = levels(column)
    known, gone = sorted(text.dropna().unique()), text.isna().to_numpy()
    missing = MISSING if MISSING not in known else f"({MISSING})"  # a level may have this name
    found = [(level, (text == level).fillna(value=False).to_numpy(dtype=bool)) for level in known]
    return found + ([(missing, gone)] if gone.any() else [])


def _binned(column: pd.Series, bins: int) -> pd.Series:
    """The bin of each value, such as `(9.59, 20.15]`; the first begins with the lowest value itself."""
    cut = pd.qcut(column, bins, duplicates="drop", precision=2)
    first, *others = cut.cat.categories
    names = [f"[{column.min():.4g}, {first.right:.10g}]"] + [f"({b.left:.10g}, {b.right:.10g}]" for b in others]
    return cut.cat.rename_categories(names).astype(object)


def _large(label: np.ndarray, rule: Slices, task: Task) -> bool:
    return len(label) >= rule.min_rows and task.enough(label, rule.min_class)


def _measured(part: Slice, label: np.ndarray, score: np.ndarray, params: Params, design: Design) -> Slice:
    scored = task_of(params.data, params.evaluate).score(label, score, design)
    metric, (few, replicates) = given(params.gates.slices).metric, replicated(scored, REPLICATES)
    draws = [few.measure(weight[few.order])[metric] for weight in replicates]
    return replace(part, value=float(scored.measure()[metric]), error=float(np.nanstd(draws)))


def _compared(  # noqa: PLR0913, PLR0917
    part: Slice,
    label: np.ndarray,
    scores: tuple[np.ndarray, np.ndarray],
    theirs: Task,
    params: Params,
    design: Design,
) -> Slice:
    """The slice with its advantage over the champion: both models are measured on each resample of the same rows."""
    metric, tasks = given(params.gates.slices).metric, (theirs, task_of(params.data, params.evaluate))
    old, new = (task.score(label, score, design) for score, task in zip(scores, tasks, strict=True))
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    gain, draws = advantages(old, new, metric, REPLICATES)
    margin = margin_of(metric, given(params.gates.slices).margin, old.measure()[metric])
    return replace(part, gain=float(sign * gain), gain_error=float(np.nanstd(draws)), margin=margin)


def _below(value: float, error: float) -> float:
    """The probability that a normal variable of mean 0 is so far below 0."""
    if np.isnan(value):
        return np.nan
    return float(norm.cdf(value / error)) if error > 0 else float(value >= 0)
