"""Columns that src/features.py makes are compared by monitoring like those of the table."""

import numpy as np
import pandas as pd
import pytest

from ml.model import columns, made, reference
from ml.monitoring import drift
from ml.monitoring.made import added
from ml.monitoring.released import Released
from ml.prediction_log.records import in_table
from ml.settings import features
from ml.settings.data import Data

NUMBER = {"type": "number"}
DATA = Data.model_validate(
    {
        "file": "t.csv",
        "id": "id",
        "time": "day",
        "target": {"name": "bad", "positive": 1},
        "columns": {"cost": NUMBER, "use": NUMBER, "kind": {"type": "category", "values": ["a", "b"], "missing": 0.5}},
    }
)
TEXT = """import numpy as np
from ml.model.columns import makes


@makes("gap", level=["low", "high"])
def gap(columns):
    gap = columns["cost"] - columns["use"]
    return {"gap": gap, "level": np.where(gap > 0, "high", "low")}


@makes("twice")
def twice(columns):
    return 2 * columns["gap"]
"""


def rows(count, seed, *, tied):
    """Rows whose cost follows their use, or does not; each of the two columns looks the same in both cases."""
    rng = np.random.default_rng(seed)
    use = rng.normal(size=count)
    cost = use + rng.normal(size=count) / 10 if tied else rng.permutation(use)
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, count), unit="D")
    return pd.DataFrame({"cost": cost, "use": use, "kind": rng.choice(["a", "b"], count), "day": day})


@pytest.fixture
def release(params, monkeypatch, tmp_path):
    """A release whose src/features.py makes three columns."""
    monkeypatch.chdir(tmp_path)
    features.FEATURES.parent.mkdir()
    features.FEATURES.write_text(TEXT)
    train, score = rows(8000, 0, tied=True), np.linspace(0, 1, 8000)
    params = params.model_copy(update={"data": DATA})
    found = reference.build(train, score, {}, params, train["day"])
    return Released("version 1", made.profiled(found, train, DATA, TEXT))


def log(frame):
    """Rows as the prediction log has them: text where nobody sees to types."""
    table = frame[["cost", "use", "kind"]].rename(columns=in_table).astype(object)
    return table.assign(score=np.linspace(0, 1, len(table)))


def test_a_made_column_drifts_where_the_columns_that_it_is_made_of_do_not(release, params):
    assert features.sources(TEXT) == {"gap": ("cost", "use"), "level": ("cost", "use"), "twice": ("cost", "use")}
    assert {"gap", "level", "twice"} <= {*release.reference.columns}
    assert all({"gap", "level", "twice"} <= {*month.columns} for month in release.reference.months.values())
    assert release.reference.months
    kept = reference.loads(reference.dumps(release.reference), "here")
    assert kept.features == TEXT

    window, known = added(log(rows(2000, 1, tied=False)), release, DATA)
    found = drift.judge(known.reference, window, params.monitor)

    assert {column.column for column in found.columns if column.drifted} == {"gap", "twice"}
    quiet, known = added(log(rows(2000, 2, tied=True)), release, DATA)
    assert drift.judge(known.reference, quiet, params.monitor).verdict == "stable"


def test_where_the_text_cannot_be_run_the_other_columns_are_compared_and_the_reason_is_told(release, params):
    features.FEATURES.write_text("")
    columns.loaded.cache_clear()

    window, known = added(log(rows(2000, 1, tied=True)), release, DATA)

    assert known.made.startswith(
        "Made columns (gap, level, twice) are not compared: the model was trained with another"
    )
    found = drift.judge(known.reference, window, params.monitor)
    assert found.verdict == "stable"
    assert [column.column for column in found.columns] == ["cost", "use", "kind"]
