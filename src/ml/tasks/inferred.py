"""The target of a table that no contract describes yet: its kind, and its positive value or classes."""

from typing import Any

import pandas as pd

from ml.data.number_columns import number
from ml.data.number_units import units
from ml.data.schema import levels
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import Number
from ml.tasks.kinds import MULTICLASS, REGRESSION

LEVELS = 50  # of a text column with more, the most frequent ones
POSITIVE = ("true", "yes", "y", "t", "1", "positive", "pos")
FEWEST_OF_A_CLASS = 5  # rows, below which a class may be missing on a side
SEVERAL = 30  # whole numbers with more distinct values are a number to predict, not classes


def target_of(column: pd.Series, target: str, given: str | None) -> dict[str, Any]:
    """The target in the contract: binary for two values, multiclass for some, regression for many numbers."""
    known = levels(column.dropna()).value_counts()
    if len(known) < 2:  # noqa: PLR2004
        same = f"every row holds {known.index[0]}" if len(known) else "no row has one"
        raise UserError(f"{target}: {same}, so there is nothing to learn. Name another column with TARGET=.")
    if len(known) == 2 or given is not None:  # noqa: PLR2004
        return {"name": target, "positive": _positive(known, target, given)}
    parsed = number(pd.Series(known.index, dtype="str"), Number(type="number")).cells
    whole = bool(parsed.notna().all() and (parsed % 1 == 0).all())
    if parsed.notna().all() and not (whole and len(known) <= SEVERAL and len(column) >= 5 * len(known)):
        return {"name": target, "task": REGRESSION.name}
    few = known[known < FEWEST_OF_A_CLASS]
    if len(known) > LEVELS or len(few):
        if unit := units(known.index):
            raise UserError(
                f"{target}: its values, such as {known.index[0]!r}, are numbers with a unit ({unit}). Write the "
                "numbers alone, all in one unit, to predict a number."
            )
        some = ", ".join(f"{value} ({count:,})" for value, count in known.tail(5).items())
        raise UserError(
            f"{target} has {counted(len(known), 'value')}, of which {len(few):,} occur in fewer than "
            f"{FEWEST_OF_A_CLASS} rows "
            f"(rarest: {some}). Merge rare classes, drop their rows, or name another column with TARGET=."
        )
    order = known.index[parsed.argsort()].tolist() if whole else sorted(known.index)
    return {"name": target, "task": MULTICLASS.name, "classes": order}


def _positive(known: pd.Series, target: str, given: str | None) -> bool | str:
    if len(known) != 2:  # noqa: PLR2004
        some = ", ".join(f"{value} ({count:,})" for value, count in known.head(5).items())
        raise UserError(
            f"{target} has {counted(len(known), 'value')} ({some}{', …' if len(known) > 5 else ''}), "  # noqa: PLR2004
            "and POSITIVE= needs a target with two values. Leave it out to predict several classes."
        )
    if given is not None and given not in known.index:
        raise UserError(f"POSITIVE={given}: {target} is never that; it is {' or '.join(known.index)}.")
    words = {*POSITIVE, target.lower()} - ({"1"} if "2" in known.index else set())  # of 1 and 2 neither is a yes
    positive = given or next((v for v in known.index if v.lower() in words), known.index[-1])
    return positive == "True" if set(known.index) == {"True", "False"} else positive
