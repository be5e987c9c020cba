"""Drift: the comparison of a window of predictions with the rows that its model was released on, and the verdict.

A column has drifted when its test, corrected for all tests of the window (Holm), is significant **and** the effect is
large enough to matter: tests alone flag small changes in large windows, and distances alone flag noise in small ones.
Inputs and predictions get half of `alpha`, performance the other half, so the false alarm rate of both together is at
most `alpha`.
"""

from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from ml.io.text import counted
from ml.model.reference import Reference
from ml.monitoring import performance
from ml.monitoring.collect import Collected
from ml.monitoring.dependence import Way, groups
from ml.monitoring.drift_columns import ANSWERS, ColumnDrift, Probe, found, probe
from ml.monitoring.drift_tests import holm
from ml.monitoring.performance import WORSE, Performance
from ml.prediction_log.records import in_table
from ml.settings.monitor import Monitor
from ml.settings.params import Params

PREDICTION, CLASS = "prediction", "predicted class"
FLAGS = ("drift", "degraded")
YEAR = 365
NAMED = 3


@dataclass(frozen=True)
class Drift:
    """The verdict on a window with its numbers; `dataclasses.asdict` makes it JSON."""

    verdict: Literal["stable", "drift", "degraded", "not enough data"]
    reason: str
    rows: int
    columns: tuple[ColumnDrift, ...] = ()
    prediction: ColumnDrift | None = None
    decided: ColumnDrift | None = None  # predicted classes, with several classes
    performance: Performance | None = None  # None without a column `label`


def judge_collected(reference: Reference, window: Collected, params: Params) -> Drift:
    """The verdict on the collected rows.

    Performance is judged if enough labels, including late ones, have arrived. Monitoring and calibration both call this
    function, so calibration measures the rule in use.
    """
    return judge(reference, window.rows, params.monitor, margin(params), window.settled.rows)


def evident(reference: Reference, window: Collected, params: Params, verdict: str) -> bool:
    """Whether a verdict holds at a limit corrected for a year of daily looks."""
    if verdict not in FLAGS:
        return False
    monitor = params.monitor.model_copy(update={"alpha": params.monitor.alpha / YEAR})
    strict = judge_collected(reference, window, params.model_copy(update={"monitor": monitor}))
    return strict.verdict in FLAGS[FLAGS.index(verdict) :]


def judge(
    reference: Reference,
    window: pd.DataFrame,
    settings: Monitor,
    margin: float = 0.0,
    labelled: pd.DataFrame | None = None,
) -> Drift:
    """The verdict on a window of predictions.

    `window` has a column `features.<name>` for each feature, `score`, and if labels are known `label` (1 positive, 0
    negative, missing where not known yet) and `lag_days` (from prediction to label). An absent feature counts as
    missing in every row. `margin` is that of the champion gate: a decrease within it counts as equal. `labelled` holds
    the rows for performance, if labels take longer than the window: `score`, `label` and `lag_days` of older rows;
    without it, the rows of the window count.
    """
    judged = window if labelled is None else labelled
    rows = len(window)
    if rows < settings.min_rows:
        reason = (
            f"{counted(rows, 'prediction')} in the window, fewer than monitor.min_rows "
            f"{settings.min_rows:,}: not judged"
        )
        return Drift("not enough data", reason, rows)
    ways = groups(window, settings.cluster)
    probes = [probe(name, part, column(window, name), ways) for name, part in reference.columns.items()]
    every = corrected([*probes, *answered(reference, window, ways)], settings)
    columns, (prediction, *decided) = every[: len(probes)], every[len(probes) :]
    labels = performance.judge(reference, judged, settings, margin) if "label" in judged else None
    inputs = [c for c in columns if c.drifted]
    drifted = [*inputs, *(c for c in (prediction, *decided) if c.drifted)]
    verdict = "degraded" if labels and labels.outcome == WORSE else "drift" if drifted else "stable"
    reason = _sentence((rows, len(columns), len(inputs)), drifted, labels)
    return Drift(verdict, reason, rows, tuple(columns), prediction, next(iter(decided), None), labels)


def answered(reference: Reference, window: pd.DataFrame, ways: list[Way]) -> list[Probe]:
    """Probes of the predictions: the scores and, with several classes, the predicted classes."""
    found = [probe(PREDICTION, reference.score, window["score"], ways)]
    if reference.decided is None or "decided" not in window or window["decided"].isna().all():
        return found
    return [*found, replace(probe(CLASS, reference.decided, window["decided"], ways), whose=ANSWERS)]


def corrected(probes: list[Probe], settings: Monitor) -> list[ColumnDrift]:
    """The verdict on each column after a joint correction of all tests."""
    names = [(number, kind) for number, one in enumerate(probes) for kind in one.tests]
    p = dict(zip(names, map(float, holm([probes[n].tests[kind].p for n, kind in names])), strict=True))
    return [found(one, {kind: p[number, kind] for kind in one.tests}, settings) for number, one in enumerate(probes)]


def column(window: pd.DataFrame, name: str) -> pd.Series:
    """A feature of the window; all missing if it is absent."""
    return window.get(in_table(name), pd.Series([None] * len(window), dtype="object"))


def margin(params: Params) -> float:
    """The champion gate's margin if it is for the monitored metric, otherwise 0."""
    rule = params.gates.champion
    return rule.margin if rule and rule.metric == params.monitor.metric else 0.0


def _sentence(counts: tuple[int, int, int], drifted: list[ColumnDrift], labels: Performance | None) -> str:
    rows, columns, inputs = counts
    drifted = sorted(drifted, key=lambda c: -c.effect)
    shown = "; ".join(f"{c.column}: {c.reason}" for c in drifted[:NAMED])
    more = f"; and {len(drifted) - NAMED} more" if len(drifted) > NAMED else ""
    also = " and the predictions" if inputs < len(drifted) else ""
    moved = (
        f"{inputs} of {counted(columns, 'column')}{also} shifted ({shown}{more})" if drifted else "no column shifted"
    )
    return f"{counted(rows, 'prediction')}: {moved}. Labels: {labels.reason if labels else 'none yet'}."
