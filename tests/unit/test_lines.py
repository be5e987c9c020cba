"""Answers and log lines computed by column equal those computed by row."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml.data import values, words
from ml.model.model_contract import Contract
from ml.scoring.lines import rows_as_json
from ml.tasks.answers import answers_of

NUMBERS = st.one_of(st.floats(allow_infinity=False), st.integers(-(2**53), 2**53).map(float))
WORDS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
TARGETS = {
    "binary": {"name": "y"},
    "regression": {"name": "y", "task": "regression"},
    "multiclass": {"name": "y", "task": "multiclass", "classes": ["a", "b", "c"]},
}


@given(st.lists(st.tuples(WORDS, NUMBERS, st.booleans()), max_size=5))
@example([('a"b\\c\n', 1e-7, True), ("é\u2028", 5e300, False), (None, np.nan, True)])
def test_each_row_is_one_object_with_unchanged_values(rows):
    text = np.array([None, *(word for word, *_ in rows)], dtype=object)[1:]
    number = np.array([value for _, value, _ in rows], dtype="float64")
    flag = np.array([value for *_, value in rows], dtype=bool)

    lines = rows_as_json({'the "id"': text, "features": {"n": number}, "f": flag}, 2)

    found = [row for line in lines for row in json.loads(b"[" + line + b"]")]
    assert [len(json.loads(b"[" + line + b"]")) for line in lines[:-1]] == [2] * (len(lines) - 1)
    expected = [{'the "id"': w, "features": {"n": None if np.isnan(n) else n}, "f": bool(f)} for w, n, f in rows]
    assert found == expected


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("count", [0, 4])
def test_a_table_of_predictions_equals_those_of_the_api(task, count):
    columns = {"x": {"type": "number"}}
    data = {"file": "t.csv", "id": "id", "target": TARGETS[task], "columns": columns}
    contract = Contract(project="p", threshold=0.5, data=data, half_width=0.25)
    output = np.random.default_rng(0).random((count, 3) if task == "multiclass" and count else count)

    answers = answers_of(contract)
    kept = answers.logged(output) if count else []
    expected = answers.added(output, kept) if count else []

    found = answers.columns(output)
    each = [{f"scores_{name}": score for name, score in row.pop("scores", {}).items()} for row in expected]
    rows = zip(*(values.tolist() for values in found.values()), strict=True)
    assert [dict(zip(found, row, strict=True)) for row in rows] == [a | b for a, b in zip(expected, each, strict=True)]


@pytest.mark.slow
@given(st.lists(WORDS, max_size=5))
@example(["a\0", "\0", "x"])
@example(["true", "7"])
@example(["1.00", "x"])
@example(["", "x"])
@example(["\x1fa", "a\u3000"])
def test_ids_are_written_as_key_writes_each(ids):
    found = values.category(pd.Series(ids, dtype="str"))

    cut = [word is not None and "\0" in word for word in ids]
    read = [None if word is None or wrong else word for word, wrong in zip(ids, cut, strict=True)]
    assert [mask.tolist() for mask in found.wrong.values()] == [cut] * any(cut)
    assert found.cells.tolist() == [None if word is None else words.key(word) or None for word in read]
    spaced = [word for word in read if word is not None and word != word.strip()]
    assert sum(change.count for change in found.changes) == len(spaced)
