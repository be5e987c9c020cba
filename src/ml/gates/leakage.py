"""Columns and rows that reveal the target: proof refuses, suspicion warns with the evidence."""

import numpy as np
import pandas as pd

from ml.data.others import pooled
from ml.data.schema import features, levels, numbers
from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.tables import Table, parts
from ml.io.text import be, counted
from ml.settings.data import Data
from ml.settings.section import given
from ml.tasks.choose import task_of

SUMMED = 20_000  # rows that suffice to find a sum
EXACT = 0.9999  # minimum R² of a sum: measured causes leave a larger error
PART = 0.01  # minimum effect of a part of the sum, in standard deviations of the target
FEWEST = 30  # minimum rows per column


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on columns that reveal the target, rows on both sides, and the order in time."""
    data, rule = evidence.params.data, given(evidence.params.gates.leakage)
    return [
        *revealing(evidence.train, data, rule.suspect_auc),
        shared("ids", data.id, evidence.train, evidence.test),
        *([shared("groups", data.group, evidence.train, evidence.test)] if data.group else []),
        repeated_rows(evidence.train, evidence.test, data, rule.duplicate_share),
        time_order(evidence.train, evidence.test, data, by_time=evidence.params.prepare.split_by == "time"),
    ]


def revealing(train: Table, data: Data, suspect: float) -> list[Verdict]:
    """Verdicts on columns that reveal the target, one by one, and together if the target is a number."""
    return [columns(train, data, suspect), *([] if task_of(data).decides else [sums(train, data)])]


def columns(train: Table, data: Data, suspect: float) -> Verdict:
    """Whether one column alone determines the target: always (refused) or almost always (a warning)."""
    task, label = task_of(data), task_of(data).truth(train[data.target.name])
    kept = ((name, pooled(train[[name]], data)[name]) for name in features(data))  # one column in memory at a time
    found = sorted(((task.alone(column, label), name) for name, column in kept), reverse=True)
    auc, name = found[0]
    suspects = [f"{column} ({value:.4f})" for value, column in found if value >= suspect]
    certain = auc == 1.0
    if certain:
        reason = f"{name} alone determines the target of all {counted(len(train), 'training row')}: it is a copy of it"
    elif suspects:
        reason = f"almost equal to the target; is it known before the outcome? {', '.join(suspects)}: {task.alone_is}"
    else:
        reason = f"no column alone determines the target; the closest is {name} with {auc:.3f} ({task.alone_is})"
    return Verdict(
        gate="leakage: columns",
        passed=not suspects and not certain,
        reason=reason,
        value=auc,
        limit=f"< {suspect:g}",
        severity="warning" if suspects and not certain else "critical",
        evidence=tuple({"column": column, "roc_auc": round(value, 6)} for value, column in found),
    )


def sums(train: Table, data: Data) -> Verdict:
    """Whether a number to predict is a weighted sum of columns, as a total is of its parts: a warning."""
    step, names = len(train) // SUMMED + 1, numbers(data)
    known = pd.DataFrame({name: train[name].iloc[::step].astype("float64") for name in names}).dropna()
    truth = task_of(data).truth(train[data.target.name].loc[known.index])
    varied = [name for name in names if np.ptp(known[name]) > 0] if len(known) else []
    fit, most = 0.0, []
    if len(known) > len(varied) + FEWEST and varied and np.ptp(truth):
        scaled = ((known[varied] - known[varied].mean()) / known[varied].std()).to_numpy()
        wanted = (truth - truth.mean()) / truth.std()
        weights = np.linalg.lstsq(scaled, wanted, rcond=None)[0]
        fit = 1 - float(((wanted - scaled @ weights) ** 2).mean())
        order = np.argsort(-np.abs(weights))
        most = [varied[place] for place in order if abs(weights[place]) >= PART]
    total = fit >= EXACT
    return Verdict(
        gate="leakage: sums",
        passed=not total,
        reason=f"{data.target.name} is almost exactly a weighted sum of {', '.join(most)}: is each of them known "
        "before the outcome?"
        if total
        else f"no weighted sum of columns gives the target (R² {fit:.3f})",
        value=fit,
        limit=f"< {EXACT:g}",
        severity="warning",
    )


def shared(what: str, name: str, train: Table, test: pd.DataFrame) -> Verdict:
    """Whether a value of column `name`, the id or the group, is on both sides."""
    known = np.concatenate([_hash(part[name]) for part in parts(train, [name])])  # of text, a set would take gigabytes
    maybe = {*test[name][np.isin(_hash(test[name]), known)]}
    both = sorted(
        {str(value) for part in parts(train, [name]) for value in maybe.intersection(part[name])} if maybe else []
    )
    some = f"{len(both):,} {name}s are in training and test rows, e.g. {both[0]}" if both else ""
    found = some or f"no {name} is on both sides"
    return Verdict(f"leakage: {what}", passed=not both, reason=found, value=float(len(both)), limit="≤ 0")


def repeated_rows(train: Table, test: pd.DataFrame, data: Data, limit: float) -> Verdict:
    """Whether test rows have every feature of some training row."""
    again = np.isin(_hashes(test, data), _hashes(train, data))
    example = f", e.g. {test[data.id][again].iloc[0]}" if again.any() else ""
    if again.mean() > limit:
        example += ". Check whether they are duplicates; with few different values, rows can be equal by chance"
    return Verdict(
        gate="leakage: repeated rows",
        passed=bool(again.mean() <= limit),
        reason=f"{again.sum():,} of {counted(len(test), 'test row')} equal a training row in every feature, "
        f"{again.mean():.1%}: {'at or below' if again.mean() <= limit else 'above'} {limit:.1%}{example}",
        value=float(again.mean()),
        limit=f"≤ {limit:g}",
        severity="warning",
    )


def _hash(column: pd.Series) -> np.ndarray:
    return pd.util.hash_array(column.astype(object).to_numpy())


def _hashes(table: Table, data: Data) -> np.ndarray:
    """A number for each row that is equal where all features are; one column is in memory at a time."""
    found = np.zeros(len(table), dtype="uint64")
    for name in features(data):
        column = table[name] if name in numbers(data) else levels(table[name])
        found = found * np.uint64(1_000_003) + pd.util.hash_array(column.to_numpy())
    return found


def time_order(train: Table, test: pd.DataFrame, data: Data, *, by_time: bool) -> Verdict:
    """Whether some training row is as new as a test row, if the split is by time."""
    if not by_time:
        return Verdict(
            "leakage: time", passed=True, reason="rows are split by hash, so the order in time does not matter"
        )
    first, times = test[data.time].min(), train[[data.id, data.time]]
    late = times[times[data.time] >= first]
    found = f"{counted(len(late), 'training row')} {be(len(late))} not older than the first test row ({first:%Y-%m-%d})"
    example = f", e.g. {late[data.id].iloc[0]} of {late[data.time].iloc[0]:%Y-%m-%d}" if len(late) else ""
    return Verdict("leakage: time", passed=late.empty, reason=found + example, value=float(len(late)), limit="≤ 0")
