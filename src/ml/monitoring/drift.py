"""Whether a window of predictions still looks like the rows its model was released on, and what follows from it.

A column has drifted when its test, corrected for all tests of the window (Holm), is significant **and** what moved is
large enough to matter: alone, tests flag trifles in large windows, and distances flag noise in small ones. Half of
`alpha` goes to the inputs and the predictions, half to performance, so both together flag no more quiet windows.
"""

from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from ml.io.text import counted
from ml.model.reference import Reference
from ml.monitoring import performance
from ml.monitoring.collect import Collected
from ml.monitoring.dependence import Way, groups
from ml.monitoring.drift_columns import ANSWERS, Column, Probe, found, probe
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
    columns: tuple[Column, ...] = ()
    prediction: Column | None = None
    decided: Column | None = None  # of several classes, what is decided
    performance: Performance | None = None  # None without a column `label`


def judge_collected(reference: Reference, window: Collected, params: Params) -> Drift:
    """The verdict on what was collected; performance is judged where enough labels have come, late ones too.

    Monitoring and calibration both come here, so what is measured of the rule is what it does.
    """
    return judge(reference, window.rows, params.monitor, margin(params), window.settled.rows)


def evident(reference: Reference, window: Collected, params: Params, verdict: str) -> bool:
    """Whether a verdict holds at a limit so strict that a year of daily looks breaks it by chance as seldom as one."""
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

    `window` has a column `features.<name>` a feature, `score`, and where labels are known `label`
    (1 positive, 0 negative, missing where not known yet) and `lag_days` (from prediction to label). A feature that is
    not there counts as missing in every row. `margin` is the champion gate's: a metric this much lower is as good.
    `labelled` are the rows that performance is judged on, where labels take longer than the window: `score`, `label`
    and `lag_days` of older rows; without it, those of the window.
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
    """Probes of what was answered: the scores, and the classes where there are several."""
    found = [probe(PREDICTION, reference.score, window["score"], ways)]
    if reference.decided is None or "decided" not in window or window["decided"].isna().all():
        return found
    return [*found, replace(probe(CLASS, reference.decided, window["decided"], ways), whose=ANSWERS)]


def corrected(probes: list[Probe], settings: Monitor) -> list[Column]:
    """What each column shows once all tests of all columns are corrected together."""
    names = [(number, kind) for number, one in enumerate(probes) for kind in one.tests]
    p = dict(zip(names, map(float, holm([probes[n].tests[kind].p for n, kind in names])), strict=True))
    return [found(one, {kind: p[number, kind] for kind in one.tests}, settings) for number, one in enumerate(probes)]


def column(window: pd.DataFrame, name: str) -> pd.Series:
    """A feature of the window, all missing where it is not there."""
    return window.get(in_table(name), pd.Series([None] * len(window), dtype="object"))


def margin(params: Params) -> float:
    """The champion gate's margin where it is of the monitored metric, else 0."""
    rule = params.gates.champion
    return rule.margin if rule and rule.metric == params.monitor.metric else 0.0


def _sentence(counts: tuple[int, int, int], drifted: list[Column], labels: Performance | None) -> str:
    rows, columns, inputs = counts
    drifted = sorted(drifted, key=lambda c: -c.effect)
    shown = "; ".join(f"{c.column}: {c.reason}" for c in drifted[:NAMED])
    more = f"; and {len(drifted) - NAMED} more" if len(drifted) > NAMED else ""
    also = " and the predictions" if inputs < len(drifted) else ""
    moved = (
        f"{inputs} of {counted(columns, 'column')}{also} shifted ({shown}{more})" if drifted else "no column shifted"
    )
    return f"{counted(rows, 'prediction')}: {moved}. Labels: {labels.reason if labels else 'none yet'}."
