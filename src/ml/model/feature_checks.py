"""Checks that the functions of src/features.py are row-wise: each value must depend on its own row only."""

import contextlib
import io
import re
import time
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from ml.data.schema import inputs, required
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model.columns import Columns, Function, NoColumnError
from ml.model.feature_code import fresh, said
from ml.model.feature_text import outside
from ml.model.feature_views import Views, views_of
from ml.model.features import with_made
from ml.settings.data import Data
from ml.settings.feature_source import FEATURES, functions

CLOSE = 1e-12
SLOW = 0.005  # seconds for one row, of the 0.02 that gates.latency allows a prediction


def check(text: str, frame: pd.DataFrame, data: Data) -> list[str]:
    """Raise UserError, naming function and column, for the first function that is not pure and row-wise on `frame`.

    Returns a sentence for each function that is slow.
    """
    if not functions(text):
        return []
    for name, what in outside(text):
        raise UserError(f"{FEATURES}: {name} {what}.")
    views, taken, slow = views_of(frame, data), required(data), []
    for function, alone in zip(fresh(text), fresh(text), strict=True):  # no call sees state of an earlier one
        for name in function.makes:
            if name in taken:
                raise _wrong(function, f"makes `{name}`, a column that already exists. Use another name")
        taken += function.makes
        seconds = _check_one((function, alone), views)
        _must_hold_values(function, views.whole, text, frame, data)
        if seconds > SLOW:
            slow.append(
                f"{FEATURES}: {function.name} takes {seconds * 1000:.0f} ms for one row, in every request. Use "
                "numpy on whole arrays, and prepare tables once at the top of the file."
            )
    return slow


def _must_hold_values(function: Function, sample: Columns, text: str, frame: pd.DataFrame, data: Data) -> None:
    """Raise UserError for a made column that has no value, in the sample first and then in the table."""
    for name in function.makes:
        if pd.isna(sample[name]).all() and with_made(inputs(frame, data), text)[name].isna().all():
            raise _wrong(
                function,
                f"gives {name} no value in {counted(len(frame), 'row')}: all are missing or infinite. "
                "Correct its formula, or delete the function",
            )


def _check_one(pair: tuple[Function, Function], views: Views) -> float:
    """Check one function (and its twin without state) on all views; returns the seconds that one row takes."""
    function, alone = pair
    before = {name: views.whole[name].copy() for name in views.whole}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        returned = _called(function, views, function.returned)
    made = _converted(function, returned, len(views.singles))
    if out.getvalue():
        raise _wrong(function, "prints, which would fill the server's log. Remove the print")
    if any(not _same(before[name], views.whole[name]).all() for name in before):
        raise _wrong(function, "changes its input. Make a new array instead")
    again = _called(function, views, function, "a second call")
    _compare(
        function, made, again, "gives {name} other values at a second call. Keep no state, and draw no random numbers"
    )
    rows, seconds = [], []
    for single in views.singles:
        start = time.perf_counter()
        rows.append(_called(alone, Views(single, single, [single]), alone, "one row"))
        seconds.append(time.perf_counter() - start)
    if any(values.shape != (1,) for row in rows for values in row.values()):
        raise _wrong(function, "does not return one value for each row")
    single = {name: np.concatenate([row[name] for row in rows]) for name in made}
    _compare(
        function,
        made,
        single,
        "depends on other rows: {name} of a single row is {second}, in a table {first}. "
        "Compute each value from its own row; the preprocessing learns means and scales",
    )
    turned = "depends on the order of the columns: {name} is {second} instead of {first}. Read columns by name"
    other = Views(views.turned, views.turned, views.singles)
    _compare(function, made, _called(function, other, function, "a table with its columns in another order"), turned)
    views.add(made, rows)
    return float(np.median(seconds))


def _converted(function: Function, returned: Any, rows: int) -> dict[str, np.ndarray]:
    """The made columns of what a function returned; raises UserError for another shape or type."""
    for name, levels in function.makes.items():
        values = returned[name]
        if (shape := np.shape(values)) != (rows,):
            hint = "Return an array with a value for each row"
            raise _wrong(function, f"gives {name} the shape {shape}, not one value a row, ({rows:,},). {hint}")
        allowed = (bool, int, float, np.bool_, np.integer, np.floating) if levels is None else (str,)
        for value in values:
            gap = value is None or (isinstance(value, float) and np.isnan(value))
            if gap or (isinstance(value, allowed) and not isinstance(value, np.timedelta64)):
                continue
            what = "a number" if levels is None else "text, as its levels are"
            hint = "Make numbers of dates by ml.model.dates" if isinstance(value, np.datetime64) else "Convert it"
            raise _wrong(function, f"gives {name} {value} of the type {type(value).__name__}, not {what}. {hint}")
        odd = sorted({v for v in values if isinstance(v, str)} - {*levels}) if levels is not None else []
        if odd:
            hint = f"not one of {', '.join(levels or ())}. Add it to @makes, or correct the function"
            raise _wrong(function, f"gives {name} the value {str(odd[0])!r}, which is {hint}")
    return function.converted(returned)


def _called(function: Function, views: Views, call: Any, what: str = "a table") -> Any:
    columns = views.whole
    try:
        return call(columns)
    except NoColumnError as error:
        missing = str(error.args[0])
        near = get_close_matches(missing, [*columns], n=1)
        hint = f"Did you mean `{near[0]}`" if near else f"Known: {', '.join(columns)}"
        raise _wrong(function, f"reads `{missing}`, which is not a column. {hint}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a user's code raises anything)
        if isinstance(error, ValueError) and "read-only" in str(error):
            raise _wrong(function, "changes its input. Make a new array instead") from None
        if isinstance(error, AttributeError | TypeError) and "'Columns' object" in str(error):
            hint = 'Read an array with columns["name"], and return the new values'
            raise _wrong(function, f"uses the columns as a data frame ({said(error)}). {hint}") from None
        makes = ", ".join(function.makes)
        row = _failing(function, views) if what == "a table" else ""
        gap = re.search(r" (nan|None)(,|$)", row)
        remedy = "A missing number is NaN and a missing text None: handle them" if gap else "Correct the function"
        raise _wrong(
            function, f"fails on {what} (making {makes}){row}: {said(error).rstrip(' .:')}. {remedy}"
        ) from None


def _failing(function: Function, views: Views) -> str:
    """The first row on which a function fails alone, by the columns that it reads."""
    for single in views.singles:
        try:
            function(single)
        except (Exception, SystemExit):  # noqa: BLE001  (a user's code raises anything)
            known = [f"{name} {single[name][0]}" for name in single.seen() if name in views.whole.seen()]
            return f", first on the row with {', '.join(known)}" if known else ""
    return ""


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether each value is equal, or missing in both."""
    if one.dtype.kind == "f":
        return np.isclose(one, other, rtol=CLOSE, atol=0, equal_nan=True)
    return np.array([a == b for a, b in zip(one, other, strict=True)])


def _compare(function: Function, first: dict[str, np.ndarray], second: dict[str, np.ndarray], sentence: str) -> None:
    for name in function.makes:
        one, other = first[name], second[name]
        same = _same(one, other)
        if not same.all():
            row = int(np.argmin(same))
            raise _wrong(function, sentence.format(name=name, first=one[row], second=other[row]))


def _wrong(function: Function, what: str) -> UserError:
    return UserError(f"{FEATURES}: {function.name} {what}.")
