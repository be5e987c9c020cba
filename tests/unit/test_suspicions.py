"""Adoption warns about values with an unlikely meaning, and finds the time of a row."""

import numpy as np
import pandas as pd
import pytest

from ml.adoption import inference, proposed_contract, proposed_time, suspicions
from ml.data import times
from ml.data.number_units import units
from ml.io.errors import UserError
from ml.tasks.inferred import target_of

DAYS = pd.date_range("2024-01-20", periods=60, freq="D")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["<=50K", "<=50K.", ">50K", ">50K."], [("<=50K", "<=50K."), (">50K", ">50K.")]),
        (["F", "f", "M", "U"], [("F", "f")]),
        (["web", "Web ", "app"], [("web", "Web ")]),
        (["a", "A", "b", "B"], []),
        (["1", "1.5", "2."], []),
    ],
)
def test_levels_that_differ_in_their_spelling_are_named(values, found):
    assert suspicions.variants(values) == found


@pytest.mark.parametrize(
    ("code", "share", "named"), [(-999, 0.1, True), (9999, 0.1, True), (-999, 0.001, False), (-1, 0.1, False)]
)
def test_a_number_that_may_mean_missing_is_named(code, share, named):
    values = np.where(np.arange(1000) < 1000 * share, code, np.arange(1000) % 90)
    table = pd.DataFrame({"heat": values, "y": np.arange(1000) % 2})

    found = suspicions.suspicions(table, {"target": {"name": "y"}, "columns": {"heat": {}}})

    assert any(f"heat: {code} in" in sentence for sentence in found) == named


@pytest.mark.parametrize(
    ("name", "values", "settings"),
    [
        ("ordered at", DAYS.strftime("%Y-%m-%dT10:00:00+01:00"), {}),
        ("admitted", DAYS.strftime("%d.%m.%Y"), {"time_format": "%d.%m.%Y"}),
        ("event_time", 1_700_000_000 + 60 * np.arange(60), {"time_format": "seconds"}),
        ("timestamp", 1_700_000_000_000 + 60 * np.arange(60), {"time_format": "milliseconds"}),
        ("seen", DAYS, {}),
        ("created", DAYS.strftime("%Y-%m-%d %H:%M:%S UTC"), {}),
        ("sent", [f"{day.year}-{day.month}-{day.day} 9:05" for day in DAYS], {"time_format": "%Y-%m-%d %H:%M"}),
        ("month", DAYS.strftime("%Y-%m"), {}),
        ("period", DAYS.strftime("%Y/%m"), {"time_format": "%Y/%m"}),
        ("issued", DAYS.strftime("%b-%Y"), {"time_format": "%b-%Y"}),
        ("shipped", DAYS.strftime("%m/%d/%y"), {"time_format": "%m/%d/%y"}),
        ("called", DAYS.strftime("%m/%d/%Y 03:15 PM"), {"time_format": "%m/%d/%Y %I:%M %p"}),
        ("paid", DAYS.strftime("%b %d, %Y"), {"time_format": "%b %d, %Y"}),
        ("登録日", DAYS.strftime("%Y年%m月%d日"), {"time_format": "%Y年%m月%d日"}),
    ],
)
def test_the_time_of_a_row_is_found_in_any_form(name, values, settings):
    frame = pd.DataFrame({"born": DAYS.strftime("%Y-%m-%d"), name: values, "ended": [None, *DAYS[1:]]})

    found = proposed_time.candidates(frame, set())

    assert found == [name, "born"]
    assert inference.time_format(frame[name], "") == settings


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Time", np.arange(60)),  # since the first row
        ("arrival_date_year", 2020 + np.arange(60) % 3),
        ("time", np.arange(60) * 3),  # days of treatment
        ("price", 1_700_000_000 + np.arange(60)),
        ("day", ["2024-01-01"] * 60),
        ("due", ["01/02/2024", "02/03/2024"] * 30),  # of two readings
    ],
)
def test_numbers_and_ambiguous_dates_are_no_time(name, values):
    assert proposed_time.candidates(pd.DataFrame({name: values}), set()) == []


def test_a_column_of_numbers_with_limits_of_detection_is_one_of_numbers():
    found = inference.column(pd.Series(["<0.1", "0.5", "?", "> 90", "3", "4"] * 9, name="crp"))

    assert found.cells.dropna().tolist() == [0.1, 0.5, 90, 3, 4] * 9
    assert any("are read without <, e.g. '<0.1'" in str(change) for change in found.changes)


def test_bands_are_levels_and_numbers_with_many_words_give_a_note():
    bands = inference.column(pd.Series([">200", ">300", None] * 9, name="glucose"))
    mixed = inference.column(pd.Series([*map(str, range(40)), "clotted"] * 9, name="lactate"))

    assert bands.cells.dropna().unique().tolist() == [">200", ">300"]
    assert any("9 of 369 values are text, so all numbers" in str(change) for change in mixed.changes)


def test_of_the_classes_1_and_2_the_rarer_is_positive():
    assert target_of(pd.Series([1, 1, 1, 2]), "class", None)["positive"] == "2"
    assert target_of(pd.Series([1, 1, 1, 0]), "class", None)["positive"] == "1"


def test_a_file_with_a_name_that_says_nothing_names_the_project_by_its_target():
    assert proposed_contract.project_name("train", "trip_duration") == "trip-duration"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["0.6 kg", "1.2 kg", "12 kg", "?"], "kg"),
        (["4GB", "8GB", "512MB"], "GB and MB"),
        (["36 months", "60 months"], ""),
        (["1st", "2nd", "3rd", "4th"], ""),
        (["< 1 year", "1 year", "2 years", "10+ years"], ""),
        (["1 kg", "2 kg", "heavy"], ""),
        (["941xx", "100xx", "021xx"], ""),
        (["18-25", "26-35", "12:30"], ""),
    ],
)
def test_levels_that_are_numbers_with_a_unit_give_a_note(values, found):
    table = pd.DataFrame({"size": values, "y": "a"})

    told = suspicions.suspicions(table, {"target": {"name": "y"}, "columns": {"size": {}}})

    assert units(values) == found
    assert [f"numbers with a unit ({found})" in sentence for sentence in told] == ([True] if found else [])


def test_many_numbers_with_a_unit_are_no_text_with_a_part_that_repeats():
    table = pd.DataFrame({"size": [f"{n / 70:.2f}cm" for n in range(900)], "a": [1, 2, 3] * 300, "y": [0, 1] * 450})

    _, left = proposed_contract.infer(table, "data/a.csv", "y", {})

    assert left == ["size: numbers with a unit (cm), such as '0.00cm'; write the numbers alone, all in one unit"]
    with pytest.raises(UserError, match=r"size: its values, such as '0.00cm', are numbers with a unit"):
        target_of(table["size"], "size", None)


def test_a_point_before_three_digits_is_refused_where_other_columns_have_decimal_commas():
    table = pd.DataFrame({"count": ["1.000", "2.500"], "price": ["1,5", "12,25"], "y": ["a", "b"]}, dtype="str")

    with pytest.raises(UserError, match=r"count: '1.000' may be .* write it as 1000 or 1,000"):
        inference.typed(table, "y")
    assert inference.typed(table.drop(columns="price"), "y").frame["count"].tolist() == [1, 2.5]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["01/01/2024", "02/01/2024"], "'02/01/2024' may be 2024-01-02T00:00:00 (as %d/%m/%Y) or 2024-02-01T00:00:00"),
        (["01/01/2024", "02/02/2024"], "'01/01/2024' fits %d/%m/%Y and %m/%d/%Y; set data.time_format"),
    ],
)
def test_two_readings_of_a_date_differ(values, said):
    assert said in times.parse(pd.Series(values, dtype="str")).why


@pytest.mark.parametrize("word", ["now", "today", "Today", "NaT"])
def test_words_that_pandas_reads_as_a_time_are_no_dates(word):
    assert times.readings(pd.Series([word] * 9)) == {}


@pytest.mark.slow
def test_each_format_is_found_for_its_own_dates():
    day = pd.Timestamp("2026-05-31 21:08:09.25")
    formats = [*times.DAYS, *(times.DAYS[0] + clock for clock in times.CLOCKS)]

    assert [form for form in formats if form not in times.readings(pd.Series([day.strftime(form)]))] == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            ["1,234", "5,678", ""],
            "2 of 3 rows are not a number: '1,234' may be 1234 or 1.234; write",
        ),
        (["3,5", "2.5", "1"], "1 of 3 rows are not a number: '3,5' has a decimal comma and other rows a decimal point"),
        (["1.2.3", "3,5", "2.5"], ""),
        (["about 1,234", "5,678", "7"], ""),
    ],
)
def test_ambiguous_numbers_are_no_levels(values, said):
    table = pd.DataFrame({"size": values, "y": "a"}, dtype="str")

    found = inference.typed(table, "y")

    assert [sentence.startswith(f"size: {said}") for sentence in found.left] == ([True] if said else [])
    assert ("size" in found.frame) == (not said)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["TRUE", "yes", "1", "No", "0"], "size: True, yes, 1 may mean the same, and so may No, 0, but"),
        (["yes", "no"], ""),
        (["yes", "no", "maybe"], ""),
        (["y", "n", "t", "f"], "size: y, t may mean the same, and so may n, f"),
    ],
)
def test_several_words_for_yes_and_no_are_named(values, said):
    table = pd.DataFrame({"size": values, "y": "a"}, dtype="str")
    frame = inference.typed(table, "y").frame

    told = suspicions.suspicions(frame, {"target": {"name": "y"}, "columns": {"size": {}}})

    assert [sentence.startswith(said) for sentence in told] == ([True] if said else [])


def test_a_target_with_empty_negatives_gets_advice():
    with pytest.raises(UserError, match=r"y: 2 of 5 rows hold Yes, and the others are empty\. .* write that value"):
        target_of(pd.Series(["Yes", None, None, "Yes", None]), "y", None)


@pytest.mark.parametrize("values", [["2023-W01", "2023-W52"], ["2023Q1", "2023Q4"], ["q1 2023", "q2 2023"]])
def test_periods_are_no_levels_because_later_rows_have_later_periods(values):
    table = pd.DataFrame({"when": values * 90, "a": [1, 2, 3] * 60, "y": [0, 1] * 90})

    _, left = proposed_contract.infer(table, "data/a.csv", "y", {})

    assert [sentence.startswith("when: periods such as a week or a quarter") for sentence in left] == [True]


@pytest.mark.parametrize("form", ["%Y-%m-%d 10:00 EST", "%a, %d %b %Y 10:00:00 GMT", "%d. März %Y"])
def test_dates_that_are_not_read_are_no_levels(form):
    table = pd.DataFrame({"when": DAYS.strftime(form), "a": [1, 2, 3] * 20, "y": [0, 1] * 30})

    _, left = proposed_contract.infer(table, "data/a.csv", "y", {})

    assert [sentence.startswith("when: dates in a form that is not read, such as ") for sentence in left] == [True]


def test_a_stated_format_may_contain_the_zone():
    text = pd.Series(DAYS.strftime("%d.%m.%Y 10:00 GMT"))

    assert inference.time_format(text, "%d.%m.%Y %H:%M GMT") == {"time_format": "%d.%m.%Y %H:%M GMT"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([f"${n}.5M" for n in range(1, 200)], "numbers with a unit (M), such as '$1.5M'; write the numbers alone"),
        ([f"{n % 99}k" if n % 2 else f"{n}00" for n in range(200)], "numbers with a unit (k), such as"),
        ([f"{n % 24:02d}:{n % 60:02d}" for n in range(120)], "times of day or durations, such as '00:00'"),
        ([f"{n // 60 + 1}:{n % 60:02d} PM" for n in range(120)], "times of day or durations, such as '1:00 PM'"),
        ([f"{n % 7}h {n % 60}m" for n in range(120)], "times of day or durations, such as '0h 0m'"),
        ([f"PT{n}H{n % 60}M" for n in range(120)], "times of day or durations, such as 'PT0H0M'"),
        ([f"P{n % 119}" for n in range(120)], "119 different texts in 120 rows"),
    ],
)
def test_text_that_is_a_number_in_disguise_is_left_out_with_the_reason(values, said):
    table = pd.DataFrame({"size": values}).assign(a=lambda frame: frame.index / 7, y=lambda frame: frame.index % 2)

    _, left = proposed_contract.infer(table, "data/a.csv", "y", {})

    assert [sentence.startswith(f"size: {said}") for sentence in left] == [True]


@pytest.mark.parametrize(
    ("values", "dates"),
    [
        ([202301 + n for n in range(12)], True),
        ([20240101 + n for n in range(28)], True),
        ([202301 + n for n in range(13)], False),
        ([202301, 202302], False),
        ([1990 + n for n in range(12)], False),
        ([202301.5 + n for n in range(12)], False),
    ],
)
def test_whole_numbers_that_are_all_dates_are_no_numbers(values, dates):
    table = pd.DataFrame({"when": values * 20, "y": ["a", "b"] * (len(values) * 10)})

    found, left = proposed_contract.infer(table.assign(a=table.index / 7), "data/a.csv", "y", {})

    assert ("when" not in found["columns"]) is dates
    assert [sentence.startswith("when: dates; name it with TIME=when") for sentence in left] == [True] * dates


@pytest.mark.parametrize(("name", "said"), [("datum", True), ("order_date", True), ("amount", False)])
def test_days_of_excel_in_a_column_with_the_name_of_a_date_are_named(name, said):
    table = pd.DataFrame({name: [45_000 + n for n in range(60)], "y": "a"})

    told = suspicions.suspicions(table, {"target": {"name": "y"}, "columns": {name: {}}})

    assert [
        sentence.startswith(f"{name}: its numbers may be days of Excel, the first of them 2023-03-15")
        for sentence in told
    ] == [True] * said


@pytest.mark.parametrize(
    ("values", "said"), [(["12%", "€3"], True), (["CHF 1", "EUR 2"], True), (["€3", "€4", "5"], False)]
)
def test_numbers_with_several_signs_are_named(values, said):
    table = pd.DataFrame({"price": values * 9, "y": "a"}, dtype="str")

    notes = inference.typed(table, "y").notes

    assert any(note.startswith("warning: price: values with ") for note in notes) is said
