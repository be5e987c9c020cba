"""Unusual kinds of columns in files: adoption and the contract read the same values."""

import decimal

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from ml.adoption import inference, proposed_contract
from ml.data import cells, reading
from ml.data.values import typed
from ml.io.errors import UserError
from ml.settings.data import Data
from serving.fields import Whole

ROWS = 400
RNG = np.random.default_rng(0)
X = RNG.normal(size=ROWS)
BAD = RNG.random(ROWS) < 1 / (1 + np.exp(-X))
IDS = np.arange(ROWS)
PRICES = [decimal.Decimal(f"{value:.2f}") for value in X]
FLAGS = pd.array(np.where(IDS % 7 == 0, None, IDS % 2 == 0), dtype="boolean")
WHEN = 1_700_000_000_000 + IDS * 86_400_000
KINDS = {  # the ending of the file, columns, what adoption is told, and a part of the contract
    "names with spaces": (
        "csv",
        {" client id ": IDS, "Income (k$)": X, "home town ": RNG.choice([" Graz", "Wien "], ROWS), "bad": BAD},
        {},
        {"id": "client id", "columns": {"home town": {"type": "category"}}},
    ),
    "decimals of a warehouse": (
        "parquet",
        {"id": IDS, "p": PRICES, "bad": BAD},
        {},
        {"columns": {"p": {"type": "number"}}},
    ),
    "categories": (
        "parquet",
        {"id": IDS, "k": pd.Categorical(RNG.choice(["a", "b"], ROWS), categories=["a", "b", "never"]), "bad": BAD},
        {},
        {"columns": {"k": {"type": "category"}}},
    ),
    "nullable types": (
        "parquet",
        {"id": pd.array(IDS + 10**15, dtype="Int64"), "f": FLAGS, "bad": pd.array(BAD.astype(int), dtype="Int8")},
        {},
        {"id": "id", "columns": {"f": {"type": "boolean"}}},
    ),
    "milliseconds since 1970": (
        "csv",
        {"id": IDS, "ts": WHEN, "x": X, "bad": BAD},
        {"time": "ts", "time_format": "milliseconds"},
        {"time": "ts"},
    ),
    "truth as text": (
        "csv",
        {"id": IDS, "x": X, "bad": np.where(BAD, "TRUE", "false")},
        {},
        {"target": {"positive": True}},
    ),
    "levels called nan": (
        "csv",
        {"id": IDS, "k": RNG.choice(["nan", "NaN", "null", "x", ""], ROWS), "bad": BAD},
        {},
        {"columns": {"k": {"type": "category"}}},
    ),
    "a second time with gaps": (
        "parquet",
        {
            "id": IDS,
            "left": pd.to_datetime(np.where(IDS % 2, 1e18, np.nan)),
            "seen": pd.to_datetime(WHEN, unit="ms"),
            "bad": BAD,
            "x": X,
        },
        {},
        {"time": "seen"},
    ),
    "numbers that are nearly 0": (
        "parquet",
        {"id": IDS, "x": 5e-324 * (IDS % 3), "bad": BAD},
        {},
        {"columns": {"x": {"type": "number", "min": 0}}},
    ),
    "ids of 19 digits": (
        "csv",
        {"id": 7_000_000_000_000_000_000 + IDS, "x": X, "bad": BAD},
        {},
        {"id": "id"},
    ),
    "ids beyond every integer": (
        "parquet",
        {"id": [decimal.Decimal(10**25 + int(n)) for n in IDS], "x": X, "bad": BAD},
        {},
        {"id": "id"},
    ),
    "leading zeros": (
        "csv",
        {"id": [f"{n:08d}" for n in IDS], "zip": RNG.choice(["00010", "01010"], ROWS), "bad": BAD},
        {},
        {"id": "id", "columns": {"zip": {"type": "category"}}},
    ),
}


def written(folder, kind, columns):
    path = folder / f"t.{kind}"
    frame = pd.DataFrame(columns)
    (frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path))
    return path


def adopted(path, time="", time_format=""):
    """The contract that `make adopt` infers, and the table as it reads it."""
    frame = reading.read_all(str(path)).frame
    typed = inference.typed(frame, "bad", "", time).frame
    contract, _ = proposed_contract.infer(typed, str(path), "bad", {"time": time} if time else {})
    return contract | (inference.time_format(frame[time], time_format) if time else {}), frame


def within(part, whole):
    return all(within(v, whole[k]) if isinstance(v, dict) else whole[k] == v for k, v in part.items())


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_column_is_adopted_with_its_type(tmp_path, name):
    kind, columns, roles, expected = KINDS[name]
    path = written(tmp_path, kind, columns)

    contract, frame = adopted(path, **roles)

    assert within(expected, contract), contract
    data = Data.model_validate(contract)
    assert not typed(frame, data, [*data.columns]).wrong


def test_levels_and_ids_keep_every_character(tmp_path):
    zeros, words = (
        written(tmp_path / n, "csv", KINDS[n][1]) for n in made(tmp_path, "leading zeros", "levels called nan")
    )

    ids = reading.read_all(str(zeros)).frame["id"]
    contract, _ = adopted(words)

    assert ids.iloc[7] == "00000007"
    assert {"nan", "NaN", "null", "x"} == {*contract["columns"]["k"]["values"]}


def made(folder, *names):
    for name in names:
        (folder / name).mkdir()
    return names


def test_two_names_that_differ_only_by_a_space_are_refused(tmp_path):
    frame = pd.DataFrame(np.column_stack([IDS, X, X]), columns=["id", "amount", " amount"])
    frame.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(UserError, match="has the column 'amount' more than once"):
        reading.read_all(str(tmp_path / "t.csv"))


def test_milliseconds_are_not_guessed_if_no_reading_is_recent(tmp_path):
    _, columns, *_ = KINDS["milliseconds since 1970"]
    path = written(tmp_path, "csv", columns | {"ts": WHEN - 1_600_000_000_000})

    with pytest.raises(UserError, match=r"or 1973-03-03T09:46:40 \(as milliseconds\) or 1970-01-02"):
        adopted(path, time="ts")


@pytest.mark.parametrize("value", [2.6e-42, 0.5, 1234567890.5, -1e-9])
def test_an_id_that_is_nearly_a_whole_number_is_refused(value):
    with pytest.raises(ValidationError):
        TypeAdapter(Whole).validate_python(value)


def test_a_float_with_whole_numbers_can_be_an_id():
    assert TypeAdapter(Whole).validate_json("7.0") == 7


@pytest.mark.parametrize(("value", "said"), [(np.float64(1.5), "1.5"), (np.int64(7), "7"), (np.str_("a"), "'a'")])
def test_a_value_is_shown_without_its_numpy_type(value, said):
    assert cells.shown(value) == said
