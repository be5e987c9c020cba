"""Fresh rows: none is lost, no invalid row is trained on, and no training row is used to compare models."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.data import schema
from ml.data.split import is_test
from ml.io.errors import UserError
from ml.prediction_log.predictions import read_log
from ml.retraining import fresh, fresh_rows
from ml.settings.data import Target
from ml.settings.params import read_params
from ml.settings.retrain import Retrain
from tests.conftest import SAMPLE
from tests.world.sample import history

OLD = history(range(1, 4), rows=100)
NEW = history([4], rows=60)
BREAKS = {
    "customer_id": None,
    "snapshot": "soon",
    "tenure_months": -1,
    "usage_hours": "many",
    "monthly_charge": np.inf,
    "late_payments": None,
    "contract": "weekly",
    "plan": None,
    "churned": "maybe",
}


def test_a_base_that_describes_another_table_is_named_with_the_remedy():
    here = read_params(SAMPLE).data
    base = here.model_copy(update={"file": "data/loans.csv", "id": "loan"})

    assert not fresh.another_table(here, here, "main (1234567)")
    assert "main (1234567) describes another table (data/loans.csv" in fresh.another_table(here, base, "main (1234567)")
    assert "push" in fresh.another_table(here, base, "main (1234567)")


def broken(column, value, rows=(3,)):
    """Fresh rows, some with one invalid value."""
    frame = NEW.astype({column: object})
    frame.loc[list(rows), column] = value
    return frame


@pytest.mark.parametrize("column", BREAKS)
def test_a_row_that_breaks_the_contract_is_quarantined_with_its_reason(params, column):
    sifted = fresh.sift(broken(column, BREAKS[column]), OLD, params.data)

    assert len(sifted.bad) == 1
    assert sifted.reasons.iloc[0].startswith(f"{column}: ")
    assert sifted.bad.index[0] == 3


@pytest.mark.parametrize(
    ("target", "label", "wrong"),
    [
        ({"task": "regression"}, 1234.5, ["many", "inf", None]),
        ({"task": "multiclass", "classes": ["a", "b", "seldom"]}, "seldom", ["c", None]),
    ],
    ids=["number", "class"],
)
def test_a_fresh_number_or_class_of_the_contract_need_not_be_in_the_table(params, target, label, wrong):
    target = Target.model_validate({"name": "churned", **target})
    data = params.data.model_copy(update={"target": target})
    known = ["1.5", "2.25"] if target.task == "regression" else ["a", "b"]
    old = OLD.assign(churned=np.resize(np.array(known, dtype=object), len(OLD)))
    rows = NEW.assign(churned=np.array([label] * (len(NEW) - len(wrong)) + wrong, dtype=object))

    sifted = fresh.sift(rows, old, data)

    assert len(sifted.good) == len(NEW) - len(wrong)
    assert sifted.bad.index.tolist() == [*range(len(NEW) - len(wrong), len(NEW))]


@pytest.mark.parametrize(("column", "value"), [("satisfaction", None), ("channel", None), ("churned", "True")])
def test_permitted_missing_values_and_labels_as_text_break_no_contract(params, column, value):
    assert fresh.sift(broken(column, value), OLD, params.data).bad.empty


@pytest.mark.slow
@given(wrong=st.lists(st.tuples(st.integers(0, 59), st.sampled_from(sorted(BREAKS))), max_size=30))
@settings(max_examples=40, deadline=None)
def test_every_row_is_either_valid_or_in_quarantine(params, wrong):
    frame = NEW.astype(object)
    for row, column in wrong:
        frame.loc[row, column] = BREAKS[column]

    sifted = fresh.sift(frame, OLD, params.data)

    assert sorted([*sifted.good.index, *sifted.bad.index]) == [*range(60)]
    assert {row for row, _ in wrong} == set(sifted.bad.index)


@pytest.mark.slow
def test_quarantined_rows_never_reach_the_table_and_valid_rows_meet_the_contract(params):
    sifted = fresh.sift(broken("tenure_months", -1), OLD, params.data)

    table = fresh.combine(OLD, sifted.good, params.data, Retrain()).table

    assert len(table) == 359
    assert table["tenure_months"].min() >= 0
    assert len(schema.conform(table, params.data)) == 359


def test_the_newest_row_of_an_id_counts(params):
    rows = pd.concat([NEW, NEW.head(1).assign(snapshot=pd.Timestamp("2025-06-30"), tenure_months=77)])

    sifted = fresh.sift(rows, OLD, params.data)

    assert sifted.bad.index.tolist() == [0]
    assert sifted.share == 0
    assert sifted.good["tenure_months"].iloc[-1] == 77


def test_invalid_rows_are_found_in_several_months_of_each_customer(params):
    months = pd.concat([NEW.assign(snapshot=pd.Timestamp(2025, month, 28)) for month in (4, 5, 6)])
    months.iloc[-1, months.columns.get_loc("tenure_months")] = -1

    sifted = fresh.sift(months, OLD, params.data)

    assert (len(sifted.good), len(sifted.bad)) == (60, 120)
    assert sifted.broken.index.tolist() == [179]
    assert sifted.share == 1 / 180


def test_a_missing_column_is_named(params):
    with pytest.raises(UserError, match=r"lack 1 of 17 columns of the contract, e\.g\. plan"):
        fresh.sift(NEW.drop(columns="plan"), OLD, params.data)


def test_a_fresh_row_replaces_the_old_one_of_the_same_id(params):
    rows = OLD.head(5).assign(tenure_months=9)

    found = fresh.combine(OLD, rows, params.data, Retrain())

    assert (len(found.table), found.replaced) == (300, 5)
    assert (found.table[found.table["customer_id"].isin(rows["customer_id"])]["tenure_months"] == 9).all()


def test_labels_from_a_csv_file_keep_their_meaning(params):
    rows = NEW.assign(churned=NEW["churned"].astype(str))

    table = fresh.combine(OLD, rows, params.data, Retrain()).table

    assert table["churned"].tail(60).tolist() == NEW["churned"].tolist()


@pytest.mark.slow
def test_the_table_keeps_its_types(params):
    rows = NEW.astype(object).assign(snapshot=NEW["snapshot"].astype(str))

    table = fresh.combine(OLD, rows, params.data, Retrain()).table

    assert table.dtypes.to_dict() == OLD.dtypes.to_dict()


def test_a_window_keeps_the_newest_months_and_counts_the_others(params):
    found = fresh.combine(OLD, NEW, params.data, Retrain(policy="window", window_months=2))

    assert sorted(found.table["snapshot"].dt.month.unique()) == [3, 4]
    assert found.left == 200


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["append", "window"])
def test_neither_model_has_trained_on_the_rows_of_the_comparison(params, policy):
    new = fresh.combine(OLD, NEW, params.data, Retrain(policy=policy, window_months=2))
    trained = pd.concat([OLD[~is_test(OLD, params.data, params.prepare)]])["customer_id"]
    trains = new.table[~is_test(new.table, params.data, params.prepare)]["customer_id"]

    rows = fresh.unseen(OLD, new, params.data, params.prepare)

    assert not set(rows["customer_id"]) & (set(trained) | set(trains))
    assert set(rows["customer_id"]) >= set(OLD[is_test(OLD, params.data, params.prepare)]["customer_id"])


def test_with_a_split_by_time_rows_that_now_train_are_left_out(params):
    by_time = params.prepare.model_copy(update={"split_by": "time"})
    new = fresh.combine(OLD, NEW, params.data, Retrain())
    trains = new.table[~is_test(new.table, params.data, by_time)]["customer_id"]

    rows = fresh.unseen(OLD, new, params.data, by_time)

    assert len(rows)
    assert not set(rows["customer_id"]) & set(trains)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.floats(0.05, 0.5))
@settings(max_examples=20, deadline=None)
def test_fresh_rows_change_no_rows_side(params, seed, share):
    prepare = params.prepare.model_copy(update={"test_share": share})
    old = OLD.sample(frac=0.7, random_state=seed)

    table = fresh.combine(old, NEW, params.data, Retrain()).table

    before = set(old[is_test(old, params.data, prepare)]["customer_id"])
    trains = set(table[~is_test(table, params.data, prepare)]["customer_id"])
    assert not before & trains


def test_rows_already_in_the_table_are_not_new(params):
    again = pd.concat([OLD.head(10), OLD.tail(1).assign(snapshot=pd.Timestamp("2026-01-31")), NEW])

    found = fresh.news(again.astype({"snapshot": str}), OLD, params.data)

    assert len(found) == 61


@pytest.mark.slow
@pytest.mark.parametrize("kind", [bool, str])
def test_a_corrected_label_is_new_and_replaces_its_row(params, kind):
    told = OLD.head(4).assign(churned=[*~OLD["churned"].head(2), *OLD["churned"].iloc[2:4]]).astype({"churned": kind})
    unknown = OLD.iloc[4:6].assign(churned=None)
    earlier = OLD.iloc[6:8].assign(churned=~OLD["churned"].iloc[6:8], snapshot=pd.Timestamp("2024-12-31"))

    found = fresh.news(pd.concat([told, unknown, earlier]), OLD, params.data)
    new = fresh.combine(OLD, fresh.sift(found, OLD, params.data).good, params.data, Retrain())

    corrected = OLD["customer_id"].head(2).tolist()
    table = new.table.set_index("customer_id")["churned"]
    assert found["customer_id"].tolist() == corrected
    assert (len(table), new.replaced) == (300, 2)
    assert table[corrected].tolist() == (~OLD["churned"].head(2)).tolist()


def logged(folder, *lines):
    """The prediction log with these lines: an id with a time, `tenure` or `label`, and optionally `simulated`."""
    records = []
    for line in lines:
        head = {"time": line["time"]} | ({"simulated": True} if line.get("simulated") else {})
        if "label" in line:
            records.append({"kind": "feedback", "id": line["id"], "label": line["label"]} | head)
        else:
            row = {"id": line["id"], "features": {"tenure_months": line["tenure"]}, "score": 0.5, "label": False}
            head |= {"request_id": line["time"], "model": "1", "variant": "champion"}
            records.append({"kind": "prediction", "rows": [row]} | head)
    (folder / "20250430T100000-1-a-000001.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return read_log(folder)


def test_a_label_is_never_joined_to_newer_features(params, tmp_path):
    log = logged(
        tmp_path,
        {"id": "a", "time": "2025-08-01T00:00:00Z", "tenure": 3},
        {"id": "a", "time": "2025-09-01T00:00:00Z", "label": True},
        {"id": "a", "time": "2025-11-20T00:00:00Z", "tenure": 6},
        {"id": "b", "time": "2025-11-20T00:00:00Z", "tenure": 9},
        {"id": "b", "time": "2025-11-19T00:00:00Z", "label": True},
    )

    table = fresh.labelled(log, params.data)

    assert table[["customer_id", "tenure_months", "churned"]].to_numpy().tolist() == [["a", 3, True]]


def test_simulated_customers_are_used_only_without_real_ones(params, tmp_path):
    (tmp_path / "mixed").mkdir()
    play = {"id": "play", "time": "2031-05-01T00:00:00Z", "tenure": 3, "simulated": True}
    told = {"id": "play", "time": "2031-05-08T00:00:00Z", "label": True, "simulated": True}
    true = {"id": "real", "time": "2025-05-01T00:00:00Z", "tenure": 3}
    also = {"id": "real", "time": "2025-05-08T00:00:00Z", "label": True}

    alone, mixed = logged(tmp_path, play, told), logged(tmp_path / "mixed", play, told, true, also)

    assert fresh.labelled(alone, params.data)["customer_id"].tolist() == ["play"]
    assert fresh.labelled(mixed, params.data)["customer_id"].tolist() == ["real"]


@pytest.mark.slow
def test_the_prediction_log_gives_its_labelled_rows_in_the_columns_of_the_table(params, tmp_path):
    frame = NEW.astype(object).where(NEW.notna(), None)
    features = frame.drop(columns=["customer_id", "snapshot", "churned"]).to_dict("records")
    ids, labels = NEW["customer_id"].tolist(), NEW["churned"].tolist()
    lines = [
        {"kind": "prediction", "request_id": f"r{i}", "time": f"2025-04-30T10:{i:02}:00Z", "model": "1"}
        | {"variant": "champion", "rows": [{"id": key, "features": row, "score": 0.5, "label": False}]}
        for i, (key, row) in enumerate(zip(ids, features, strict=True))
    ]
    known = [*zip(ids, labels, strict=True)][:40]
    lines += [{"kind": "feedback", "time": "2025-05-31T10:00:00Z", "id": k, "label": bool(v)} for k, v in known]
    (tmp_path / "20250430T100000Z-a-000001.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = read_log(tmp_path)

    table = fresh.labelled(log, params.data)
    sifted = fresh.sift(table, OLD, params.data)

    assert (len(table), len(sifted.bad)) == (40, 0)
    combined = fresh.combine(OLD, sifted.good, params.data, Retrain()).table.tail(40)
    pd.testing.assert_frame_equal(
        combined.drop(columns="snapshot").reset_index(drop=True),
        NEW.head(40)[combined.columns].drop(columns="snapshot").reset_index(drop=True),
    )


@pytest.mark.parametrize("labelled", [True, False])
def test_a_table_of_groups_weights_and_labels_gets_its_features_from_the_log(params, tmp_path, labelled):
    log = logged(
        tmp_path,
        {"id": "7", "time": "2025-08-01T00:00:00Z", "tenure": 3},
        {"id": "7", "time": "2025-09-01T00:00:00Z", "label": True},
        {"id": "b", "time": "2025-11-20T00:00:00Z", "tenure": 9},
    )
    rows = pd.DataFrame({"customer_id": [7, "b", "c"], "household": ["x", "x", "y"], "weight": [0.5, 1, 2]})
    rows = rows.assign(churned=[False, True, True]) if labelled else rows

    found = fresh_rows.completed(rows, log, params.data)

    columns = ["customer_id", "household", "weight", "tenure_months", "churned"]
    both = [["7", "x", 0.5, 3, False], ["b", "x", 1, 9, True]]
    assert fresh_rows.lacking(rows, params.data)
    assert not fresh_rows.lacking(rows.assign(tenure_months=1), params.data)
    assert found.table[columns].to_numpy().tolist() == (both if labelled else [["7", "x", 0.5, 3, True]])
    assert found.unknown == (1 if labelled else 2)
