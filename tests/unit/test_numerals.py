"""Formatted numbers have the same value in a table, in a part of it and in a request."""

import numpy as np
import pandas as pd
import pytest

from ml.data import number_columns, numerals, words
from ml.data.written import below
from ml.settings.data import Data, Number

ANY = Number(type="number")


@pytest.mark.parametrize(
    ("cells", "found", "said"),
    [
        (["$1,234.50", "$2", "-$3.5"], [1234.5, 2, -3.5], "3 of 3 values are read without $, e.g. '$1,234.50'"),
        (["1.234,50 €", "7 €", "1.000 €"], [1234.5, 7, 1000], "3 of 3 values are read without €"),
        (["12%", "3.5 %", "?"], [12, 3.5, None], "2 of 3 values are read without %, e.g. '12%'"),
        (["1,234,567", "1,234", "12"], [1234567, 1234, 12], "2 of 3 values are read without commas between thousands"),
        (
            ["1,234", "0.5", "3"],
            [1234, 0.5, 3],
            "1 of 3 values are read without commas between",
        ),
        (["1.234.567", "1.234", "1,5"], [1234567, 1234, 1.5], "2 of 3 values are read without points between"),
        (["1'234.5", "12 345", "1\u00a0000"], [1234.5, 12345, 1000], "3 of 3 values are read without spaces between"),
        (["<0.1", "0.25", "≥ 9"], [0.1, 0.25, 9], "1 of 3 values are read without <, e.g. '<0.1'"),
        (["(12.50)", "3", "(€ 4)"], [-12.5, 3, -4], "2 of 3 values are read without brackets or a last -, which mean"),
        (["37,84-", "5,1", "1.200,00-"], [-37.84, 5.1, -1200], "2 of 3 values are read without brackets or a last -"),
        (["\u22123.5", "4", "-1"], [-3.5, 4, -1], ""),
        (["USD 5", "6 usd", "n/a"], [5, 6, None], "1 of 3 values are read without USD"),
        (["\u0663\u0664", "\u06f5\u066b\u06f5", "\uff11\uff12"], [34, 5.5, 12], "3 of 3 values are read as digits"),
        (
            ["₹12,34,567.50", "1,00,000", "999"],
            [1234567.5, 100000, 999],
            "2 of 3 values are read without commas between",
        ),
        (["#DIV/0!", "2.5", "#REF!"], [None, 2.5, None], "2 of 3 values are read as missing, e.g. '#DIV/0!'"),
        (["1.000", "12.500"], [1, 12.5], "2 of 2 values have three digits after a point, which is read as a decimal"),
        (["€ 1.000", "2.500"], [1, 2.5], "2 of 2 values have three digits after a point, which is read as a decimal"),
        (["0,250", "1,500", "-"], [0.25, 1.5, None], "2 of 3 values are read with a decimal comma, e.g. '0,250'"),
    ],
)
def test_a_column_is_read_by_the_format_of_its_values(cells, found, said):
    column = number_columns.number(pd.Series(cells, name="a", dtype="str"), ANY)

    np.testing.assert_equal(column.cells.to_numpy(), np.array(found, dtype="float64"))
    assert not column.wrong
    assert not said or any(said in str(change) for change in column.changes)


@pytest.mark.parametrize(
    "cells",
    [
        ["1,234", "5"],
        ["3,5", "2.5"],
        ["1,2345.6"],
        ["$5$"],
        ["12 34"],
        ["1,2,345"],
        ["5 apples"],
        ["--5"],
        ["+-5"],
        ["$"],
    ],
    ids=str,
)
def test_values_with_two_readings_or_none_are_refused(cells):
    assert number_columns.number(pd.Series(cells, name="a", dtype="str"), ANY).wrong


@pytest.mark.parametrize(
    ("word", "found"),
    [("$1,234.50", 1234.5), ("12 %", 12.0), ("1.234,5", 1234.5), ("3,5", 3.5), ("1,234", "1,234"), ("five", "five")],
)
def test_a_request_reads_each_value_separately_and_refuses_two_readings(word, found):
    assert words.cell(word, ANY) == found


def test_parts_of_a_column_are_read_like_the_whole_column():
    cells = pd.Series(["1.000 €", "2.500 €", "3,5 €", "7"], name="a", dtype="str")
    parts = [cells.head(2), cells.tail(2)]

    how = number_columns.writing(parts[0]).plus(number_columns.writing(parts[1]))
    read = pd.concat([number_columns.number(part, ANY, how).cells for part in parts])

    assert how == number_columns.writing(cells)
    assert read.tolist() == number_columns.number(cells, ANY).cells.tolist() == [1000, 2500, 3.5, 7]


def test_appended_rows_do_not_change_the_values_of_such_a_column():
    target = {"name": "y", "task": "regression"}
    data = Data(file="a.csv", id="id", target=target, columns={"a": {"type": "number"}})
    old = pd.DataFrame({"a": pd.Series(["1.000 €", "3,5 €"], dtype="str")})
    typed = old.assign(a=number_columns.number(old["a"], ANY).cells)

    both = below(old, typed, pd.DataFrame({"a": [2.25]}), data)

    assert number_columns.number(both["a"], ANY).cells.tolist() == [1000, 3.5, 2.25]


def test_telephone_numbers_and_addresses_are_no_numbers():
    assert [numerals.alone(word) for word in ("0664 123 456", "10.1.2.3", "12-34", "1 2", "2024-01-31")] == [None] * 5
