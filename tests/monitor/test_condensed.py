"""A long log is read without its features and, beyond a number of rows, by a share of its ids."""

import json

import pandas as pd
import pytest

from ml.data.words import text
from ml.monitoring import collect
from ml.monitoring.collect import Names
from ml.prediction_log import condensed
from ml.prediction_log.condensed import completed, read_condensed
from ml.prediction_log.log_parts import Wanted
from ml.prediction_log.predictions import read_log
from ml.stages import compact
from serving.log_writer import PredictionLog

SINCE, UNTIL = pd.Timestamp("2026-11-10T00:00Z"), pd.Timestamp("2026-11-21T00:00Z")
NAMES = Names(frozenset({"churn@1"}))
OLD = {"id": "form", "score": 0.4, "label": False, "tenure": 9, "plan": None}  # before features were nested


def request(name, time, ids=("",), *, tenure=3, **more):
    rows = [
        {"id": name + one, "features": {"tenure": tenure, "plan": "basic"}, "score": 0.5, "label": True} for one in ids
    ]
    head = {"kind": "prediction", "request_id": name, "time": time, "model": "churn@1", "variant": "champion"}
    return head | {"rows": rows} | more


def truth(row_id, label, time):
    return {"kind": "feedback", "id": row_id, "label": label, "time": time}


LINES = [
    request("before", "2026-10-01T10:00:00Z"),
    request("a", "2026-11-12T10:00:00Z", ids="12", canary_share=0.1),
    request("a", "2026-11-12T10:00:20Z", ids="12", canary_share=0.1),  # sent again by a proxy
    request("b", "2026-11-12T10:00:00Z"),
    request("b", "2026-11-12T10:00:30Z", tenure="4"),  # the same request id with other features
    request("c", "2026-11-13T10:00:00Z", simulated=True),
    request("shadow", "2026-11-13T10:00:00Z", variant="shadow", model="churn@2"),
    request("none", "2026-11-14T10:00:00Z") | {"rows": [{"features": {"tenure": 1}, "score": None, "label": None}]},
    request("form", "2026-11-15T10:00:00Z") | {"rows": [OLD]},
    request("end", "2026-11-20T23:59:50Z"),
    request("end", "2026-11-21T00:00:10Z"),  # after the period, and yet the last attempt of the row before
    truth("a1", True, "2026-11-13T10:00:00Z"),
    truth("a1", "False", "2026-11-14T10:00:00Z"),
    truth("before", 1, "2026-11-13T10:00:00Z"),
    truth("nobody", True, "2026-11-13T10:00:00Z"),
]


@pytest.fixture(params=["lines", "compacted"])
def log(tmp_path, request):
    """The lines in two segments, one of them compacted if asked for."""
    for part in (LINES[::2], LINES[1::2]):
        written = PredictionLog(tmp_path)
        for line in part:
            written.append(json.dumps(line).encode())
        written.close()
    if request.param == "compacted":
        compact.compact(tmp_path, sorted(tmp_path.glob("*.jsonl"))[0])
    return tmp_path


def plain(table):
    """The table with texts instead of categories, by its columns in order of their names."""
    return table[sorted(table)].astype(dict.fromkeys(("segment", "model", "variant"), "str"))


@pytest.mark.slow
@pytest.mark.parametrize(("since", "until"), [(None, None), (SINCE, None), (SINCE, UNTIL)])
def test_a_condensed_log_has_the_rows_of_the_whole_one_and_gets_its_features_afterwards(log, since, until):
    whole = read_log(log, since=since, until=until)

    found = read_condensed([log], Wanted(since, until))
    again = completed(found, [log])

    assert [name for name in found if name.startswith("features.")] == []
    assert (found.attrs["unmatched"], found.attrs["share"]) == (whole.attrs["unmatched"], 1)
    assert found.attrs["repeated"] == whole.attrs["repeated"]
    names = [name for name in whole if not name.startswith("features.")]
    pd.testing.assert_frame_equal(plain(found), plain(whole[names]), check_categorical=False)
    for name in ("features.tenure", "features.plan"):
        assert again[name].map(text).tolist() == whole[name].map(text).tolist()


@pytest.mark.slow
def test_columns_that_are_asked_for_are_kept(log):
    found = read_condensed([log], Wanted(SINCE), ["features.tenure"])

    assert [name for name in found if name.startswith("features.")] == ["features.tenure"]


@pytest.mark.slow
def test_beyond_a_number_of_rows_a_share_of_the_ids_represents_all(tmp_path, params, monkeypatch):
    monkeypatch.setattr(condensed, "MOST", 100)
    written = PredictionLog(tmp_path)
    for number in range(500):
        for hour in (10, 11):  # each id twice
            line = request(f"r{number}", f"2026-11-20T{hour}:00:00Z")
            written.append(json.dumps(line).encode())
        written.append(json.dumps(truth(f"r{number}", True, "2026-11-20T12:00:00Z")).encode())
    written.close()

    table = read_condensed([tmp_path], Wanted(SINCE))
    window = collect.collect(table, NAMES, params.data, params.monitor, UNTIL)

    assert table.attrs["share"] == 1 / 16
    assert 15 <= table["id"].nunique() <= 50
    assert (table.groupby("id").size() == 2).all()
    assert table["actuals"].eq(1).all()
    assert table.attrs["unmatched"] == 0
    assert window.fates["judged"] == table["id"].nunique()
    assert "A random 1/16 of the ids" in condensed.represented(window.share)
