"""Custom estimators in src/features.py: each trains, is stored and serves, or is refused with a sentence."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

from ml.io.errors import UserError
from ml.model import compiled_parity, estimators, explanation, interval, model, model_file, shipped
from ml.model.model_contract import CONTRACT
from ml.model.predictor import MODEL, from_files
from ml.settings import feature_source
from ml.stages.train import Settings

N = "sklearn.neighbors.KNeighborsRegressor"
ROWS = 60
LEVELS = {"type": "category", "values": ["a", "b"], "missing": 0.5}
COLUMNS = {"x": {"type": "number", "missing": 0.5}, "z": {"type": "number"}, "k": LEVELS}
TARGETS = {
    "binary": {"name": "y", "positive": "yes"},
    "multiclass": {"name": "y", "task": "multiclass", "classes": ["low", "mid", "high"]},
    "regression": {"name": "y", "task": "regression"},
}
HEAD = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, StackingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC
from ml.model.columns import makes


@makes("wide")
def wide(columns):
    return np.where(columns["z"] > 0.5, 1.0, 0.0)


def prepared(spread=True):
    levels = [SimpleImputer(strategy="constant", fill_value="none", missing_values=None)]
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    number = [SimpleImputer(strategy="median"), *([StandardScaler()] if spread else [])]
    numbers, levels = make_pipeline(*number), make_pipeline(*levels, encode)
    return ColumnTransformer([("n", numbers, ["z", "x", "wide"]), ("c", levels, ["k"])])


class Steady(ClassifierMixin, BaseEstimator):
    def __init__(self, share=0.5):
        self.share = share

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x):
        return np.tile([1 - self.share, self.share], (len(x), 1))

    def predict(self, x):
        return self.classes_[self.predict_proba(x).argmax(axis=1)]


"""


def settings(task="binary", **train_section):
    data = {"file": "t.csv", "id": "id", "target": TARGETS[task], "columns": COLUMNS}
    return Settings.model_validate({"project": "p", "data": data, "train": train_section})


def table(task="binary"):
    """A small table of each task, with missing values."""
    rng = np.random.default_rng(0)
    x, z, k = rng.normal(size=ROWS), rng.random(ROWS), rng.choice(["a", "b"], ROWS).astype(object)
    y = 3 * z + np.where(k == "a", 1.0, 2.0) + rng.normal(size=ROWS) / 10
    if task == "binary":
        y = np.where(x + z > np.median(x + z), "yes", "no")
    elif task == "multiclass":
        y = np.array(["low", "mid", "high"])[np.digitize(y, np.quantile(y, [0.3, 0.6]))]
    frame = pd.DataFrame({"id": [f"r{n}" for n in range(ROWS)], "x": x, "z": z, "k": k, "y": y})
    frame.loc[3, "x"], frame.loc[5, "k"] = np.nan, None
    return frame


def built(params, task="binary", text=""):
    """The served form of a trained, stored and read model, after it gave the predictions of the stored one."""
    frame = table(task)
    fitted = model.fit(frame, params.data, params.train, text)
    files = {MODEL: model_file.dumps(fitted), CONTRACT: shipped.contract_of(params, frame)}
    files |= shipped.form_of(fitted, files, frame, params)[0]
    expected = model.scores(model_file.loads(files[MODEL]), frame, params.data)
    assert compiled_parity.served(from_files(files), frame, params.data) == pytest.approx(expected, abs=1e-6)
    return from_files(files)


@pytest.fixture
def own(monkeypatch, tmp_path):
    """Appends text to HEAD as this repository's src/features.py, and returns the whole text."""
    monkeypatch.chdir(tmp_path)
    feature_source.FEATURES.parent.mkdir()
    monkeypatch.delitem(estimators.sys.modules, "features", raising=False)

    def write(more):
        feature_source.FEATURES.write_text(HEAD + more)
        return HEAD + more

    yield write
    estimators.sys.modules.pop("features", None)


GOOD = {  # task, train.preprocessing, what serves it, the text
    "a pipeline that compiles": (
        *("binary", "none", "linear"),
        "def make(C=1.0) -> Pipeline:\n    return Pipeline([('p', prepared()), ('m', LogisticRegression(C=C))])",
    ),
    "a pipeline with trees": (
        *("binary", "none", "onnx"),
        "def make(random_state=1):\n"
        "    return make_pipeline(prepared(spread=False), RandomForestClassifier(5, random_state=random_state))",
    ),
    "a pipeline whose levels may be gaps": (
        *("binary", "none", "linear"),
        "def make():\n"
        "    n = SimpleImputer()\n"
        "    p = ColumnTransformer([('n', n, ['z', 'x']), ('c', OneHotEncoder(handle_unknown='ignore'), ['k'])])\n"
        "    return make_pipeline(p, LogisticRegression())",
    ),
    "a pipeline without a column that a made one needs": (
        *("binary", "none", "linear"),
        "def make():\n    p = ColumnTransformer([('n', SimpleImputer(), ['x', 'wide'])])\n"
        "    return make_pipeline(p, LogisticRegression())",
    ),
    "interactions after the usual preprocessing": (
        *("binary", "standard", "sklearn"),
        "def make():\n    return make_pipeline(PolynomialFeatures(2), LogisticRegression())",
    ),
    "a function of its own in a pipeline": (
        *("binary", "standard", "sklearn"),
        "def squash(x):\n    return np.arcsinh(x)\n\n\n"
        "def make():\n    return make_pipeline(FunctionTransformer(squash), LogisticRegression())",
    ),
    "a stack": (
        *("binary", "standard", "sklearn"),
        "def make():\n    parts = [('a', LogisticRegression()), ('b', RandomForestClassifier(5))]\n"
        "    return StackingClassifier(parts, cv=3)",
    ),
    "a vote of several classes": (
        *("multiclass", "standard", "sklearn"),
        "def make():\n    parts = [('a', LogisticRegression()), ('b', RandomForestClassifier(5))]\n"
        "    return VotingClassifier(parts, voting='soft')",
    ),
    "a search": (
        *("binary", "standard", "linear"),
        "def make():\n    return GridSearchCV(LogisticRegression(), {'C': [0.1, 1.0]}, cv=3)",
    ),
    "a calibrated margin": (
        *("binary", "standard", "sklearn"),
        "def make():\n    return CalibratedClassifierCV(LinearSVC(), cv=3)",
    ),
    "a target on another scale": (
        *("regression", "none", "sklearn"),
        "def make():\n    scaled = TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)\n"
        "    return make_pipeline(prepared(), scaled)",
    ),
    "a forest within a forest of parts": (
        *("regression", "standard", "sklearn"),
        "def make():\n    scale = {'func': np.log1p, 'inverse_func': np.expm1}\n"
        "    return TransformedTargetRegressor(RandomForestRegressor(5), **scale)",
    ),
    "a class": ("binary", "standard", "sklearn", "make = Steady"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD)
def test_a_custom_estimator_trains_is_stored_and_serves_its_scores(own, name):
    task, preprocessing, kind, text = GOOD[name]
    params, whole = settings(task, model="features.make", preprocessing=preprocessing), own(text)

    found = built(params, task, whole)

    assert found.kind == kind
    again = [model_file.dumps(model.fit(table(task), params.data, params.train, whole)) for _ in range(2)]
    assert again[0] == again[1]  # a forest within it that was given no seed, too


def steady(method, *lines):
    """A class that differs from Steady in one method."""
    return f"class make(Steady):\n    def {method}:\n" + "".join(f"        {line}\n" for line in lines)


BAD = {
    "make() missing 1 required positional argument": "def make(X):\n    return Steady(X)",
    "gives no probabilities: predict_proba is not available when voting='hard'": (
        "def make():\n    return VotingClassifier([('a', LogisticRegression())], voting='hard')"
    ),
    "Calibrate it by CalibratedClassifierCV": "make = LinearSVC",
    "lacks fit": "def make():\n    return 3",
    "has no class make, nor a function": "make = 3",
    "cannot be imported: ZeroDivisionError": "make = 1 / 0",
    "returns predictions of shape (60, 2) to 60 rows, not (60,)": steady(
        "predict_proba(self, x)", "return np.ones((60, 2, 2))"
    ),
    "not finite numbers, e.g. nan": steady("predict_proba(self, x)", "return np.full((len(x), 2), np.nan)"),
    "not probabilities: from 7 to 7": steady("predict_proba(self, x)", "return np.full((len(x), 2), 7)"),
    "cannot predict 60 rows: IndexError": steady("predict_proba(self, x)", "return np.ones(len(x))"),
    "cannot be stored without pickle": steady(
        "fit(self, x, y)", "self.a_ = (v for v in y)", "return super().fit(x, y)"
    ),
    "cannot be fitted: KeyError": steady("fit(self, x, y)", "raise KeyError('nothing')"),
    "reviewed: features.<lambda>. Change its settings": (
        steady("fit(self, x, y)", "self.curve_ = lambda v: v", "return super().fit(x, y)")
    ),
    "_thread.lock, collections.deque, threading": (
        "import threading\n\n\n"
        + steady("fit(self, x, y)", "self.lock_ = threading.Event()", "return super().fit(x, y)")
    ),
    "A model of lightgbm is stored only as train.model itself": (
        "import lightgbm\n\n\ndef make():\n"
        "    return CalibratedClassifierCV(lightgbm.LGBMClassifier(n_estimators=2, verbose=-1), cv=2)"
    ),
    "`fit` must set an attribute whose name ends in `_`": (
        "class make(BaseEstimator):\n    def fit(self, x, y):\n        return self\n\n"
        "    def predict_proba(self, x):\n        return np.full((len(x), 2), 0.5)"
    ),
    "lacks get_params, so it is no classifier. Let it inherit from sklearn.base.BaseEstimator": (
        "class make:\n    def fit(self, x, y): ...\n\n    def predict_proba(self, x): ..."
    ),
}


@pytest.mark.parametrize(("sentence", "text"), BAD.items(), ids=BAD)
def test_an_unusable_custom_estimator_is_refused_with_a_sentence(own, sentence, text):
    params, text = settings(model="features.make"), own(text)

    with pytest.raises(UserError, match=re.escape(sentence)):
        built(params, "binary", text)


@pytest.mark.slow
def test_an_interval_is_of_models_that_are_fitted_as_the_released_one_is(own):
    """A stack for numbers is no estimator for cross_val_predict, which would also ignore early stopping."""
    text = own(
        "from sklearn.ensemble import StackingRegressor\n\n\n"
        "def make():\n    return StackingRegressor([('a', Ridge()), ('b', RandomForestRegressor(5))], cv=3)"
    )
    stack = settings("regression", model="features.make")
    boosting = {"n_estimators": 60, "learning_rate": 0.5, "min_child_samples": 2}
    rash = settings("regression", model="lightgbm.LGBMRegressor", **{"lightgbm.LGBMRegressor": boosting})
    stopped = rash.train.model_copy(update={"early_stopping": 2})
    few = settings("regression", model=N, **{N: {"n_neighbors": 50}})

    assert 0 < interval.half_width(table("regression"), stack.data, stack.train, 0.9, text) < 1
    widths = [interval.half_width(table("regression"), rash.data, given, 0.9) for given in (rash.train, stopped)]
    assert widths[0] != widths[1]
    with pytest.raises(UserError, match="cannot predict"):
        interval.half_width(table("regression"), few.data, few.train, 0.9)


def test_an_estimator_that_cannot_read_the_table_is_told_its_input():
    params = settings(model="hist_gradient_boosting", preprocessing="none")

    with pytest.raises(UserError, match="it gets the table itself, with text and missing values"):
        built(params)


def test_inputs_that_are_not_columns_have_no_explanation(own):
    params, text = settings(model="features.make"), own(GOOD["interactions after the usual preprocessing"][-1])
    content = model_file.dumps(model.fit(table(), params.data, params.train, text))

    with pytest.raises(UserError, match=r"only models with `train\.preprocessing: standard` have explanations"):
        explanation.explainer({MODEL: content}, params.data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["LogisticRegression", "RandomForestClassifier"])
def test_a_class_that_overrides_predictions_has_no_explanation(own, kind):
    text = own(f"class make({kind}):\n    pass")
    params = settings(model="features.make")
    content = model_file.dumps(model.fit(table(), params.data, params.train, text))

    with pytest.raises(UserError, match="make has no explanation: only trees and linear models have"):
        explanation.explainer({MODEL: content}, params.data)


def test_a_custom_pipeline_with_target_encoding_is_reproducible():
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"k": rng.choice([f"c{n}" for n in range(30)], 200)})
    y = rng.random(200) < 0.4

    def once():
        return estimators.with_seed(make_pipeline(TargetEncoder(), LogisticRegression()), 0).fit(x, y).predict_proba(x)

    np.testing.assert_array_equal(once(), once())
