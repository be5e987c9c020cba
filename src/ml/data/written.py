"""Conversion of typed rows to the format of a table's file, so that they can be appended."""

import pandas as pd

from ml.data import cells, number_columns, times, words
from ml.data.words import key
from ml.settings.data import Data


def below(old: pd.DataFrame, typed: pd.DataFrame, fresh: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The rows of `old` followed by `fresh`, in the types and words of `old` if these can hold both.

    `old` is as its file has it, `typed` the same rows in the contract's types, like `fresh`.
    """
    columns = {}
    for name in old:
        if name not in fresh:
            columns[name] = (old[name], old[name].iloc[:0].reindex(fresh.index))
        elif name == data.time:
            columns[name] = _times(old[name], fresh[name], data.time_format)
        elif pd.api.types.is_numeric_dtype(typed[name].dtype):
            columns[name] = _numbers(old[name], typed[name], fresh[name])
        else:
            columns[name] = _words(old[name], typed[name], fresh[name])
    return pd.DataFrame({name: pd.concat(parts, ignore_index=True) for name, parts in columns.items()})


def _times(old: pd.Series, fresh: pd.Series, stated: str | None) -> tuple[pd.Series, pd.Series]:
    if isinstance(old.dtype, pd.DatetimeTZDtype):
        return old, fresh.dt.tz_localize("UTC").dt.tz_convert(old.dtype.tz)
    if pd.api.types.is_datetime64_any_dtype(old.dtype):
        return old, fresh
    if stated in times.EPOCHS:
        units = pd.Timedelta(1, times.EPOCHS[stated])
        return old, ((fresh - pd.Timestamp(0)) // units).astype(old.dtype)
    zone = "+00:00" if not stated and old.astype("str").str.fullmatch(times.ZONED).any() else ""
    text = (
        fresh.dt.strftime(stated) if stated else fresh.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str.removesuffix(".000000")
    )
    return old, (text + zone).astype(old.dtype)


def _numbers(old: pd.Series, typed: pd.Series, fresh: pd.Series) -> tuple[pd.Series, pd.Series]:
    if isinstance(old.dtype, pd.StringDtype):
        text = old.str.strip()
        plain = text.isna() | text.str.fullmatch(words.NUMBER) | text.str.lower().isin({*words.MISSING, ""})
        odd = not plain.all() or number_columns.writing(text).commas
        return cells.as_strings(typed) if odd else old, cells.as_strings(fresh)
    whole = (fresh % 1 == 0).all()
    if pd.api.types.is_bool_dtype(old.dtype) and fresh.isin([0, 1]).all():
        return old, fresh.astype(old.dtype)
    if pd.api.types.is_integer_dtype(old.dtype) and whole:
        return old, fresh.astype(old.dtype)
    return typed, fresh


def _words(old: pd.Series, typed: pd.Series, fresh: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Ids, labels and levels: in the spelling of the old rows if they have the same word, otherwise all as text."""
    if isinstance(old.dtype, pd.StringDtype):
        return old, fresh.astype("str")
    known = {key(value): value for value in old.dropna().unique()}
    if fresh.dropna().isin(known).all() or _whole(old, fresh):
        return old, fresh.map(lambda word: known.get(word, word), na_action="ignore").astype(old.dtype)
    return cells.as_strings(typed), cells.as_strings(fresh)


def _whole(old: pd.Series, fresh: pd.Series) -> bool:
    """Whether the new ids are whole numbers as well."""
    return bool(pd.api.types.is_integer_dtype(old.dtype) and fresh.str.fullmatch(r"-?(0|[1-9][0-9]{0,17})").all())
