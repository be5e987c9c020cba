"""Functions in src/features.py make features of dates, equal in table, row and compiled form, and as in pandas."""

import numpy as np
import pandas as pd
import pytest

from ml.data import schema
from ml.data.words import OTHERS
from ml.model import dates, feature_checks, made_columns, model, model_file
from ml.model.compiled import compiled
from ml.model.compiled_parity import served
from ml.model.model_contract import CONTRACT, Contract
from ml.model.predictor import from_files
from ml.model.reference import Reference, profiled
from ml.settings import feature_source
from ml.settings.data import Data
from ml.settings.train import Train
from tests.conftest import ROOT

DATE = {"type": "category", "values": ["2024-01-31"], "others": True, "encoding": "none", "missing": 0.2}
DATA = Data.model_validate(
    {
        "file": "t.csv",
        "id": "id",
        "target": {"name": "y", "positive": True},
        "columns": {"x": {"type": "number"}, "ordered": DATE, "born": DATE},
    }
)
DOCS = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").split("## Dates")[1]
TEXT = DOCS.split("```python\n")[1].split("```")[0]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    ordered = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 400 * 24, 300), unit="h")
    born = pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, 300), unit="D")
    raw = pd.DataFrame({"id": [f"r{n}" for n in range(300)], "x": rng.normal(size=300), "ordered": ordered})
    raw = raw.assign(born=np.where(rng.random(300) < 0.1, None, born.strftime("%Y-%m-%d")), y=ordered.hour > 11)
    return schema.conform(raw, DATA)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The functions of the page as this repository's src/features.py."""
    monkeypatch.chdir(tmp_path)
    feature_source.FEATURES.parent.mkdir()
    feature_source.FEATURES.write_text(TEXT)


@pytest.mark.slow
def test_parts_and_ages_are_equal_in_every_form_and_the_text_itself_is_no_input(table):
    feature_checks.check(TEXT, table, DATA)
    fitted = model.fit(table, DATA, Train.model_validate({"random_forest": {"n_estimators": 10}}), TEXT)
    known = Contract(project="p", threshold=0.5, data=DATA).model_dump_json().encode()
    predictor = from_files({CONTRACT: known, "model.skops": model_file.dumps(fitted), **compiled(fitted)})

    inside = fitted.named_steps["preprocessing"]

    assert [*inside.transformers_[0][2]] == ["x", "ordered_hour", "ordered_weekday", "ordered_month", "age_years"]
    assert inside.transform(model.with_made(schema.inputs(table, DATA), TEXT)).shape == (300, 5)
    expected = model.scores(fitted, table, DATA)
    assert np.mean((expected > 0.5) == (table["y"] == "True")) > 0.95
    assert served(predictor, table, DATA) == pytest.approx(expected, abs=1e-9)
    row = {"x": 0.0, "ordered": "2024-05-01T15:00+02:00", "born": None}
    same = {"x": 0.0, "ordered": "2024-05-01 13:00:00", "born": "no date"}
    assert predictor.scores([row]) == predictor.scores([same])


def test_parts_equal_those_of_pandas():
    times = pd.Series(pd.date_range("1965-01-01", "2031-12-31", freq="77h13min7s"))

    found = dates.days(times.map(str).to_numpy(dtype=object))

    assert dates.hour(found).tolist() == times.dt.hour.tolist()
    assert dates.weekday(found).tolist() == times.dt.weekday.tolist()
    assert dates.month(found).tolist() == times.dt.month.tolist()


@pytest.mark.parametrize("text", [None, "", "no date", "2024-13-01"])
def test_an_unreadable_time_is_missing_in_every_part(text):
    found = dates.days(np.array([text], dtype=object))

    assert all(np.isnan(part(found)).all() for part in (dates.hour, dates.weekday, dates.month))


def test_monitoring_compares_the_parts(table):
    released = Reference.model_construct(columns=profiled(table, DATA), months={}, features="")

    found = made_columns.profiled(released, table, DATA, TEXT).columns

    assert {"ordered_hour", "age_years"} <= {*found}
    assert {*found["ordered"].levels} <= {"2024-01-31", OTHERS}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("08:30", 30_600), ("8:30 PM", 73_800), ("12:00 am", 0), ("1:02:03.5", 3723.5), ("-1:30", -5400)],
        *[("2h 30m", 9000), ("1,5 hours", 5400), ("90 min", 5400), ("2 days 4 s", 172_804), ("P1DT2H", 93_600)],
        *[(None, np.nan), ("", np.nan), ("12:99", np.nan), ("soon", np.nan), ("PT", np.nan), ("3", np.nan)],
    ],
)
def test_times_of_day_and_durations_are_seconds(text, seconds):
    assert dates.seconds(np.array([text], dtype=object)) == pytest.approx([seconds], nan_ok=True)
