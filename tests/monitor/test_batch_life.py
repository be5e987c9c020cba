"""The life of a model that only scores tables: scores, late labels, drift, and rows for retraining."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.io import files
from ml.io.errors import UserError
from ml.monitoring import evidently_pages
from ml.prediction_log.predictions import read_log
from ml.retraining import fresh
from ml.stages import compact, label, monitor, score
from tests.registry.faults import full_disk, killed, torn, writes
from tests.world.sample import customers

ROWS = 600


def scored(table, name, data):
    """The scored table, and its late labels as a second table."""
    table.drop(columns=data.target.name).to_parquet(f"{name}.parquet")
    score.main(data=f"{name}.parquet", out=name, model=str(files.MODEL))
    table[[data.id, data.target.name]].to_csv(f"{name}-labels.csv", index=False)
    return f"{name}-labels.csv"


def lines_of_segments():
    return sum(len(path.read_text().splitlines()) for path in Path("logs").glob("*.jsonl"))


def judged():
    monitor.main()
    return files.read_json(files.MONITOR)


@pytest.mark.slow
def test_a_model_that_only_scores_tables_completes_the_life_cycle(place, params, monkeypatch):
    monkeypatch.setattr(evidently_pages, "installed", lambda: False)
    data, quiet = params.data, customers(13, ROWS, 5)

    labels = scored(quiet, "quiet", data)
    for _ in range(2):
        label.main(data=labels)

    found = judged()
    assert (found["verdict"], found["performance"]["labelled"]) == ("stable", ROWS)
    log = read_log("logs")
    assert log["actuals"].eq(1).all()

    shutil.rmtree("logs")  # a month later the window has newer rows alone
    moved = customers(13, ROWS, 6)
    moved = moved.assign(monthly_charge=np.minimum(2 * moved["monthly_charge"], 300))
    label.main(data=scored(moved, "moved", data))

    assert judged()["verdict"] == "drift"
    rows = fresh.labelled(read_log("logs"), data)
    assert rows[data.target.name].tolist() == moved[data.target.name].map(str).tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"churned": ["True", "x", "False"]}, "churned: 1 of 3 rows are no value of the target, e.g. 'x' at row 2"),
        ({"customer_id": ["a", None, "b"]}, "customer_id: 1 of 3 rows are missing"),
        ({"churned": [None, None, None]}, "has no label in its column churned"),
        (
            {"actual_time": ["2026-11-01", "soon", "2026-11-02"]},
            "actual_time: 1 of 3 rows are not a date.* e.g. 'soon'",
        ),
    ],
)
def test_labels_that_cannot_be_read_are_named_and_none_is_added(place, change, message):
    table = pd.DataFrame({"customer_id": ["a", "b", "c"], "churned": ["True", "False", "True"]}).assign(**change)
    table.to_csv("labels.csv", index=False)

    with pytest.raises(UserError, match=message):
        label.main(data="labels.csv")

    assert not [*place.glob("logs/*")]


def test_the_time_of_a_label_is_kept_and_rows_without_one_are_left_out(place):
    rows = {"customer_id": [7, 8, 9], "churned": [True, None, False], "actual_time": ["2026-11-01", None, None]}
    pd.DataFrame(rows).to_parquet("labels.parquet")

    label.main(data="labels.parquet")

    (path,) = place.glob("logs/*.jsonl")
    lines = path.read_text().splitlines()
    assert len(lines) == 2
    assert '"time":"2026-11-01T00:00:00.000000+00:00","id":"7","label":"True"' in lines[0]
    assert '"id":"9","label":"False"' in lines[1]


@pytest.mark.slow
@pytest.mark.parametrize("fault", [full_disk, torn, killed])
def test_labels_are_added_once_if_the_command_stops_at_any_write(place, fault):
    pd.DataFrame({"customer_id": ["a", "b"], "churned": [True, False]}).to_csv("labels.csv", index=False)

    for number in range(1, writes(lambda: label.main(data="labels.csv")) + 1):
        shutil.rmtree("logs")
        fault(number, lambda: label.main(data="labels.csv"))

        label.main(data="labels.csv")

        assert lines_of_segments() == 2, f"write {number}"
    compact.main()
    for path in place.glob("logs/*.done"):  # pruned after log.keep_segments_days
        path.unlink()
    label.main(data="labels.csv")
    assert lines_of_segments() == 0
