"""The target of a table that no contract describes yet: its kind, and its positive value or classes."""

from typing import Any

import pandas as pd

from ml.data.number_columns import number
from ml.data.number_units import units
from ml.data.schema import levels
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import Number
from ml.tasks.kinds import BINARY, KINDS, MULTICLASS, REGRESSION

LEVELS = 50  # if a text column has more, the most frequent ones
POSITIVE = ("true", "yes", "y", "t", "1", "positive", "pos")
FEWEST_OF_A_CLASS = 5  # rows below which a class may be missing on a side
SEVERAL = 30  # whole numbers with more distinct values are a number to predict, not classes


def target_of(column: pd.Series, target: str, given: str | None, task: str = "") -> dict[str, Any]:
    """The target in the contract: binary for two values, multiclass for several, regression for numbers, or `task`.

    `given` is the positive value of two. Raises UserError if the column does not fit.
    """
    if task not in {"", *KINDS}:
        raise UserError(f"TASK={task}: choose one of {', '.join(KINDS)}, or leave it out.")
    known = levels(column.dropna()).value_counts()
    if len(known) < 2:  # noqa: PLR2004
        gaps = int(column.isna().sum())
        same = f"every row holds {known.index[0]}" if len(known) else "no row has one"
        if len(known) and gaps:
            raise UserError(
                f"{target}: {len(column) - gaps:,} of {counted(len(column), 'row')} hold {known.index[0]}, and the "
                "others are empty. If empty means a second value, write that value into these cells."
            )
        raise UserError(f"{target}: {same}, so there is nothing to learn. Name another column with TARGET=.")
    if task == BINARY.name or given is not None or (len(known) == 2 and not task):  # noqa: PLR2004
        return {"name": target, "positive": _positive(known, target, given)}
    parsed = number(pd.Series(known.index, dtype="str"), Number(type="number")).cells
    if task == REGRESSION.name and parsed.isna().any():
        raise UserError(f"TASK={task}: {target} holds text, such as {known.index[parsed.isna().argmax()]!r}.")
    few = whole(parsed) and len(known) <= SEVERAL and known.min() >= FEWEST_OF_A_CLASS  # rare counts are no classes
    if task != MULTICLASS.name and parsed.notna().all() and (task or not few):
        return {"name": target, "task": REGRESSION.name}
    _must_be_frequent(known, target, len(known) if task else LEVELS)
    order = known.index[parsed.argsort()].tolist() if parsed.notna().all() else sorted(known.index)
    return {"name": target, "task": MULTICLASS.name, "classes": order}


def whole(numbers: pd.Series) -> bool:
    """Whether all are numbers without decimals."""
    return bool(numbers.notna().all() and (numbers % 1 == 0).all())


def other_task(contract: dict[str, Any], column: pd.Series) -> str:
    """The other task that a target of few numbers may mean, or ""."""
    known = levels(column.dropna()).unique()
    if contract.get("task") == REGRESSION.name:
        return MULTICLASS.name if len(known) <= SEVERAL else ""
    if contract.get("task") != MULTICLASS.name:
        return ""
    numbers = number(pd.Series(known, dtype="str"), Number(type="number")).cells
    return REGRESSION.name if numbers.notna().all() else ""


def _must_be_frequent(known: pd.Series, target: str, most: int) -> None:
    """Raise UserError for too many classes, or classes of too few rows."""
    few = known[known < FEWEST_OF_A_CLASS]
    if len(known) <= most and not len(few):
        return
    if unit := units(known.index):
        raise UserError(
            f"{target}: its values, such as {known.index[0]!r}, are numbers with a unit ({unit}). Write the "
            "numbers alone, all in one unit, to predict a number."
        )
    some = ", ".join(f"{value} ({count:,})" for value, count in (few if len(few) else known).tail(5).items())
    raise UserError(
        f"{target} has {counted(len(known), 'value')}, of which {len(few):,} occur in fewer than "
        f"{counted(FEWEST_OF_A_CLASS, 'row')} (rarest: {some}). Merge rare classes, drop their rows, or "
        "name another column with TARGET=."
    )


def _positive(known: pd.Series, target: str, given: str | None) -> bool | str:
    if len(known) != 2:  # noqa: PLR2004
        some = ", ".join(f"{value} ({count:,})" for value, count in known.head(5).items())
        raise UserError(
            f"{target} has {counted(len(known), 'value')} ({some}{', …' if len(known) > 5 else ''}), "  # noqa: PLR2004
            "and TASK=binary or POSITIVE= needs a target with two values. Leave it out to predict several classes."
        )
    if given is not None and given not in known.index:
        raise UserError(f"POSITIVE={given}: {target} is never that; it is {' or '.join(known.index)}.")
    words = {*POSITIVE, target.lower()} - ({"1"} if "2" in known.index else set())  # of 1 and 2, neither is a yes
    positive = given or next((v for v in known.index if v.lower() in words), known.index[-1])
    return positive == "True" if set(known.index) == {"True", "False"} else positive
