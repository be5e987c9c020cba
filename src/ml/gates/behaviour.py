"""What the model must do, whatever its metrics are: things that must not matter, directions, easy cases.

Source: Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, 2020.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ml.data.schema import categories, numbers, with_columns
from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict, not_for
from ml.settings.data import Category, Data, Number
from ml.settings.gates import Behaviour, Case, Direction, Invariance
from ml.settings.params import Params
from ml.settings.section import given

Score = Callable[[pd.DataFrame], np.ndarray]


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict for each declared behaviour, with its worst counter-example."""
    if (kind := evidence.params.data.target.task) != "binary":
        return [not_for("behaviour", kind)]
    rule, score, params = given(evidence.params.gates.behaviour), evidence.model.score, evidence.params
    frame = evidence.test.sample(min(rule.rows, len(evidence.test)), random_state=0, ignore_index=True)
    return [
        *(invariance(frame, score, one, params.data) for one in rule.invariance),
        *(direction(frame, score, one, params.data) for one in rule.direction),
        *easy(evidence.train, score, rule, params),
    ]


def invariance(frame: pd.DataFrame, score: Score, rule: Invariance, data: Data) -> Verdict:
    """Whether changing a column to anything else leaves the score of each row of `frame` where it was."""
    before = score(frame)
    changed = _elsewhere(frame, rule, data)
    after = score(pd.concat(changed, ignore_index=True)).reshape(len(changed), len(frame))
    moves = np.abs(after - before)
    case, row = np.unravel_index(moves.argmax(), moves.shape)
    example = {
        "id": str(frame[data.id].iloc[row]),
        "from": _plain(frame[rule.column].iloc[row]),
        "to": _plain(changed[case][rule.column].iloc[row]),
        "before": round(float(before[row]), 6),
        "after": round(float(after[case, row]), 6),
    }
    moved = float((moves.max(axis=0) > rule.max_change).mean())
    what = f"changing {rule.column} moves the score by more than {rule.max_change:g}"
    return _verdict(f"invariance: {rule.column}", what, moved, rule.allow, example)


def direction(frame: pd.DataFrame, score: Score, rule: Direction, data: Data) -> Verdict:
    """Whether raising a number moves the score of each row of `frame` no further than `tolerance` the wrong way."""
    present = frame[frame[rule.column].notna()].reset_index(drop=True)
    if present.empty:
        reason = f"{rule.column} is missing in all {len(frame):,} sampled rows, so nothing could be raised"
        return Verdict(f"direction: {rule.column}", passed=False, reason=reason, severity="warning")
    column = data.columns[rule.column]
    highest = column.max if isinstance(column, Number) else None  # params.yaml allows numbers alone
    raised = with_columns(present, {rule.column: (present[rule.column] + rule.by).clip(upper=highest)})
    before, after = score(present), score(raised)
    wrong = before - after if rule.score == "up" else after - before
    row = int(wrong.argmax())
    example = {
        "id": str(present[data.id].iloc[row]),
        "from": _plain(present[rule.column].iloc[row]),
        "to": _plain(raised[rule.column].iloc[row]),
        "before": round(float(before[row]), 6),
        "after": round(float(after[row]), 6),
    }
    share = float((wrong > rule.tolerance).mean())
    side = "lowers" if rule.score == "up" else "lifts"
    what = f"raising {rule.column} by {rule.by:g} {side} the score by more than {rule.tolerance:g}"
    return _verdict(f"direction: {rule.column}", what, share, rule.allow, example)


def easy(train: pd.DataFrame, score: Score, rule: Behaviour, params: Params) -> list[Verdict]:
    """Whether each named easy case is decided right."""
    return [_easy(case, train, score, params) for case in rule.easy]


def typical(train: pd.DataFrame, data: Data) -> dict[str, float | str | None]:
    """A row as most are: the median of each number, the commonest level of each category."""
    middle = {name: float(train[name].median()) for name in numbers(data)}
    return middle | {name: next(iter(train[name].mode()), None) for name in categories(data)}


def _easy(case: Case, train: pd.DataFrame, score: Score, params: Params) -> Verdict:
    row = typical(train, params.data) | case.row
    found, limit = float(score(pd.DataFrame([row]))[0]), params.evaluate.threshold
    passed = (found >= limit) == (case.label == "positive")
    given = ", ".join(f"{name} {value}" for name, value in case.row.items())
    return Verdict(
        gate=f"easy case: {case.name}",
        passed=passed,
        reason=f"score {found:.3f} is {'right' if passed else 'wrong'} for a case that must be {case.label} ({given})",
        value=found,
        limit=f"{'≥' if case.label == 'positive' else '<'} {limit:g}",
    )


def _elsewhere(frame: pd.DataFrame, rule: Invariance, data: Data) -> list[pd.DataFrame]:
    column = data.columns[rule.column]
    if isinstance(column, Category):
        return [with_columns(frame, {rule.column: level}) for level in column.values]  # noqa: PD011 - of the contract
    moved = (frame[rule.column] + step for step in (-(rule.by or 0), rule.by or 0))
    return [with_columns(frame, {rule.column: m.clip(lower=column.min, upper=column.max)}) for m in moved]


def _verdict(gate: str, what: str, share: float, allow: float, example: dict) -> Verdict:
    passed = share <= allow
    scores = f"score {example['before']:.3f} to {example['after']:.3f}"
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


def _plain(value: object) -> object:
    """As JSON has it: a missing number or level is None."""
    return None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
