"""One command replaces the project's data with another table and runs the pipeline on it."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_iris

from ml.adoption import adopt_changes, messages, preconditions, proposed_contract
from ml.gates import proposed_gates
from ml.io import files
from ml.io.errors import UserError
from ml.registry.embedded_home import Embedded
from ml.registry.registry import stamped
from ml.settings.card import Card
from ml.settings.params import read_params
from ml.settings.validate import Validate
from ml.stages import adopt as stage
from ml.stages import evaluate, prepare, train, validate
from ml.tasks.inferred import other_task, target_of
from tests.conftest import ROOT, SAMPLE
from tests.fork.inside import edit_params
from tests.fork.test_clone import clone, run
from tests.registry.faults import killed, writes


@pytest.fixture
def loans():
    """Loans that default: no date, whole-number ids, a coded level, a yes/no target, a text and a constant column."""
    rng = np.random.default_rng(0)
    rows = 1500
    income = rng.lognormal(10, 0.5, rows).round(2)
    grade = rng.integers(1, 5, rows)
    risk = 1 / (1 + np.exp(-(grade - 2.5) * 1.5 + (income - income.mean()) / income.std()))
    return pd.DataFrame(
        {
            "loan_id": np.arange(rows),
            "income": income,
            "grade": pd.Series(grade).map(str).radd("g"),
            "balance": rng.normal(0, 500, rows).round(2),
            "employed": rng.random(rows) < 0.8,
            "age": np.where(rng.random(rows) < 0.1, np.nan, rng.integers(18, 90, rows)),
            "note": [f"note {i}" for i in range(rows)],
            "country": "AT",
            "defaulted": np.where(rng.random(rows) < risk, "yes", "no"),
        }
    )


def test_the_table_meets_its_inferred_contract(loans):
    contract, left = proposed_contract.infer(loans, "data/loans.csv", "defaulted", {})

    assert contract["id"] == "loan_id"
    assert contract["target"] == {"name": "defaulted", "positive": "yes"}
    assert contract["columns"]["grade"]["values"] != []
    assert contract["columns"]["balance"]["usual"]["min"] < loans["balance"].min()
    assert contract["columns"]["income"]["min"] == 0
    assert "max" not in contract["columns"]["income"]
    assert contract["columns"]["employed"] == {"type": "boolean"}
    assert contract["columns"]["age"]["missing"] > 0.1
    assert sorted(sentence.split(":")[0] for sentence in left) == ["country", "note"]


@pytest.mark.parametrize(
    ("change", "target", "roles", "message"),
    [
        (lambda f: f, "default", {}, "no column default; did you mean defaulted[?] It has: loan_id"),
        (lambda f: f, "note", {}, r"note has 1,500 values, of which 1,500 occur in fewer than 5 rows"),
        (lambda f: f, "defaulted", {"yes": "maybe"}, "POSITIVE=maybe: defaulted is never that; it is no or yes"),
        (lambda f: f, "defaulted", {"id": "loan"}, "no column loan; did you mean loan_id[?]"),
        (lambda f: f.assign(loan_id=1), "note", {}, "note has 1,500 values"),
    ],
    ids=["no column", "many classes", "no such value", "no such id", "the target before the id"],
)
def test_a_table_that_cannot_be_adopted_says_why(loans, change, target, roles, message):
    named = {role: name for role, name in roles.items() if role != "yes"}

    with pytest.raises(UserError, match=message):
        proposed_contract.infer(change(loans), "data/loans.csv", target, named, roles.get("yes"))


@pytest.fixture
def events(loans):
    """Three rows for each loan, each with its own time, as in a CSV file."""
    thrice = pd.concat([loans.drop(columns="note")] * 3, ignore_index=True)
    moments = pd.date_range("2024-01-01", periods=len(thrice), freq="7min").strftime("%Y-%m-%dT%H:%M:%SZ")
    rate = np.random.default_rng(1).random(len(thrice))
    return thrice.assign(loan_id="L-" + thrice["loan_id"].astype(str), event_ts=moments, paid_share=rate)


def test_a_date_or_a_decimal_that_happens_to_be_unique_is_no_id(events):
    contract, _ = proposed_contract.infer(events, "data/loans.csv", "defaulted", {})

    assert contract["id"] == "row_id"
    assert "row_id" not in events


def test_the_chosen_id_must_be_unique(events):
    with pytest.raises(UserError, match=r"4,500 of 4,500 rows share their value with another row, e.g. 'L-0' is in 3"):
        proposed_contract.infer(events, "data/loans.csv", "defaulted", {"id": "loan_id"})
    with pytest.raises(
        UserError, match=r"age cannot be the id: \d+ .* or name another column with ID= \(for instance paid_share"
    ):
        proposed_contract.infer(events, "data/loans.csv", "defaulted", {"id": "age"})


def test_adopt_suggests_a_column_of_dates_as_the_time(events):
    roles = {"id": "row", "time": "none"}
    _, left = proposed_contract.infer(events.assign(row=range(4500)), "data/loans.csv", "defaulted", roles)

    (sentence,) = [sentence for sentence in left if sentence.startswith("event_ts")]
    assert "name it with TIME=event_ts" in sentence


def test_adopt_warns_of_entities_with_several_rows(events):
    often = events.assign(row=range(4500), note=[f"note {i}" for i in range(4500)]).rename(columns={"loan_id": "loan"})

    _, left = proposed_contract.infer(often, "data/loans.csv", "defaulted", {"id": "row"})

    leaking = [sentence.split(":")[0] for sentence in left if "leak between training and test" in sentence]
    assert leaking == ["loan"]


@pytest.mark.parametrize("text", ["10.1.2.3", "555-12-1234", "20240131", "L-1-2-3"])
def test_text_with_digits_is_no_date(loans, text):
    _, left = proposed_contract.infer(
        loans.assign(note=text + loans["note"].str[5:]), "data/loans.csv", "defaulted", {}
    )

    assert not [sentence for sentence in left if "TIME=" in sentence]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder that is both the current folder and the home folder `~`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        ("", "", r"make adopt DATA=loans.csv TARGET=defaulted"),
        ("gone.csv", "defaulted", r"gone.csv does not exist. Correct the path in DATA="),
        ("loans\udce9\n.csv", "defaulted", r"is no file name for params.yaml and git. Rename the file"),
        ("loans.bin", "defaulted", r"loans.bin is not a CSV, Parquet, JSON or Excel file"),
        ("~/loans.csv", "", r"column to predict with TARGET=. .*loans.csv has: loan_id, income"),
    ],
    ids=["nothing", "no such file", "no name", "another format", "no target"],
)
def test_a_command_names_its_missing_arguments(home, loans, data, target, message):
    loans.to_csv(home / "loans.csv", index=False)
    (home / "loans.bin").write_bytes(bytes(100))

    with pytest.raises(UserError, match=message):
        stage.main(data=data, target=target)


def test_uncommitted_settings_are_not_overwritten(home, loans):
    shutil.copy(SAMPLE, home)
    for arguments in ("init --quiet", "add params.yaml", "commit --quiet -m first"):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments.split()], check=True)
    loans.to_csv("loans.csv", index=False)
    edit_params({"train.seed": 7})

    with pytest.raises(UserError, match=r"params.yaml would be overwritten, but has uncommitted changes"):
        stage.main(data="loans.csv", target="defaulted")
    files.write_json(
        {"digests": {"params.yaml": files.digest(files.PARAMS)}}, preconditions.ADOPTED
    )  # as if adopt had made the change
    preconditions.refuse_unsaved()


@pytest.mark.parametrize(
    ("rows", "positive", "said"),
    [
        (5000, 2500, []),
        (5000, 200, ["yes is 200 of 5,000 rows"]),
        (500, 250, ["about 100 rows will test", "only drift"]),
        (5000, 50, ["yes is 50 of 5,000 rows", "about 10 test rows will have the target yes", "only drift"]),
    ],
)
def test_too_few_rows_or_rows_of_a_class_are_a_warning(params, rows, positive, said):
    target = pd.Series(["yes"] * positive + ["no"] * (rows - positive))

    found = proposed_contract.warnings(target, params)

    assert len(found) == len(said)
    assert all(text in sentence for text, sentence in zip(said, found, strict=True))


def test_ten_equal_classes_are_not_rare(params):
    target = pd.Series([f"class {n}" for n in range(10)] * 1000 + ["class 1"])

    assert not any("not informative" in sentence for sentence in proposed_contract.warnings(target, params))


STARS = pd.Series([1, 2, 3, 4, 5] * 20, name="stars")


@pytest.mark.parametrize(
    ("column", "task", "found", "other"),
    [
        (STARS, "", "multiclass", "regression"),
        (STARS, "regression", "regression", "multiclass"),
        (STARS / 2, "", "regression", "multiclass"),
        (STARS / 2, "multiclass", "multiclass", "regression"),
        (STARS.map("size {}".format), "", "multiclass", ""),
        (STARS.mod(2), "", "binary", ""),
        (STARS.mod(2), "regression", "regression", "multiclass"),
        (STARS.mod(2), "multiclass", "multiclass", "regression"),
        (pd.Series(range(100)), "", "regression", ""),
        (pd.Series([0] * 60 + [1] * 20 + [2] * 5 + [3, 3, 4]), "", "regression", "multiclass"),
    ],
)
def test_the_task_of_numbers_can_be_chosen_and_adopt_names_the_other(column, task, found, other):
    target = target_of(column, "y", None, task)
    table = pd.DataFrame({"y": column})

    assert target.get("task", "binary") == found
    assert other_task(target, column) == other
    said = messages.guesses({"target": target, "columns": {}}, [], table, made=False)
    assert [s for s in said if "TASK=" in s and "predicts" in s] == [s for s in said if f"TASK={other} " in s]


@pytest.mark.parametrize(
    ("column", "task", "said"),
    [
        (STARS.map("size {}".format), "regression", "y holds text, such as 'size 1'"),
        (STARS, "binary", "TASK=binary or POSITIVE= needs a target with two values"),
        (STARS, "ordinal", "choose one of binary, multiclass, regression"),
        (pd.Series(range(100)), "multiclass", "100 occur in fewer than 5 rows"),
    ],
)
def test_a_task_that_the_target_cannot_have_is_refused(column, task, said):
    with pytest.raises(UserError, match=said):
        target_of(column, "y", None, task)


def test_another_task_of_the_same_table_resets_the_gates(params, loans):
    contract, _ = proposed_contract.infer(loans, "data/loans.csv", "defaulted", {})
    described = {**contract, "target": {"name": "churned", "task": "multiclass", "classes": ["False", "True"]}}

    _, reset = adopt_changes.changes(params, described, len(loans), "", "loans")

    assert "gates.limits" in reset


def test_warnings_about_a_number_name_no_class(params):
    number = params.data.target.model_copy(update={"task": "regression"})
    few = params.model_copy(update={"data": params.data.model_copy(update={"target": number})})

    found = proposed_contract.warnings(pd.Series(np.arange(60.0)), few)

    assert not any("class" in sentence or "59" in sentence for sentence in found)


@pytest.mark.slow
def test_the_pipeline_runs_on_an_adopted_table(tmp_path, monkeypatch, loans, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(SAMPLE, tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    loans.to_csv("loans.csv", index=False)

    stage.main(data="~/loans.csv", target="defaulted", project="loans")
    said = capsys.readouterr().err
    for step in (validate, prepare, train, evaluate):
        step.main()

    assert files.read_json(files.METRICS)["roc_auc"] > 0.7
    assert "id=loan_id, time=none, group=none, positive=yes; choose others with ID=, TIME=, GROUP=, TASK=" in said
    assert read_params().project == "loans"
    assert yaml.safe_load((tmp_path / "data.dvc").read_text())["outs"][0]["nfiles"] == 1
    assert "# scores at or above it are positive" in (tmp_path / "params.yaml").read_text()


@pytest.mark.slow
def test_no_description_of_the_old_table_remains(tmp_path, monkeypatch, loans, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(SAMPLE, tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    loans.to_csv("loans.csv", index=False)
    (tmp_path / "tests" / "world").mkdir(parents=True)
    shutil.copy(SAMPLE, tmp_path / "tests" / "world")
    run = {"digest": "d" * 64, "name": "first", "params": {}, "metrics": {}, "tags": {}, "dataset": {}}
    run["lineage"] = {"commit": None, "data": {"md5": None}, "changed": []}
    entry = stamped("register", "d" * 64, "", run=run, verdict={"passed": True})
    Embedded("churn").change(lambda known: [*known, entry])

    stage.main(data="loans.csv", target="defaulted")

    said, params = capsys.readouterr().err, read_params()
    assert params.project == "loans"
    assert params.validation == Validate()
    assert (params.gates.slices.columns, params.gates.slices.min) == ((), None)
    assert params.gates.fairness is None
    assert not params.gates.behaviour.invariance + params.gates.behaviour.direction
    assert params.retrain.min_rows == 75
    assert params.card == Card()
    assert 0.6 < params.gates.bounds()["roc_auc"].min < 0.85
    assert "reset card" in said
    assert "cross-validation of random_forest on 1,500 rows reaches roc_auc 0.8" in said
    assert "the registry holds 1 version of the old table, kept as churn" in said
    assert "derived from the table: data, project loans, retrain.min_rows 75" in said


@pytest.mark.slow
def test_adopting_several_tables_leaves_the_same_files_as_only_the_last_one(home, monkeypatch, loans):
    monkeypatch.setattr(stage, "_move_in", lambda *_: (home / "data.dvc").touch())
    monkeypatch.setattr(stage.dvc, "must", lambda *_, **__: "")
    (home / "tests" / "world").mkdir(parents=True)
    shutil.copy(SAMPLE, home / "tests" / "world")
    few_trees = SAMPLE.read_text().replace("n_estimators: 150", "n_estimators: 5")
    bikes = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=["wind", "sun", "rides"])
    for name, frame in {"loans": loans, "bikes": bikes, "iris": load_iris(as_frame=True).frame}.items():
        frame.to_csv(f"{name}.csv", index=False)

    def adopted_one_by_one(*names):
        (home / "params.yaml").write_text(few_trees)
        for name, target in names:
            stage.main(data=f"{name}.csv", target=target)
        return read_params()

    alone = adopted_one_by_one(("loans", "defaulted"))
    after = adopted_one_by_one(("bikes", "rides"), ("iris", "target"), ("loans", "defaulted"), ("loans", "defaulted"))

    assert after.project == "loans"
    assert after.model_dump() == alone.model_dump()
    assert files.PARAMS.read_text().count(" # ") > few_trees.count(" # ") - 30  # comments, but those of what is gone


@pytest.mark.slow
def test_a_newer_export_of_the_same_table_keeps_card_and_limits(tmp_path, monkeypatch, loans):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    loans.to_csv("loans.csv", index=False)
    stage.main(data="loans.csv", target="defaulted")
    edit_params({"card.purpose": "Whom to lend to.", "gates.limits.f1": {"min": 0.4}})

    stage.main(data="loans.csv", target="defaulted")

    assert read_params().card.purpose == "Whom to lend to."
    assert read_params().gates.limits["f1"].min == 0.4


@pytest.mark.slow
def test_an_adoption_killed_at_any_write_is_completed_by_the_same_command(home, monkeypatch, loans):
    shutil.copy(SAMPLE, home / "params.yaml")
    files.write_text("md5: of the sample\n", home / "data.dvc")
    for command in (["init", "--quiet"], ["add", "*.*"], ["commit", "--quiet", "-m", "sample"]):
        subprocess.run(["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", *command], check=True)
    loans[:200].to_csv("loans.csv", index=False)
    monkeypatch.setattr(stage, "_gates", lambda *_: proposed_gates.Proposal({}, []))
    monkeypatch.setattr(stage.dvc, "must", lambda *_, **__: files.write_text("md5: of loans\n", home / "data.dvc"))

    planned, write = [], stage._write
    monkeypatch.setattr(stage, "_write", lambda *told: planned.append(told))
    stage.main(data="loans.csv", target="defaulted")
    monkeypatch.setattr(stage, "_write", write)

    for number in range(1, writes(lambda: write(*planned[0])) + 1):
        subprocess.run(["git", "reset", "--hard", "--quiet"], check=True)
        shutil.rmtree("build")
        killed(number, lambda: write(*planned[0]))

        preconditions.refuse_unsaved()
        write(*planned[0])

        assert read_params().data.file == "data/loans.csv", f"write {number}"
        assert pd.read_csv("data/loans.csv").equals(pd.read_csv("loans.csv"))
        assert files.read_bytes(home / "data.dvc") == b"md5: of loans\n"
    with (home / "params.yaml").open("a") as edited:
        edited.write("# by a person\n")
    with pytest.raises(UserError, match=r"params.yaml would be overwritten"):
        stage.main(data="loans.csv", target="defaulted")


@pytest.mark.slow
def test_a_dry_run_shows_the_change_and_makes_none(tmp_path, monkeypatch, loans, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, tmp_path)
    loans.to_csv("loans.csv", index=False)

    stage.main(data="loans.csv", target="defaulted", dry=True)

    shown = capsys.readouterr()
    assert "+  id: loan_id" in shown.out
    assert "left out country: every row holds the same" in shown.out + shown.err
    assert (tmp_path / "params.yaml").read_bytes() == SAMPLE.read_bytes()
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_a_table_without_an_id_gets_one_that_a_new_export_keeps(tmp_path, monkeypatch, loans, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    bare = loans.drop(columns=["loan_id", "note"])
    pd.concat([bare, bare.head(1)]).to_csv("loans.csv", index=False)

    stage.main(data="loans.csv", target="defaulted")

    made = pd.read_parquet("data/loans.parquet")
    said = capsys.readouterr().err
    assert read_params().data.file == "data/loans.parquet"
    assert made["row_id"].is_unique
    assert made["row_id"].iloc[-1] == made["row_id"].iloc[0] + "-2"
    assert "no column identifies a row, so data/loans.parquet gets the column row_id" in said
    assert "If an entity has several rows, set GROUP=" in said


@pytest.mark.slow
def test_possible_id_columns_are_named_and_other_ids_are_no_features(loans):
    bare = loans.rename(columns={"loan_id": "konto"}).assign(konto=loans["loan_id"] * 7919)
    indexed = loans.assign(**{"Unnamed: 0": range(len(loans)), "cust": loans["loan_id"] * 7919})

    contract, left = proposed_contract.infer(bare, "data/loans.csv", "defaulted", {})
    said = messages.guesses(contract, left, bare, made=True)
    both, left = proposed_contract.infer(indexed, "data/loans.csv", "defaulted", {})

    assert (contract["id"], both["id"]) == ("row_id", "loan_id")
    assert "konto, note is different in every row; if it is the id, set ID=" in said
    assert not {"Unnamed: 0", "cust"} & {*both["columns"]}
    assert "cust: has the name of an id and a different value in every row" in left


@pytest.mark.slow
def test_a_refused_table_changes_nothing(tmp_path, monkeypatch, loans):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, tmp_path)
    loans.to_csv("loans.csv", index=False)

    with pytest.raises(UserError):
        stage.main(data="loans.csv", target="defaulted", project="Not A Name")

    assert (tmp_path / "params.yaml").read_bytes() == SAMPLE.read_bytes()
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_the_tests_of_a_fork_still_use_the_sample(tmp_path, loans):
    fork = tmp_path / "fork"
    loans.to_csv(tmp_path / "loans.csv", index=False)
    clone(ROOT, fork)
    command = f"ml.stages.adopt --data {tmp_path}/loans.csv --target defaulted --project loans"
    run(fork, sys.executable, "-m", *command.split())

    some = ["tests/unit/test_schema.py", "tests/fork/test_clone.py"]
    done = run(fork, sys.executable, "-m", "pytest", "-q", "-n", "0", "--fail-on-skip", *some, check=False)

    assert done.returncode == 0, done.stdout[-2000:]
    assert "deselected" in done.stdout  # what builds the template
