import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data.repeats import Repeats, hashes


def found(frame, at_a_time, buffer):
    repeats = Repeats(buffer)
    for first in range(0, len(frame), at_a_time):
        part = frame.iloc[first : first + at_a_time]
        repeats.add(hashes(part), np.arange(first, first + len(part)))
    return repeats.found()


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.0, -0.0, 1.0, math.nan]), st.sampled_from(["a", "nan", None])), max_size=8
    ),
    at_a_time=st.sampled_from([1, 3, 8]),
    buffer=st.sampled_from([1, 4, 100]),
)
def test_duplicate_rows_equal_those_of_pandas(rows, at_a_time, buffer):
    frame = pd.DataFrame(rows, columns=["number", "level"]).astype({"number": "float64", "level": object})

    count, first = found(frame, at_a_time, buffer)

    again = frame.duplicated(keep=False)
    assert count == again.sum()
    assert first == (again.to_numpy().argmax() if count else -1)


@pytest.mark.parametrize("buffer", [100, 100_000])
def test_duplicates_on_disk_equal_those_in_memory(buffer):
    numbers = np.random.default_rng(0).integers(0, 5000, 3000)
    frame = pd.DataFrame({"id": numbers.astype(str)}, dtype=object)

    assert found(frame, 70, buffer).rows == frame.duplicated(keep=False).sum()


def test_rows_that_share_one_of_two_hashes_are_different():
    repeats = Repeats()
    repeats.add(np.array([[7, 1], [7, 2], [7, 1], [8, 1], [7, 2], [7, 1]], dtype="uint64"), np.arange(6))

    assert repeats.found() == (5, 0)
