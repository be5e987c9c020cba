import json
import re
import subprocess

import numpy as np
import pandas as pd
import pytest

from ml.data.schema import inputs
from ml.gates import behaviour, scored_models
from ml.gates.parity import as_requests
from ml.io.errors import UserError
from ml.model import feature_code, feature_views, model, model_file
from ml.model.compiled import compiled
from ml.model.compiled_parity import served, tabled
from ml.model.feature_checks import check
from ml.model.features import with_made
from ml.model.importance import importance
from ml.model.predictor import FORM, from_files
from ml.registry.baseline import Baseline
from ml.settings import feature_source
from ml.settings import params as params_module
from ml.settings.gates import Behaviour, Case, Direction, Invariance
from ml.settings.params import check as checked
from ml.settings.params import read_params
from ml.settings.yaml_reading import parse
from tests.conftest import SAMPLE

PARAMS = read_params(SAMPLE)
DATA = PARAMS.data
HEAD = "import numpy as np\nfrom ml.model.columns import makes\n"
GOOD = (
    HEAD
    + """
import sklearn.tree
CLEAR = 50

@makes("ratio", "rest", band=["cheap", "dear"])
def prices(columns):
    ratio = columns["monthly_charge"] / columns["usage_hours"]
    return {"ratio": ratio, "rest": -ratio, "band": np.where(columns["monthly_charge"] > CLEAR, "dear", "cheap")}

@makes("later")
def later(columns):
    return np.log1p(columns["monthly_charge"]) + (columns["channel"] == "ads") + np.nan_to_num(columns["ratio"])

class Own(sklearn.tree.DecisionTreeClassifier):
    pass
"""
)


@pytest.fixture
def own(monkeypatch, tmp_path):
    """Writes a text as this repository's src/features.py and returns it."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        feature_source.FEATURES.parent.mkdir(exist_ok=True)
        feature_source.FEATURES.write_text(text)
        return text

    return write


def fitted(frame, text):
    small = PARAMS.train.random_forest.model_copy(update={"n_estimators": 10})
    return model.fit(frame, DATA, PARAMS.train.model_copy(update={"random_forest": small}), text)


@pytest.mark.slow
def test_a_model_with_made_columns_serves_its_scores_and_survives_its_file(customers, own):
    text = own(GOOD)
    frame = customers.assign(usage_hours=np.where(customers.index % 7, customers["usage_hours"], 0.0))
    check(text, frame, DATA)
    found = model_file.loads(model_file.dumps(fitted(frame, text)))

    score = model.scores(found, frame, DATA)

    predictor = from_files(compiled(found))
    assert np.array_equal(tabled(predictor, DATA, as_requests(frame, DATA, len(frame))), served(predictor, frame, DATA))
    assert served(predictor, frame, DATA) == pytest.approx(score, abs=1e-14)
    assert {row["column"] for row in importance(found, frame, DATA)} == {
        *DATA.columns,
        "ratio",
        "rest",
        "band",
        "later",
    }
    assert with_made(frame, text)["ratio"].isna().sum() == (frame["usage_hours"] == 0).sum()


WRONG = {
    "depends on other rows: x of a single row is 0": "x = columns['usage_hours']; return x - x.mean()",
    "changes its input": "columns['monthly_charge'][0] = 1; return columns['monthly_charge']",
    "other values at a second call": "return np.random.random(len(columns['monthly_charge']))",
    "fails on one row": "return np.full(len(columns['plan']), 1.0) / (1 if len(columns['plan']) > 1 else bool)",
    "not a column. Did you mean `monthly_charge`": "return columns['monthly_charg']",
    "returns y, not x": "return {'y': columns['monthly_charge']}",
    "gives x the shape ()": "return 1.0",
    "returns nothing": "columns['usage_hours'] * 2",
    'Read an array with columns["name"]': "return columns.groupby('plan')['usage_hours'].transform('mean')",
    "depends on other rows: x of a": "u = columns['usage_hours']; return u - STATE.setdefault('m', u.mean())",
    "asks the clock": "return columns['tenure_months'] - time.time_ns() // 10**18",
    "KeyError: 'enterprise'": "return [{'basic': 1, 'standard': 2, 'premium': 3}[p] for p in columns['plan']]",
    "TypeError: unsupported operand": "return [v + '!' if v != None else v + 1 for v in columns['channel']]",
    "gives x standard of the type str, not a number": "return columns['plan']",
    "'pd' is not defined (functions may use only numpy": "return pd.Series(columns['monthly_charge']).to_numpy()",
    "gives x the shape (26,), not one": "return columns['usage_hours'][1:]",
    "gives x the shape (27, 1)": "return columns['usage_hours'][:, None]",
    "does not return one value for each row": "return np.convolve(columns['usage_hours'], np.ones(3), 'same')",
    "depends on other rows: x of a single row is 0.0, in": "return np.argsort(np.argsort(columns['usage_hours']))",
    "depends on other rows: x of a single row is 1.0": "return [(columns['plan'] == p).sum() for p in columns['plan']]",
    "of the type datetime64, not a number. Make": "return [np.datetime64('2020-01-01')] * len(columns['plan'])",
    "of the type complex128, not a number": "return columns['usage_hours'] * 1j",
    "gives x no value in": "return columns['usage_hours'] * np.inf",
    "changes its input. Make a new array": "u = columns['usage_hours']; u.base[:] = 0; return u",
    "depends on the order of the columns: x is": "return columns[[n for n in columns if n[:2] in {'us', 'la'}][0]]",
    "prints, which would fill": "print(1); return columns['usage_hours']",
    "first on the row with channel None: TypeError": "return [len(v) for v in columns['channel']]",
    "SystemExit": "raise SystemExit(0)",
    "imports pandas, which an image lacks": "import pandas; return pandas.Series(columns['usage_hours']).to_numpy()",
    "calls hash(), which differs in each process": "return [hash(p) % 7 for p in columns['plan']]",
    "reads a file": "return columns['usage_hours'] * np.load('rate.npy')",
    "reads the environment": "import os; return columns['usage_hours'] * float(os.environ.get('RATE', 1))",
    "writes a file": "np.save('seen.npy', columns['usage_hours']); return columns['usage_hours']",
    "runs a program": "import subprocess; return columns['usage_hours'] * subprocess.run(['true']).returncode",
    "a missing text None: handle them": "return [len(v) for v in columns['channel']]",
    "asks the clock, so": "return columns['usage_hours'] - time.time()",
}


@pytest.mark.parametrize(("sentence", "body"), WRONG.items(), ids=WRONG)
def test_an_impure_or_not_row_wise_function_is_named(customers, own, monkeypatch, sentence, body):
    monkeypatch.setattr(feature_views, "ROWS", 20)
    text = own(
        f"{HEAD}import time\nimport pandas as pd\n\nSTATE = {{}}\n\n@makes('x')\ndef mine(columns):\n    {body}\n"
    )
    frame = customers[customers["plan"] != "enterprise"]  # what the contract allows may come, seen in training or not

    with pytest.raises(UserError, match=rf"src/features\.py: mine .*{re.escape(sentence)}"):
        check(text, frame, DATA)


@pytest.mark.slow
def test_what_only_estimators_need_stands_beside_functions(customers, own):
    """An image has no scikit-learn: neither annotations nor base classes are needed there."""
    also = "from sklearn.pipeline import Pipeline\nKINDS = [Own]\n\ndef build() -> Pipeline:\n    return KINDS[0]()\n"
    text = own(GOOD + also)

    check(text, customers, DATA)

    assert {name for function in feature_code.fresh(text) for name in function.makes} == {
        "ratio",
        "rest",
        "band",
        "later",
    }


DECLARED = {
    "line 6: f exists already": "@makes('a')\ndef f(c): ...\n@makes('b')\ndef f(c): ...",
    "line 3: makes is not above a function": "f = makes('a')(lambda c: c['x'])",
    "line 4: makes is not above a function": "class A:\n    @makes('a')\n    def f(c): ...",
    "line 3: makes is not above": "@makes('a')\nasync def f(c): ...",
    "@makes names `a` twice": "@makes('a', a=['b'])\ndef f(c): ...",
    "f: @makes names `b` twice": "@makes(a=['b', 'c', 'b'])\ndef f(c): ...",
}


@pytest.mark.parametrize(("sentence", "body"), DECLARED.items(), ids=DECLARED)
def test_a_function_that_is_never_called_or_exists_twice_is_named(sentence, body):
    with pytest.raises(UserError, match=re.escape(sentence)):
        feature_source.functions(HEAD + body)


@pytest.mark.parametrize("value", ["1", "True", "b'a'"])
def test_a_level_that_is_no_text_is_refused_and_not_read_as_missing(customers, own, value):
    text = own(f"{HEAD}@makes(band=['a', '1'])\ndef mine(columns):\n    return [{value}] * len(columns['plan'])\n")

    with pytest.raises(UserError, match="not text, as its levels are"):
        check(text, customers, DATA)


@pytest.mark.slow
def test_a_function_must_accept_a_level_that_others_allows(customers, own):
    column = DATA.columns["plan"].model_copy(update={"others": True})
    data = DATA.model_copy(update={"columns": {**DATA.columns, "plan": column}})
    places = {name: place for place, name in enumerate(column.values)}
    text = own(f"{HEAD}@makes('x')\ndef mine(columns):\n    return [{places}[p] for p in columns['plan']]\n")
    check(text, customers, DATA)

    with pytest.raises(UserError, match="first on the row with plan a value that nobody listed"):
        check(text, customers, data)


def test_a_slow_function_is_named(customers, own):
    wait = "t = time.perf_counter_ns() + 6_000_000\n    while time.perf_counter_ns() < t: pass\n"
    text = own(f"{HEAD}import time\n@makes('x')\ndef mine(columns):\n    {wait}    return columns['usage_hours']\n")

    (said,) = check(text, customers.head(5), DATA)

    assert re.search(r"src/features\.py: mine takes \d+ ms for one row, in every request", said)


def test_a_function_that_fails_on_a_later_row_is_named(customers, own):
    body = "return [{}[v] if v == 7.125 else v for v in columns['usage_hours']]"
    text = own(f"{HEAD}@makes('x')\ndef mine(columns):\n    {body}\n")
    check(text, customers[customers["usage_hours"] != 7.125], DATA)

    with pytest.raises(UserError, match=r"src/features\.py: mine fails \(making x\): KeyError"):
        with_made(customers.assign(usage_hours=7.125), text)
    with pytest.raises(KeyError, match="usage_hours"):  # a table of another contract: gates ask the champion so
        with_made(customers.drop(columns="usage_hours"), text)


@pytest.mark.slow
def test_a_level_outside_the_declared_ones_and_a_name_of_the_contract_are_refused(customers, own):
    text = own(HEAD + "@makes(band=['a'])\ndef mine(columns):\n    return columns['plan']\n")
    with pytest.raises(UserError, match="not one of a"):
        check(text, customers, DATA)

    text = own(HEAD + "@makes('plan')\ndef mine(columns):\n    return columns['usage_hours']\n")
    with pytest.raises(UserError, match="already exists"):
        check(text, customers, DATA)


@pytest.mark.parametrize(
    "text", ["def x(:", "@makes\ndef x(c): ...", "@makes(name)\ndef x(c): ...", "@makes()\ndef x(c): ..."]
)
def test_an_unreadable_declaration_is_reported(text):
    with pytest.raises(UserError, match=r"src/features\.py: "):
        feature_source.made(text)


@pytest.mark.slow
def test_uncommitted_code_is_not_run(customers, own):
    trained = fitted(customers, own(GOOD))
    content, form = model_file.dumps(trained), compiled(trained)
    own(HEAD)
    feature_code.loaded.cache_clear()

    with pytest.raises(UserError, match=r"another src/features\.py"):
        model_file.loads(content)
    assert json.loads(form[FORM])["features"] == GOOD
    with pytest.raises(UserError, match=r"another src/features\.py"):
        from_files(form)


def committed(folder, name, *arguments):
    """A commit on the current branch with GOOD in this file; returns git's output for the following arguments."""
    for command in (["add", "-A"], ["commit", "-qm", name], *arguments):
        done = subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose src/features.py has no function, as the current folder."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "features.py").write_text("")
    subprocess.run(["git", "init", "-qb", "main", tmp_path], check=True)
    committed(tmp_path, "empty")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_code_of_an_earlier_commit_is_run(repository):
    path = repository / "src" / "features.py"
    path.write_bytes(GOOD.encode())
    committed(repository, "good")
    path.write_text("")
    committed(repository, "empty again")

    feature_code.must_know(GOOD)


def test_code_that_exists_only_on_the_registry_branch_is_not_run(repository):
    subprocess.run(["git", "checkout", "-q", "--orphan", "mlflow"], check=True)
    (repository / "src" / "features.py").write_bytes(GOOD.encode())
    committed(repository, "hostile", ["update-ref", "refs/remotes/origin/mlflow", "HEAD"], ["checkout", "-q", "main"])

    with pytest.raises(UserError, match="trained with another"):
        feature_code.must_know(GOOD)


def test_gates_may_name_made_columns(own):
    settings = parse(SAMPLE.read_text())
    settings["gates"]["slices"] = {**settings["gates"]["slices"], "columns": ["ratio"]}
    with pytest.raises(UserError, match="names `ratio`, which is not a column"):
        checked(settings)
    own(GOOD)
    assert checked(settings).gates.slices.columns == ("ratio",)

    rules = settings["gates"]["behaviour"]
    rules["direction"][0]["column"] = "ratio"
    rules["easy"][0]["row"] = {"band": "dear"}
    assert checked(settings).gates.behaviour.direction[0].column == "ratio"
    rules["easy"][0]["row"] = {"band": "costly"}
    with pytest.raises(UserError, match="'costly' is not one of cheap, dear"):
        checked(settings)
    rules["direction"][0]["column"], rules["easy"] = "band", []
    with pytest.raises(UserError, match="band is a category; only a number can increase"):
        checked(settings)


def test_settings_in_an_image_include_the_columns_of_its_own_features_file(own, monkeypatch, tmp_path):
    settings = parse(SAMPLE.read_text())
    settings["gates"]["slices"] = {**settings["gates"]["slices"], "columns": ["ratio"]}
    settings["data"] = {**settings["data"], "made": {"ratio": {"min": 0}}}
    monkeypatch.setattr(params_module, "BESIDE", tmp_path / "features.py")
    (tmp_path / "features.py").write_text(GOOD)

    assert checked(settings).gates.slices.columns == ("ratio",)


@pytest.mark.slow
def test_a_behaviour_changes_a_made_column_and_the_columns_derived_from_it(customers, own):
    text = own(GOOD)
    found = fitted(customers, text)
    frame = with_made(customers.head(100), text)
    score = lambda rows, kept=(): model.scores(found, rows, DATA, kept)  # noqa: E731
    table = with_made(inputs(frame, DATA), text)
    later = table["later"] - table["ratio"].fillna(0) + 50

    changed = score(frame.assign(ratio=50.0), ["ratio"])

    assert np.array_equal(changed, found[1:].predict_proba(table.assign(ratio=50.0, later=later))[:, 1])
    assert np.array_equal(score(frame.assign(ratio=50.0)), score(frame))
    up = Direction(column="ratio", by=50, score="up", allow=0)
    raised = behaviour.direction(frame, score, up, DATA)
    rest = frame.assign(ratio=frame["ratio"] + 50)
    wrong = score(frame) - score(rest, ["ratio"]) > up.tolerance
    assert raised.value == wrong[frame["ratio"].notna()].mean()
    assert behaviour.invariance(frame, score, Invariance(column="band", max_change=1, allow=0), DATA).passed
    case = Case(name="dear", row={"band": "dear"}, label="positive")
    judged = behaviour.easy(customers, score, Behaviour(rows=10, invariance=[], direction=[], easy=[case]), PARAMS)
    assert judged[0].value == score(pd.DataFrame([behaviour.typical(customers, DATA) | case.row]), ["band"])[0]


def test_the_shipped_file_makes_its_column(customers):
    text = feature_source.source(feature_source.BESIDE)
    if feature_source.made(text).keys() != {"incidents"}:
        pytest.skip("a fork has its own columns")

    check(text, customers, DATA)

    expected = customers["support_tickets"] + customers["late_payments"]
    assert (with_made(customers, text)["incidents"] == expected).all()


def test_functions_that_read_missing_columns_are_removed():
    kept, gone = feature_source.without(GOOD, ["monthly_charge", "channel", "usage"])

    assert gone == ["prices"]
    assert feature_source.made(kept) == {"later": None}
    assert feature_source.without(GOOD, DATA.columns) == (GOOD, [])


@pytest.mark.slow
def test_a_champion_with_unknown_functions_is_not_compared(customers, own):
    text = own(GOOD)
    champion = Baseline("version 1", model_file.dumps(fitted(customers, text)))
    own("")

    found = scored_models.scored_champion(champion, {"model.skops": b"another"}, None, customers, PARAMS)

    assert found.score is None
    assert "was trained with another src/features.py" in found.why
    assert found.why.endswith("`git fetch --unshallow`")
