"""The findings of monitoring: the verdict with its numbers and their sources in the window."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ml.model.reference import Reference
from ml.monitoring.collect import SKEW, Collected
from ml.monitoring.confirmation import Past, in_a_row
from ml.monitoring.drift import Drift
from ml.monitoring.released import Released
from ml.monitoring.sentences import reason, strange, unconfirmed, waiting
from ml.monitoring.shapes import of_classes, shape
from ml.monitoring.windows import Span
from ml.prediction_log.condensed import represented
from ml.settings.feature_source import sources
from ml.settings.metric_names import FEWEST
from ml.settings.params import Params
from ml.tasks import live_labels

Record = dict[str, Any]

REPLICATES = 200


def record(window: Collected, found: Drift, released: Released, params: Params, past: Past) -> Record:
    """The content of build/monitor.json.

    `silent` means that no new predictions arrive. `confirmed` means that alerts and retraining may follow; one look
    confirms a verdict on simulated rows, because their time does not advance between looks.
    """
    reference, silent = released.reference, is_silent(window, params.alert.silent_days)
    looks = in_a_row(found.verdict, window.until.isoformat(), past)
    needed = 1 if window.simulated or past.evident else params.monitor.consecutive
    notes = [released.season, released.made, waiting(window), strange(window, params), represented(window.share)]
    notes += [unconfirmed(looks, needed)] if 0 < looks < needed else []
    shapes = {c.column: shape(reference, window.rows, c.column) for c in found.columns}
    shapes |= {
        name: {**shapes[name], "made_of": of} for name, of in sources(reference.features).items() if name in shapes
    }
    settings = params.monitor.model_dump()
    return _plain(
        {
            "verdict": found.verdict,
            "reason": reason(window, found, notes, silent=silent),
            "looks": looks,
            "confirmed": 0 < needed <= looks,
            "silent": silent,
            "simulated": window.simulated,
            "release": released.version,
            "task": reference.task,
            "weight": params.data.weight,
            "columns": [asdict(c) | shapes[c.column] for c in found.columns],
            "prediction": found.prediction and asdict(found.prediction) | shape(reference, window.rows, None),
            "decided": found.decided and asdict(found.decided) | of_classes(reference, window.rows),
            "performance": found.performance and asdict(found.performance) | _judged_on(window),
            "windows": [measured(span, reference, params) for span in window.before],
            "collected": collected(window),
            "settings": {
                name: settings[name]
                for name in ("window_days", "window_rows", "min_rows", "alpha", "effect", "missing_rise")
            },
        }
    )


def collected(window: Collected) -> Record:
    """The period of the window and the counts of all rows by reason."""
    return {
        "since": window.since.isoformat(),
        "until": window.until.isoformat(),
        "newest": window.newest.isoformat() if window.newest is not None else None,
        "rows": sum(window.fates.values()),
        "fates": window.fates,
        "strangers": window.strangers,
        "labels": window.labels,
        "labelled": int(window.rows["label"].notna().sum()),
        "unreadable": window.unreadable,
        "label_days": window.label_days,
        "waiting": window.waiting,
    }


def remembered(found: Record) -> Record:
    """The part of a verdict that the history keeps."""
    performance = found["performance"] or {}
    kept = {name: performance.get(name) for name in ("metric", "value", "low", "high", "at_release")}
    return kept | {
        "verdict": found["verdict"],
        "drifted": [c["column"] for c in answers(found) if c.get("drifted")],
        "rows": found["collected"]["fates"]["judged"],
        "labelled": found["collected"]["labelled"],
        "since": found["collected"]["since"],
        "until": found["collected"]["until"],
        "simulated": found["simulated"],
    }


def answers(found: Record) -> list[Record]:
    """The compared distributions: columns and predictions."""
    return [*found["columns"], *(one for one in (found["prediction"], found.get("decided")) if one)]


def is_silent(window: Collected, days: float) -> bool:
    """Whether no real prediction has arrived for this many days; simulations do not count."""
    if window.simulated:
        return False
    return window.newest is None or window.until - window.newest > pd.Timedelta(days=days) + SKEW


def measured(span: Span, reference: Reference, params: Params) -> Record:
    """The monitored metric of one window of any known models; without figures if there are too few labels."""
    known = span.rows[span.rows["label"].notna() & span.rows["score"].notna()]
    label, score = (known[name].to_numpy("float64") for name in ("label", "score"))
    found: Record = {"since": span.since.isoformat(), "until": span.until.isoformat(), "rows": len(span.rows)}
    found |= {"labelled": len(known), "value": None, "low": None, "high": None}
    if not live_labels.enough(reference.task, label, FEWEST):
        return found
    rows = live_labels.scored(reference, label, score)
    metric = params.monitor.metric
    return found | rows.intervals(REPLICATES, 1 - params.monitor.alpha, only=metric)[metric]


def _judged_on(window: Collected) -> Record:
    on = window.settled
    return {"since": on.since.isoformat(), "until": on.until.isoformat(), "rows": len(on.rows)}


def _plain(value: Any) -> Any:
    """A value for JSON: numbers with six digits, None for infinite ones and NaN."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
