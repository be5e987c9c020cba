"""Behaviour that the model must have, independent of its metrics: invariance, directions, easy cases.

Source: Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, 2020.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import pandas as pd

from ml.data.schema import categories, numbers, with_columns
from ml.gates.evidence import Evidence, Row
from ml.gates.verdict import Verdict
from ml.io.tables import Table
from ml.io.text import WHOLE, figure
from ml.settings.data import Category, Data, Number
from ml.settings.feature_source import described, source
from ml.settings.gates import Behaviour, Case, Direction, Invariance
from ml.settings.params import Params
from ml.settings.section import given
from ml.tasks.choose import task_of

Score = Callable[..., np.ndarray]  # scores of a table; and names of made columns that keep their values in it
Rule = TypeVar("Rule", Invariance, Direction)


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict for each declared behaviour, with its worst counter-example."""
    rule, score, params = given(evidence.params.gates.behaviour), evidence.model.score, evidence.params
    frame = evidence.test.sample(min(rule.rows, len(evidence.test)), random_state=0, ignore_index=True)
    step = evidence.task.scale(evidence.task.truth(evidence.train[params.data.target.name]))
    return [
        *(invariance(frame, score, _in_steps(one, "max_change", step), params.data) for one in rule.invariance),
        *(direction(frame, score, _in_steps(one, "tolerance", step), params.data) for one in rule.direction),
        *easy(evidence.train, score, rule, params),
    ]


def invariance(frame: pd.DataFrame, score: Score, rule: Invariance, data: Data) -> Verdict:
    """Whether the score of each row of `frame` stays equal when a column gets other values."""
    task, changed = task_of(data), _elsewhere(frame, rule, data)
    before = score(frame)
    after = _scored(score, pd.concat(changed, ignore_index=True), [rule.column], data)
    pair = task.pair(np.concatenate([before] * len(changed)), after)
    before, after = (side.reshape(len(changed), len(frame)) for side in pair)
    moves = np.abs(after - before)
    case, row = np.unravel_index(moves.argmax(), moves.shape)
    ends = frame[rule.column].iloc[row], changed[case][rule.column].iloc[row]
    example = _example(frame[data.id].iloc[row], ends, (before[case, row], after[case, row]))
    moved = float((moves.max(axis=0) > rule.max_change).mean())
    what = f"changing {rule.column} moves the {task.said} by more than {rule.max_change:.4g}"
    return _verdict(f"invariance: {rule.column}", what, (moved, rule.allow), task.said, example)


def direction(frame: pd.DataFrame, score: Score, rule: Direction, data: Data) -> Verdict:
    """Whether raising a number moves the score of each row of `frame` by at most `tolerance` in the wrong direction."""
    task, present = task_of(data), frame[frame[rule.column].notna()].reset_index(drop=True)
    if present.empty:
        reason = f"{rule.column} is missing in all {len(frame):,} sampled rows, so the test could not raise it"
        return Verdict(f"direction: {rule.column}", passed=False, reason=reason, severity="warning")
    column = described(data, source())[rule.column]
    highest = column.max if isinstance(column, Number) else None  # params.yaml allows numbers alone
    raised = with_columns(present, {rule.column: (present[rule.column] + rule.by).clip(upper=highest)})
    before = task.whose(score(present), rule.of)
    after = task.whose(_scored(score, raised, [rule.column], data), rule.of)
    wrong = before - after if rule.score == "up" else after - before
    row = int(wrong.argmax())
    ends = present[rule.column].iloc[row], raised[rule.column].iloc[row]
    example = _example(present[data.id].iloc[row], ends, (before[row], after[row]))
    share = float((wrong > rule.tolerance).mean())
    side, whose = "lowers" if rule.score == "up" else "lifts", f" of {rule.of}" if rule.of else ""
    what = f"raising {rule.column} by {rule.by:g} {side} the {task.said}{whose} by more than {rule.tolerance:.4g}"
    return _verdict(f"direction: {rule.column}", what, (share, rule.allow), task.said, example)


def easy(train: Table, score: Score, rule: Behaviour, params: Params) -> list[Verdict]:
    """Whether each named easy case is decided correctly."""
    middle = typical(train, params.data) if rule.easy else {}
    return [_easy(case, middle, score, params) for case in rule.easy]


def typical(train: Table, data: Data) -> Row:
    """A typical row: the median of each number, the most frequent level of each category."""
    middle = {name: float(train[name].median()) for name in numbers(data)}
    return middle | {name: next(iter(train[name].mode()), None) for name in categories(data)}


def _easy(case: Case, middle: Row, score: Score, params: Params) -> Verdict:
    row, task = middle | case.row, task_of(params.data, params.evaluate)
    scored = _scored(score, pd.DataFrame([row]), case.row, params.data)
    found, passed, limit = task.easy(scored, case)
    told = ", ".join(f"{name} {_short(value)}" for name, value in case.row.items())
    return Verdict(
        gate=f"easy case: {case.name}",
        passed=passed,
        reason=f"{task.said} {figure(found)} is {'right' if passed else 'wrong'} for a case that must be {case.wanted} "
        f"({told})",
        value=found,
        limit=limit,
    )


def _elsewhere(frame: pd.DataFrame, rule: Invariance, data: Data) -> list[pd.DataFrame]:
    column = described(data, source())[rule.column]
    if isinstance(column, Category):
        return [with_columns(frame, {rule.column: level}) for level in column.values]  # noqa: PD011 - of the contract
    moved = (frame[rule.column] + step for step in (-(rule.by or 0), rule.by or 0))
    return [with_columns(frame, {rule.column: m.clip(lower=column.min, upper=column.max)}) for m in moved]


def _scored(score: Score, frame: pd.DataFrame, changed: Iterable[str], data: Data) -> np.ndarray:
    """Scores of rows in which these columns were changed; changed made columns are not recomputed."""
    kept = [name for name in changed if name not in data.columns]
    return score(frame, kept) if kept else score(frame)


def _verdict(gate: str, what: str, shares: tuple[float, float], said: str, example: dict) -> Verdict:
    share, allow = shares
    passed = share <= allow
    scores = f"{said} {figure(example['before'])} to {figure(example['after'])}"
    shown = f"{example['id']}, {_short(example['from'])} to {_short(example['to'])}, {scores}"
    return Verdict(
        gate=gate,
        passed=passed,
        reason=f"{what} for {share:.1%} of rows: {'at or below' if passed else 'above'} the allowed {allow:.1%} "
        f"(furthest: {shown})",
        value=share,
        limit=f"≤ {allow:g}",
        evidence=(example,),
    )


def _in_steps(rule: Rule, name: str, step: float) -> Rule:
    """The rule with its tolerance in the units of the model's output."""
    return rule.model_copy(update={name: getattr(rule, name) * step})


def _example(row: object, ends: tuple[object, object], said: tuple[float, float]) -> dict[str, object]:
    before, after = (round(float(value), 6) for value in said)
    return {"id": str(row), "from": _plain(ends[0]), "to": _plain(ends[1]), "before": before, "after": after}


def _plain(value: object) -> object:
    """The values for JSON: a missing number or level is None."""
    return None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value


def _short(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:.4g}"
