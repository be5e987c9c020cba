"""Input files that once failed, each with its correct result and its origin."""

from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ml.adoption import inference, proposed_contract
from ml.data import reading, schema, split, times, values, words
from ml.io.errors import UserError
from ml.model import model
from ml.retraining import fresh
from ml.settings.data import Category, Data
from ml.settings.params import read_params
from ml.settings.prepare import Prepare
from ml.settings.retrain import Retrain
from ml.settings.train import Train
from serving.request_model import body
from tests.conftest import SAMPLE
from tests.serving.server import application, built

HERE = Path(__file__).parent


def contract(name: str, time_format: str = "") -> Data:
    """The contract that `make adopt` makes of a file."""
    table = reading.read(HERE / name).frame
    time = "seen" if "seen" in table else ""
    found = inference.typed(table, "bad", "", time)
    section, _ = proposed_contract.infer(found.frame, f"data/{name}", "bad", {"time": time} if time else {})
    return Data(**section, **(inference.time_format(table["seen"], time_format) if time else {}))


def typed(name: str, data: Data) -> pd.DataFrame:
    return schema.conform(reading.read(HERE / name).frame, data)


@pytest.mark.slow
def test_infinity_is_named_with_its_place_by_adopt_and_validate():
    says = "ratio: 2 of 1,600 rows are infinite, or larger than 3e[+]38, e.g. 'inf' at row 6"
    data = contract("names.csv")
    columns = {"ratio": {"type": "number"}}

    with pytest.raises(UserError, match=says):
        contract("inf.csv")
    with pytest.raises(schema.ContractError, match=says):
        typed("inf.csv", Data(**data.model_dump() | {"columns": columns}))


@pytest.mark.slow
def test_levels_that_read_like_missing_ones_stay_levels_and_the_api_takes_them():
    data = contract("na_levels.csv")

    row = typed("na_levels.csv", data).loc[1]

    assert (row["fence"], row["zone"]) == ("None", "NA")
    sent = {name: row[name] for name in data.columns}
    assert body(data, 1, "refuse").rows.validate_python([sent])[0]["zone"] == "NA"


@pytest.mark.slow
def test_a_level_called_missing_is_not_a_missing_value():
    data = contract("level_missing.csv")
    data = Data(
        **data.model_dump()
        | {"columns": data.columns | {"source": {**data.columns["source"].model_dump(), "missing": 0.5}}}
    )
    frame = typed("level_missing.csv", data)
    fitted = model.fit(frame, data, Train(model="logistic_regression"))

    inputs = schema.inputs(frame.assign(source="missing").head(1), data)
    gone = schema.inputs(frame.assign(source=None).head(1), data)

    encode = fitted.named_steps["preprocessing"].transform
    assert encode(inputs).tolist() != encode(gone).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["utc.csv", "utc.parquet"])
@pytest.mark.parametrize(
    "rows", ["fresh_utc_again.csv", "fresh_utc_new.parquet", "fresh_naive_again.parquet", "fresh_naive_new.parquet"]
)
def test_fresh_rows_join_a_table_whose_times_have_a_zone(name, rows):
    data = contract(name)
    old, given = reading.read(HERE / name).frame, reading.read(HERE / rows).frame

    sifted = fresh.sift(fresh.news(given, old, data), old, data)
    table = fresh.combine(old, sifted.good, data, Retrain()).table

    assert sifted.bad.empty
    assert table["seen"].dtype == old["seen"].dtype
    times = schema.conform(table, data)["seen"]
    assert times.notna().all()
    assert times.max() == typed(rows, data)["seen"].max()


@pytest.mark.slow
def test_days_that_may_be_months_are_refused_with_both_readings_until_their_format_is_stated():
    with pytest.raises(
        UserError, match=r"2024-07-01T.* [(]as %d/%m/%Y[)] or 2024-01-07T.* [(]as %m/%d/%Y[)].*TIME_FORMAT"
    ):
        contract("day_first.csv")
    data = contract("day_first.csv", "%d/%m/%Y")
    old, given = (reading.read(HERE / name).frame for name in ("day_first.csv", "fresh_day_first.csv"))

    sifted = fresh.sift(given, old, data)
    times = schema.conform(fresh.combine(old, sifted.good, data, Retrain()).table, data)["seen"]

    assert typed("day_first.csv", data)["seen"].agg(["min", "max"]).astype(str).tolist() == ["2024-01-01", "2024-12-01"]
    assert times.max() == pd.Timestamp("2026-02-05")


@pytest.mark.slow
def test_whole_number_ids_and_text_ids_are_of_one_type():
    data = contract("int_ids.parquet")
    old, given = (reading.read(HERE / name).frame for name in ("int_ids.parquet", "fresh_text_ids.parquet"))

    table = fresh.combine(old, fresh.sift(given, old, data).good, data, Retrain()).table

    ids = schema.conform(table, data)["ref"]
    assert {type(value) for value in ids} == {str}
    assert (len(table), ids.nunique()) == (2500, 2500)
    assert split.position(pd.Series([1, 1.0, "1", "1.0"], dtype=object)).std() == 0


@pytest.mark.slow
def test_decimals_are_numbers_and_a_semicolon_file_is_read_and_said():
    assert contract("decimal.parquet").columns["amount"].type == "number"
    assert contract("semicolon.csv").columns["size"].type == "number"
    assert "a semicolon" in reading.read(HERE / "semicolon.csv").notes[0]
    assert typed("semicolon.csv", contract("semicolon.csv"))["size"][0] == 90.57


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\n\n", "no header"),
        (b"id,a\n", "2 columns and no rows"),
        (b"id,a, a\n1,2,3\n", r"the column 'a' more than once: columns \[2, 3\]"),
        (b"id,a\x00b\n1,2\n", "name holds a NUL character"),
        (b"id,a\n1,2,\n1,3,\n", r"2 rows without the 2 cells .* Remove a comma at the end of these rows"),
        (b"id,a\n1,2\n1,2,3\n", r"1 row without the 2 cells .* row 2 has 3: '1,2,3'"),
        (b"id,a\n1,2\n\nmade by SAP\n", r"row 2 has 1: 'made by SAP'. Delete these lines if they are notes"),
        ("id,é\n1,2\n".encode("latin-1"), "not UTF-8: byte 0xe9 at offset 3"),
        ("id,a\n1,2\n".encode("utf-16"), "is UTF-16. Save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, says):
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(UserError, match=says):
        reading.read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("cells", "kind", "found"),
    [
        (["1", " 2", "?"], "Int64", [1, 2, None]),
        (["1.5", "-", "NA"], "float64", [1.5, None, None]),
        (["01234", "99999", "1"], "object", ["01234", "99999", "1"]),
        (["a ", "NA", " "], "object", ["a", "NA", None]),
        (["true", "FALSE", None], "boolean", [True, False, None]),
        (["1,5", "2", "0,25"], "float64", [1.5, 2, 0.25]),
        (["9007199254740993", "1", "2"], "Int64", [2**53 + 1, 1, 2]),
        (["7000000000000000001", "1", "2"], "object", ["7000000000000000001", "1", "2"]),
    ],
)
def test_text_has_the_type_of_its_values(cells, kind, found):
    column = inference.column(pd.Series(cells, dtype="str", name="a")).cells

    assert column.dtype == kind
    assert [None if pd.isna(value) else value for value in column] == found


@pytest.mark.parametrize("raw", [[202401, 202402], [1700000000], ["20240131"], ["1.2.2024"], ["2024-02-30"], ["soon"]])
def test_what_is_no_iso_time_is_never_read_as_one(raw):
    found = values.moment(pd.Series(raw), None)

    assert found.cells.isna().all()
    assert found.wrong


@pytest.mark.parametrize(
    ("raw", "stated", "second"),
    [
        ([2023], "%Y", "2023-01-01"),
        ([1_700_000_000], "seconds", "2023-11-14 22:13:20"),
        ([1_700_000_000_000], "milliseconds", "2023-11-14 22:13:20"),
        ([1_700_000_000_000_000], "microseconds", "2023-11-14 22:13:20"),
        (["1700000000000000000"], "nanoseconds", "2023-11-14 22:13:20"),
    ],
)
def test_a_year_or_a_count_since_1970_is_one_of_the_readings_and_is_read_where_stated(raw, stated, second):
    assert stated in times.readings(pd.Series(raw))
    assert values.moment(pd.Series(raw), stated).cells.astype("datetime64[s]").tolist() == [pd.Timestamp(second)]


@pytest.mark.parametrize("stated", ["%q", "%"])
def test_a_format_that_is_none_is_refused_with_one_that_is(stated):
    with pytest.raises(UserError, match=r"no format of dates: .* Write it like"):
        values.moment(pd.Series(["2024-01-31"]), stated)


def test_a_time_that_no_calendar_has_is_wrong_and_breaks_nothing():
    found = values.moment(pd.Series([10**30, "1e400", 5]), "seconds")

    assert found.cells.isna().tolist() == [True, True, False]


@pytest.mark.parametrize("read", [values.category, values.identity])
def test_a_cell_with_a_nul_character_is_refused_and_never_taken_for_another(read):
    found = read(pd.Series(["c1", "c1\x00a", "c1\x00b", None]))

    assert found.cells.tolist() == ["c1", None, None, None]
    assert [rows.tolist() for rows in found.wrong.values()] == [[False, True, True, False]]


@pytest.mark.parametrize("dates", [1, 2, 3])
def test_a_split_by_time_has_rows_on_both_sides_or_says_why_not(dates):
    times = pd.Series(pd.date_range("2026-01-01", periods=dates).repeat(10))
    if dates == 1:
        with pytest.raises(UserError, match="all 10 rows have the same"):
            split.newest(times, 0.2)
    else:
        assert 0 < split.newest(times, 0.2).mean() < 1


CELLS = st.one_of(
    st.none(), st.sampled_from(["NA", "1", "1.0", " a", "007", "true", "", "b;c", 'q"', "x\ny", "None", "é"])
)


@pytest.mark.slow
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_text_table_is_the_same_from_csv_and_parquet(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("alike")
    frame = pd.DataFrame([(str(n), *row) for n, row in enumerate(rows)], columns=["id", "a", "b"], dtype="str")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")

    one, other = (inference.typed(reading.read(folder / f"t.{kind}").frame, "b").frame for kind in ("csv", "parquet"))

    pd.testing.assert_frame_equal(one, other)


LEVELS = ("NA", "1", "2.5", "True", "a b", "007")
WORDS = st.one_of(st.sampled_from([*LEVELS, " NA", "1.0", "true", "7", "x", "na"]), st.booleans(), st.integers(0, 8))


@pytest.mark.slow
@given(WORDS)
def test_the_api_takes_exactly_the_levels_that_training_takes(value):
    data = contract_of_levels()
    level = values.category(pd.Series([value], dtype=object), data.columns["a"]).cells[0]
    try:
        taken = body(data, 1, "refuse").rows.validate_python([{"a": value}])[0]["a"]
    except ValidationError:
        taken = None

    assert taken == (level if level in LEVELS else None)


def contract_of_levels() -> Data:
    return Data(file="a.csv", id="id", target={"name": "b"}, columns={"a": Category(type="category", values=LEVELS)})


def test_one_rule_spells_ids_and_levels():
    assert [words.key(v) for v in (1, 1.0, "1.0", " 1", "007", True, "TRUE")] == ["1"] * 4 + ["007", "True", "True"]


def test_by_hash_the_sides_are_those_of_the_text():
    ids = pd.DataFrame({"ref": [str(n) for n in range(50)]})
    data = contract("int_ids.parquet")

    sides = [split.is_test(frame, data, Prepare()) for frame in (ids, ids.astype({"ref": int}), ids.astype(float))]

    assert (sides[0] == sides[1]).all()
    assert (sides[0] == sides[2]).all()


@pytest.mark.slow
def test_a_packed_body_is_answered_by_a_model_of_a_table_with_three_positive_rows(tmp_path):
    data = contract("rare.csv")
    params = read_params(SAMPLE).model_copy(update={"data": data})
    frame = typed("rare.csv", data)
    packed = (HERE / "body.gz").read_bytes()
    headers = {"content-type": "application/json", "content-encoding": "gzip"}

    with TestClient(application(built(tmp_path / "model", frame, params), tmp_path / "logs")) as client:
        answer = client.post("/predict", content=packed, headers=headers)

    assert answer.status_code == 200
    assert 0 < answer.json()["predictions"][0]["score"] < 0.1
    with pytest.raises(UserError, match=r"bad: all [\d,]+ training rows are no, so there is nothing to learn"):
        model.fit(frame[frame["bad"] == "no"], data, params.train)
