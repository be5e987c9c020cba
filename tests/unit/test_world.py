from functools import cache

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.conftest import SAMPLE
from tests.world import sample as world
from tests.world import targets

pytestmark = pytest.mark.slow  # thousands of simulated rows for each test; no setting changes what they show
PARAMS = SAMPLE
TRAINING = range(1, 13)


@cache
def contract():
    return yaml.safe_load(PARAMS.read_text(encoding="utf-8"))["data"]


@cache
def until(month):
    """All customers from the first month to this one; copy before you change it."""
    return world.history(range(1, month + 1))


def names(kind):
    return [name for name, column in contract()["columns"].items() if column["type"] == kind]


def p_value(name, left, right):
    if name in names("number"):
        return ks_2samp(left[name].dropna(), right[name].dropna(), method="asymp").pvalue
    sides = np.repeat([0, 1], [len(left), len(right)])
    values = pd.concat([left[name], right[name]], ignore_index=True).astype(object).fillna("none")
    return chi2_contingency(pd.crosstab(values, sides)).pvalue


def in_month(frame, month):
    return frame.assign(snapshot=world.customers(month, rows=1)["snapshot"].item())


@pytest.mark.parametrize("name", ["customers.parquet", "customers.csv"])
def test_the_same_seed_gives_the_same_bytes(tmp_path, name):
    world.write(world.history(rows=50, seed=7), tmp_path / "first" / name)
    world.write(world.history(rows=50, seed=7), tmp_path / "second" / name)

    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert [path.name for path in (tmp_path / "first").iterdir()] == [name]


def test_another_seed_gives_other_customers():
    assert not world.customers(1, seed=0).equals(world.customers(1, seed=1))


def test_a_month_is_the_same_alone_and_in_any_history():
    alone = world.customers(5, rows=50)

    among = world.history([9, 5], rows=50).iloc[50:].reset_index(drop=True)

    pd.testing.assert_frame_equal(alone, among)


def test_ids_are_unique_over_all_months():
    assert world.history(range(1, 31), rows=1000)["customer_id"].is_unique


def test_a_snapshot_is_the_last_day_of_its_month():
    ends = world.history([1, 12, 14], rows=1)["snapshot"]

    assert ends.dt.strftime("%Y-%m-%d").tolist() == ["2025-01-31", "2025-12-31", "2026-02-28"]


def test_the_columns_are_those_of_the_contract_in_its_order():
    data = contract()

    columns = list(world.customers(1, rows=1).columns)

    assert columns == [data["id"], data["time"], *data["columns"], data["target"]["name"]]


@pytest.mark.parametrize("name", names("number"))
def test_numbers_of_the_first_year_are_within_the_contract(name):
    column = contract()["columns"][name]

    values = until(12)[name]

    assert values.dropna().between(column["min"], column["max"]).all()
    assert values.isna().mean() <= column.get("missing", 0)


@pytest.mark.parametrize("name", names("category"))
def test_categories_of_the_first_year_equal_those_of_the_contract(name):
    column = contract()["columns"][name]

    values = until(12)[name]

    assert set(values.dropna()) == set(column["values"])
    assert values.isna().mean() <= column.get("missing", 0)


@pytest.mark.parametrize("name", [*names("number"), *names("category"), "churned"])
def test_months_1_to_14_have_the_same_distribution(name):
    frame = until(14)
    months = frame["snapshot"].unique()

    smallest = min(p_value(name, frame[frame["snapshot"] == m], frame[frame["snapshot"] != m]) for m in months)

    assert smallest > 0.01 / (14 * 15)  # 14 months, 15 columns: one false alarm in a hundred seeds


def test_satisfaction_channel_and_enterprise_have_their_stated_rates():
    frame = until(12)

    assert frame["satisfaction"].isna().mean() == pytest.approx(0.12, abs=0.01)
    assert frame["channel"].isna().mean() == pytest.approx(0.03, abs=0.005)
    assert 0.01 < (frame["plan"] == "enterprise").mean() < 0.02


def test_missing_satisfaction_is_slightly_informative_about_churn():
    frame = until(12)

    silent = frame["satisfaction"].isna()

    assert 0.03 < frame.loc[silent, "churned"].mean() - frame.loc[~silent, "churned"].mean() < 0.3


@pytest.mark.parametrize("months", [TRAINING, range(18, 26)], ids=["first year", "after the drift"])
def test_the_known_probability_is_calibrated(months):
    frame = world.history(months)

    p = world.probability(frame)

    error = np.sqrt(np.sum(p * (1 - p))) / len(p)
    assert abs(frame["churned"].mean() - p.mean()) < 4 * error


def test_the_known_probability_survives_a_csv_file(tmp_path):
    frame = world.customers(19, rows=200)

    world.write(frame, tmp_path / "month.csv")

    assert world.probability(pd.read_csv(tmp_path / "month.csv")) == pytest.approx(world.probability(frame))


def test_about_one_customer_in_four_churns():
    assert 0.25 < until(12)["churned"].mean() < 0.30


def test_the_ceiling_is_the_mean_result_of_the_true_probabilities():
    frame = until(12)
    p = world.probability(frame)
    coins = np.random.default_rng(0).random((200, len(p)))

    reached = np.mean((coins < p) == (p > 0.5))

    assert world.ceiling(frame)["accuracy"] == pytest.approx(reached, abs=0.001)
    assert world.ceiling(frame)["accuracy"] == pytest.approx(0.91, abs=0.01)
    assert world.ceiling(frame)["auc"] == pytest.approx(0.945, abs=0.01)


@pytest.mark.parametrize("target", ["next_plan", "next_hours"])
def test_another_target_leaves_the_customers_unchanged(target):
    plain, other = world.customers(20, rows=50), world.customers(20, rows=50, target=target)

    pd.testing.assert_frame_equal(plain.drop(columns="churned"), other.drop(columns=target))


@pytest.mark.parametrize("months", [TRAINING, range(18, 26)], ids=["first year", "after the drift"])
def test_the_ceilings_of_a_class_and_a_number_are_those_of_the_truth(months):
    plans, hours = (world.history(months, target=target) for target in ("next_plan", "next_hours"))
    p, mean = targets.plan_probabilities(plans), targets.mean_hours(hours)
    said, error = np.array(targets.PLANS)[p.argmax(axis=1)], hours["next_hours"] - mean

    of_plans, of_hours = targets.plan_ceiling(plans), targets.hours_ceiling(hours)

    assert p.sum(axis=1) == pytest.approx(1)
    assert plans["next_plan"].value_counts(normalize=True)[[*targets.PLANS]].to_numpy() == pytest.approx(
        p.mean(axis=0), abs=0.015
    )
    assert np.mean(said == plans["next_plan"]) == pytest.approx(of_plans["accuracy"], abs=0.015)
    assert error.abs().mean() == pytest.approx(of_hours["mae"], rel=0.03)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(of_hours["rmse"], rel=0.05)
    assert 1 - np.mean(error**2) / hours["next_hours"].var() == pytest.approx(of_hours["r2"], abs=0.01)


def test_the_price_rise_grows_from_month_15_to_17():
    charge = [world.customers(month, rows=5000)["monthly_charge"].median() for month in (14, 15, 16, 17, 18)]

    assert charge[1:4] == sorted(charge[:4])[1:]
    assert charge[3] / charge[0] == pytest.approx(1.3, abs=0.08)
    assert charge[4] == pytest.approx(charge[3], rel=0.06)


def test_ads_win_a_quarter_of_customers_and_half_from_month_17():
    shares = [(world.customers(month, rows=5000)["channel"].dropna() == "ads").mean() for month in (14, 17)]

    assert shares == pytest.approx([0.25, 0.50], abs=0.03)


@pytest.mark.parametrize("month", [2, 12, 13, 15, 17])
def test_identical_customers_churn_equally_until_month_17(month):
    frame = world.customers(1)

    assert world.probability(in_month(frame, month)) == pytest.approx(world.probability(frame))


@pytest.mark.parametrize("month", [18, 20, 24])
def test_identical_customers_with_long_contracts_or_discounts_churn_more_from_month_18(month):
    frame = world.customers(1)
    moved = (frame["contract"] == "two_year") | ((frame["contract"] == "monthly") & (frame["discount_share"] > 0))

    change = world.probability(in_month(frame, month)) - world.probability(frame)

    assert (change[moved] > 0).all()
    assert (change[~moved] == 0).all()


def test_the_new_rules_are_in_full_force_from_month_20():
    frame = world.customers(1)

    change = [np.mean(world.probability(in_month(frame, month))) for month in (17, 18, 19, 20, 21)]

    assert change[0] + 0.08 < change[3] == change[4]
    assert change[:4] == sorted(change[:4])


def test_each_row_follows_the_rules_of_its_own_month():
    early, late = world.customers(3, rows=100), world.customers(22, rows=100)

    together = world.probability(pd.concat([early, late]))

    assert together == pytest.approx(np.concatenate([world.probability(early), world.probability(late)]))


@pytest.mark.parametrize(("month", "share"), [(20, 0.12), (21, 0.45)])
def test_satisfaction_goes_missing_from_month_21(month, share):
    frame = world.customers(month, rows=5000)

    assert frame["satisfaction"].isna().mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("month", "share"), [(23, 0.0), (24, 0.1)])
def test_the_watch_appears_in_month_24(month, share):
    frame = world.customers(month, rows=5000)

    assert (frame["device"] == "watch").mean() == pytest.approx(share, abs=0.02)


def test_twelve_thousand_rows_fit_in_less_than_a_megabyte(tmp_path):
    frame = until(12)

    world.write(frame, tmp_path / "customers.parquet")

    assert (tmp_path / "customers.parquet").stat().st_size < 400_000
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "customers.parquet"), frame)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        (["--months", "0-3"], "0-3 is not a month"),
        (["--months", "june"], "june is not a month"),
        (["--out", "table.xlsx"], "table.xlsx ends neither"),
        (["--rows", "0"], "--rows must be at least 1"),
    ],
)
def test_a_mistake_on_the_command_line_is_explained(monkeypatch, capsys, option, complaint):
    monkeypatch.setattr("sys.argv", ["world", *option])

    with pytest.raises(SystemExit):
        world.main()

    assert complaint in capsys.readouterr().err


def test_the_command_writes_the_requested_months(monkeypatch, capsys, tmp_path):
    out = tmp_path / "new" / "late.csv"
    monkeypatch.setattr("sys.argv", ["world", "--months", "18-19", "--rows", "20", "--seed", "3", "--out", str(out)])

    world.main()

    assert capsys.readouterr().out.startswith(f"{out}: 40 customers")
    assert pd.read_csv(out)["snapshot"].unique().tolist() == ["2026-06-30", "2026-07-31"]


def test_the_default_forest_is_near_the_ceiling_but_not_above():
    frame = until(12)
    train, test = train_test_split(frame, test_size=0.2, random_state=0, stratify=frame["churned"])
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), names("number")),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), names("category")),
    )
    forest = make_pipeline(prepare, RandomForestClassifier(n_estimators=150, max_depth=12, random_state=0))

    accuracy = forest.fit(train, train["churned"]).score(test, test["churned"])

    assert 0.85 <= accuracy < world.ceiling(test)["accuracy"]
