"""Warnings about values of a new table that may not mean what they say."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from ml.adoption import proposed_contract
from ml.data import row_ids, times
from ml.data.number_units import SOME, units
from ml.data.schema import levels
from ml.io.text import counted
from ml.settings.params import Params

CODES = (-1, -9, -99, -999, -9999, -99999, 99, 999, 9999, 99999, 999999)  # codes for a missing value
YES, NO = {"true", "yes", "y", "t", "1"}, {"false", "no", "n", "f", "0"}
DATED = re.compile(r"(^|[^a-z])(date|datum|fecha|data|dato|tag|day)([^a-z]|$)")
SEVERAL = 3  # minimum rows with such a code
ALONE = 2  # times the range of all other values: the minimum distance of a code


def warnings(table: pd.DataFrame, contract: dict[str, Any], params: Params) -> list[str]:
    """All warnings about the values of a table."""
    few = proposed_contract.warnings(table[contract["target"]["name"]], params)
    return [f"warning: {sentence}" for sentence in (*suspicions(table, contract), *few)]


def suspicions(table: pd.DataFrame, contract: dict[str, Any]) -> list[str]:
    """Sentences on levels and classes in two ways of writing, on numbers with a unit, and on codes for missing."""
    names = [
        contract["target"]["name"],
        *(n for n, column in contract["columns"].items() if column.get("type") != "text"),
    ]
    checks = (_spellings, _truths, _units, _missing, _excel)
    return [sentence for name in names for check in checks for sentence in check(table[name])]


def variants(values: Iterable[str]) -> list[tuple[str, ...]]:
    """The values that differ only in upper and lower case, or in a final point."""
    groups: dict[str, list[str]] = {}
    for value in values:
        groups.setdefault(" ".join(value.casefold().removesuffix(".").split()), []).append(value)
    several = {plain: tuple(group) for plain, group in groups.items() if len(group) > 1}
    letters = len(several) == len(groups)  # a, A, b, B, …: both cases are intended
    return [group for plain, group in several.items() if len(plain) > 1 or not letters]


def _spellings(column: pd.Series) -> Iterator[str]:
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return
    if found := variants(map(str, levels(pd.Series(column.dropna().unique())).unique())):
        counts = levels(column.dropna()).value_counts()
        some = ", ".join(" and ".join(f"{value!r} ({counts[value]:,})" for value in group) for group in found[:3])
        yield (
            f"{column.name}: {some} differ only in case or a final point, but count as different values. Write "
            "each in one way"
        )


def _truths(column: pd.Series) -> Iterator[str]:
    """Sentences about yes and no in several words: true, yes, 1."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return
    values = [str(value) for value in levels(column.dropna()).unique()]
    kinds = {value.casefold() in YES for value in values}
    if len(values) > 2 and len(kinds) == 2 and {value.casefold() for value in values} <= YES | NO:  # noqa: PLR2004
        yes = ", ".join(value for value in values if value.casefold() in YES)
        no = ", ".join(value for value in values if value.casefold() in NO)
        yield f"{column.name}: {yes} may mean the same, and so may {no}, but all count as different values. Write two"


def _units(column: pd.Series) -> Iterator[str]:
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return
    values = levels(column.dropna()).unique()
    if unit := units(values, SOME):
        yield (
            f"{column.name}: its {counted(len(values), 'level')}, such as {values[0]!r}, are numbers with a unit "
            f"({unit}). Write the numbers alone, all in one unit, to get a column of numbers"
        )


def _excel(column: pd.Series) -> Iterator[str]:
    """Days as Excel counts them, in a column with the name of a date."""
    if not pd.api.types.is_numeric_dtype(column) or not DATED.search(row_ids.words(str(column.name))):
        return
    if (day := times.excel(column)) and not (column % 1 != 0).any():
        yield (
            f"{column.name}: its numbers may be days of Excel, the first of them {day}. Then format the column as a "
            "date (yyyy-mm-dd) and export the table again"
        )


def _missing(column: pd.Series) -> Iterator[str]:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return
    values = column.dropna().to_numpy("float64")
    for code in (values.min(), values.max()) if len(values) else ():
        rows, others = int((values == code).sum()), values[values != code]
        if code not in CODES or rows < SEVERAL or not len(others):
            continue
        gap = float(np.abs(others - code).min())
        if gap > ALONE * float(np.ptp(others)) and gap > 1:
            yield (
                f"{column.name}: {code:g} in {counted(rows, 'row')} is far from all other values. If it means missing, "
                "leave these cells empty"
            )
