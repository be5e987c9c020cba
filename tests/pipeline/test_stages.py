"""The stages on a small table in one process: their outputs and refusals."""

import contextlib
import shutil

import pandas as pd
import pytest
import yaml

from ml.io import files, tables
from ml.io.errors import UserError
from ml.model import model, model_file, reference
from ml.settings.params import read_params
from ml.stages import evaluate, gate, prepare, report, train, validate
from tests.conftest import furnish

pytestmark = pytest.mark.slow
STAGES = (validate, prepare, train, evaluate)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, customers):
    """A folder with everything built, from a forest small enough for tests."""
    folder = tmp_path_factory.mktemp("finished")
    furnish(folder, customers)
    gates = {"limits": {"accuracy": {"min": 0.7}}, "freshness": None}  # this folder has no lock files
    with contextlib.chdir(folder):
        configure(train__random_forest__n_estimators=10, evaluate__bootstrap=100, gates=gates)
        for stage in STAGES:
            stage.main()
    return folder


@pytest.fixture
def built(finished, tmp_path, monkeypatch):
    """A copy of it as the current folder."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(**changes):
    """Change settings of the params.yaml in the current folder."""
    settings = yaml.safe_load(files.PARAMS.read_text())
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        section = settings
        for key in parents:
            section = section[key]
        section[last] = value
    files.PARAMS.write_text(yaml.safe_dump(settings))


def digests():
    """Every built file with its digest."""
    return {path.as_posix(): files.digest(path) for path in sorted(files.BUILD.rglob("*")) if path.is_file()}


def test_the_same_inputs_build_the_same_bytes(built):
    first = digests()

    for stage in STAGES:
        stage.main()

    assert digests() == first
    assert len(first) >= 10


def test_every_row_is_on_exactly_one_side(built, customers):
    train_ids = set(tables.read_table(files.TRAIN)["customer_id"])
    test_ids = set(tables.read_table(files.TEST)["customer_id"])

    assert train_ids | test_ids == set(customers["customer_id"])
    assert not train_ids & test_ids


def test_the_model_never_saw_a_test_row(built):
    seen = tables.read_table(files.TRAIN)
    known = model_file.loads(files.read_bytes(files.MODEL / "model.skops"))

    now = read_params()
    fresh = model.fit(seen, now.data, now.train)

    test = tables.read_table(files.TEST)
    assert (model.scores(fresh, test, now.data) == model.scores(known, test, now.data)).all()


def test_monitoring_gets_features_of_the_training_side_and_scores_of_the_test_side(built):
    kept = reference.loads(files.read_bytes(files.REFERENCE), "here")
    rows, scores = tables.read_table(files.TRAIN), tables.read_table(files.SCORES)["score"]

    usage = kept.columns["usage_hours"]
    assert kept.rows == usage.rows == len(rows)
    assert (usage.points[0], usage.points[-1]) == (rows["usage_hours"].min(), rows["usage_hours"].max())
    assert kept.tested == kept.score.rows == len(scores)
    assert (kept.score.points[0], kept.score.points[-1]) == (scores.min(), scores.max())
    intervals = files.read_json(files.INTERVALS)["intervals"]
    assert {name: kept.metrics[name] for name in intervals} == intervals
    assert "bias" in kept.metrics.keys() - intervals.keys()  # no metric of a gate, and monitoring watches it


def test_a_good_model_passes_and_is_reported(built):
    code = gate.main()
    report.main()

    assert code == 0
    assert files.read_json(files.VERDICT)["passed"]
    assert files.REPORT.read_text().startswith("# ✅ churn: the model passes its gates")
    assert files.REPORT_HTML.read_text().count("class='plot'") == 5


def test_a_refused_model_still_gets_its_report(built):
    configure(gates={"limits": {"accuracy": {"min": 0.99}}, "freshness": None})

    code = gate.main()
    report.main()

    assert code == 1
    assert "is below the minimum 0.990" in files.REPORT.read_text().splitlines()[2]


def test_shuffled_labels_are_refused(project, customers):
    shuffled = customers["churned"].sample(frac=1, random_state=0).to_numpy()
    customers.assign(churned=shuffled).to_parquet("data/customers.parquet")
    configure(train__random_forest__n_estimators=10, evaluate__bootstrap=100)
    for stage in STAGES:
        stage.main()

    assert gate.main() == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.drop(columns="plan"), "plan: column is missing"),
        (lambda f: f.assign(tenure_months="long"), "tenure_months: 1,200 of 1,200 rows are not a number, e.g. 'long'"),
        (
            lambda f: f.assign(discount_share=2.5),
            "discount_share: 1,200 of 1,200 rows are not 0 to 1, e.g. 2.5 at row 1",
        ),
        (lambda f: f.assign(device="fax"), "device: 1,200 of 1,200 rows are none of web, ios, android, tv, e.g. 'fax'"),
        (lambda f: pd.concat([f, f]), "customer_id: 2,400 of 2,400 rows are values that occur more than once"),
    ],
    ids=["no column", "text", "range", "level", "twice"],
)
def test_bad_data_stops_validate_and_is_reported(project, customers, spoil, message):
    spoil(customers).to_parquet("data/customers.parquet")

    with pytest.raises(UserError, match="breaks its contract") as caught:
        validate.main()

    assert message in str(caught.value)
    report.main()
    assert files.REPORT.read_text().startswith("# ❌ churn: the data breaks its contract")
    assert sorted(p.name for p in files.BUILD.iterdir()) == [
        "report.html",
        "report.md",
        "validation.json",
        "validation.md",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("customers.parquet", b"", "is empty"),
        ("customers.parquet", b"PAR1" + bytes(50), "cannot be read"),
        ("customers.csv", "customer_id,plan\n1,café\n".encode("latin-1"), "not UTF-8"),
    ],
    ids=["empty", "cut", "encoding"],
)
def test_a_file_that_cannot_be_read_stops_validate_and_leaves_nothing(project, name, content, message):
    (project / "data" / name).write_bytes(content)
    configure(data__file=f"data/{name}")

    with pytest.raises(UserError, match=message):
        validate.main()

    assert not files.BUILD.exists()


def test_a_csv_builds_the_same_model_as_parquet(built, customers):
    parquet = files.digest(files.MODEL / "model.skops")
    customers.to_csv("data/customers.csv", index=False)
    configure(data__file="data/customers.csv")

    for stage in STAGES:
        stage.main()

    assert files.digest(files.MODEL / "model.skops") == parquet


@pytest.mark.parametrize("name", ["hist_gradient_boosting", "logistic_regression"])
def test_one_setting_selects_another_model(built, name):
    configure(train__model=name)

    train.main()
    evaluate.main()

    assert files.read_json(files.METRICS)["roc_auc"] > 0.8


def test_a_stage_with_a_missing_input_names_the_command_to_run(project):
    with pytest.raises(UserError, match=r"build/train\.parquet is missing\. Run `make run`"):
        train.main()
