"""A proposal for gates.fairness: columns that describe people, and the differences of a cross-validated model."""

import re
from typing import Any

import numpy as np
import pandas as pd

from ml.data import row_ids
from ml.data.others import pooled
from ml.gates import fairness
from ml.gates.slicing import sliced
from ml.io.yaml_edit import REMOVE
from ml.model.crossed import Crossed
from ml.settings.gates import Fairness
from ml.settings.metric_names import FEWEST
from ml.settings.params import Params
from ml.tasks.choose import task_of

PEOPLE = re.compile(
    r"(^|[^a-z])(sex|gender|race|ethnic(ity| group)?|nationality|citizenship|religion|disab(led|ility)|"
    r"marital(.?status)?|skin.?colou?r|foreign(er|.?worker)?|age(.?group)?)([^a-z]|$)"
)
OLDEST, YOUNGEST = 130, 55  # in years: numbers with a higher maximum are not ages of people
CONFIDENCE = 0.95
ROOM = 1.5  # half intervals: about three standard errors
STEP = 0.05
WIDEST = {"demographic_parity": 0.5, "equalised_odds": 0.5, "error": 0.75, "bias": 0.75}


def proposed(found: Crossed, params: Params, scale: float) -> tuple[dict[str, Any], list[str]]:
    """Settings by path and sentences; none if no column describes people, or its groups have too few test rows.

    A limit is the default, or what the baseline meets with a margin for chance, which a sentence states.
    """
    rule, test = Fairness(columns=("none",)), pooled(found.frame, params.data)
    fewest = rule.min_rows * scale**2
    groups = {name: _groups(test[name], fewest) for name in params.data.columns if describes_people(test[name])}
    groups = {name: masks for name, masks in groups.items() if len(masks) > 1}
    limits, surely = _limits(found, params, groups, scale) if groups else ({}, {})
    if not any(limits.values()):
        return {}, []
    said = ", ".join(f"{name} {limit:g}" for name, limit in limits.items() if limit)
    told = [
        f"gates.fairness: {', '.join(groups)} {'describes' if len(groups) == 1 else 'describe'} people: the proposed "
        f"limits allow differences up to {said}; read docs/gates.md"
    ]
    if surely:
        told.append(
            f"warning: the baseline treats groups of {', '.join(dict.fromkeys(surely.values()))} differently "
            f"({', '.join(surely)}): the proposed limit only prevents an increase. Read the "
            "report, and set the limit that you need"
        )
    settings: dict[str, Any] = {"gates.fairness.columns": [*groups], "gates.fairness.classes": REMOVE}
    settings |= {f"gates.fairness.{name}": limits.get(name) for name in WIDEST if name in limits}
    return settings, told


def describes_people(column: pd.Series) -> bool:
    """Whether a column's name indicates that it describes people; ages must be plausible for people."""
    found = PEOPLE.search(row_ids.words(str(column.name)))
    if found and found[2].startswith("age") and pd.api.types.is_numeric_dtype(column):
        return YOUNGEST <= column.max() <= OLDEST and column.min() >= 0
    return bool(found)


def _groups(column: pd.Series, fewest: float) -> dict[str, np.ndarray]:
    return {level: rows for level, rows in sliced(column, bins=4) if rows.sum() >= fewest}


def _limits(
    found: Crossed, params: Params, groups: dict[str, dict[str, np.ndarray]], scale: float
) -> tuple[dict[str, float | None], dict[str, str]]:
    """For each rule of the task a limit that an equally good model meets; None if it would be meaningless.

    And by rule the column with the largest difference, if that significantly exceeds the default limit.
    """
    rates = task_of(params.data, params.evaluate).rates(found.truth, found.output)
    needed: dict[str, float] = {}
    usual, surely = Fairness(columns=("none",)), {}
    for name, masks in groups.items():
        for rule, gaps in fairness.differences(rates, masks, CONFIDENCE, FEWEST).items():
            most = max((gap.value + ROOM * scale * (gap.high - gap.low) / 2 for gap in gaps), default=0.0)
            needed[rule] = max(needed.get(rule, 0.0), most)
            if any(gap.low > getattr(usual, rule) for gap in gaps):
                surely.setdefault(rule, name)
    limits = {rule: max(getattr(usual, rule), float(f"{np.ceil(v / STEP) * STEP:.6g}")) for rule, v in needed.items()}
    return {rule: limit if limit <= WIDEST[rule] else None for rule, limit in limits.items()}, surely
