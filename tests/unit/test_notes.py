"""Changes made during reading are reported in a few lines for any number of columns."""

import pytest

from ml.adoption.inference import typed
from ml.data.notes import brief
from ml.data.reading import read


def notes(tmp_path, header, cells):
    path = tmp_path / "wide.csv"
    path.write_text("\n".join([";".join(header), *(";".join(row) for row in cells)]) + "\n")
    table = read(path)
    return [*table.notes, *typed(table.frame, "bad").notes]


@pytest.mark.slow
def test_a_change_of_many_columns_is_reported_for_three_and_the_others_are_named(tmp_path):
    header = [f"part: {i}" for i in range(30)]
    told = brief(notes(tmp_path, [*header, "bad"], [["1,5"] * 30 + ["yes"], ["2,5"] * 30 + ["no"]]))

    assert len(told) == 5
    assert told[1] == "part: 0: 2 of 2 values are read with a decimal comma, e.g. '1,5'"
    assert told[4].startswith("the same applies to 27 more columns: part: 3, part: 4, ")
    assert told[4].endswith("part: 12 and 17 more")


def test_header_names_that_lose_spaces_are_reported_in_the_same_way(tmp_path):
    told = brief(notes(tmp_path, ["a", " b", " c", " d", " e", " f", "bad"], [["1"] * 6 + ["yes"], ["2"] * 6 + ["no"]]))

    assert len(told) == 5
    assert told[-1] == "the same applies to 2 more columns: ' e', ' f'"


def test_few_notes_stay_unchanged(tmp_path):
    few = notes(tmp_path, ["a", "b", "bad"], [["1,5", "2,5", "yes"], ["1,6", "2,6", "no"]])

    assert brief(few) == few
