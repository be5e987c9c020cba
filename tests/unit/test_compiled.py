import json
import zlib

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper
from onnxruntime import InferenceSession
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from ml.data.schema import inputs
from ml.gates.parity import as_requests
from ml.model import compiled_parity, model, model_file, operators, shipped
from ml.model.compiled import compiled
from ml.model.compiled_parity import served, tabled
from ml.model.estimates import ESTIMATOR
from ml.model.estimators import CLASSIFIERS
from ml.model.predictor import FORM, from_files
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.params import read_params
from ml.tasks.choose import task_of
from ml.tasks.two_words import labels
from tests.conftest import SAMPLE

PARAMS = read_params(SAMPLE)
DATA = PARAMS.data
TABLE = {"file": "t.csv", "id": "id", "target": {"name": "y", "positive": 1}}
NUMBER, LEVELS = {"type": "number"}, {"type": "category", "values": ["a", "b"]}
CONTRACTS = {
    "numbers only": {"x": NUMBER, "z": NUMBER},
    "categories only": {"k": LEVELS, "l": LEVELS},
    "one number": {"x": NUMBER},
    "one category": {"k": LEVELS},
    "a number with gaps": {"x": NUMBER, "gaps": {**NUMBER, "missing": 0.5}, "k": LEVELS},
    "a column that is never there": {"x": NUMBER, "gone": {**NUMBER, "missing": 1.0}, "k": LEVELS},
    "levels that are never there": {"x": NUMBER, "gone": {**LEVELS, "missing": 1.0}},
    "a constant column": {"x": NUMBER, "fixed": NUMBER, "k": LEVELS},
    "nothing to learn from": {"fixed": NUMBER},
}


def contract(columns):
    return Data.model_validate({**TABLE, "columns": columns})


def table(data, rows=300):
    """Labelled rows for any contract; the name of a column alone determines its content."""
    found = {"id": [f"r{n}" for n in range(rows)]}
    for name, column in data.columns.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        values = rng.normal(size=rows) if column.type == "number" else rng.choice(np.array(["a", "b"], object), rows)
        values = np.where(rng.random(rows) < 0.4, np.nan, values) if name == "gaps" else values
        found[name] = [3.0] * rows if name == "fixed" else [None] * rows if name == "gone" else values
    rng = np.random.default_rng(0)
    first = np.asarray(found[next(iter(data.columns))])
    found["y"] = ((first > 0 if first.dtype.kind == "f" else first == "a") ^ (rng.random(rows) < 0.2)).astype(int)
    return pd.DataFrame(found)


def settings(name, **forest):
    small = PARAMS.train.random_forest.model_copy(update={"n_estimators": 10, **forest})
    boosted = PARAMS.train.hist_gradient_boosting.model_copy(update={"max_iter": 20})
    return PARAMS.train.model_copy(update={"model": name, "random_forest": small, "hist_gradient_boosting": boosted})


def forest(frame, **chosen):
    return model.fit(frame, DATA, settings("random_forest", **chosen))


def changed(fitted, frame, change):
    """A pipeline with one step replaced, fitted again."""
    change(fitted)
    return fitted.fit(inputs(frame, DATA), labels(frame, DATA))


@pytest.mark.parametrize("columns", CONTRACTS.values(), ids=CONTRACTS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_compiled_form_of_any_contract_equals_scikit_learn(name, columns):
    data = contract(columns)
    frame = table(data)
    fitted = model.fit(frame, data, settings(name))

    predictor = from_files(compiled(fitted))
    found = served(predictor, frame, data)

    assert np.array_equal(tabled(predictor, data, as_requests(frame, data, len(frame))), found)
    assert found == pytest.approx(model.scores(fitted, frame, data), abs=1e-14)


def test_a_missing_value_is_informative_if_it_is_in_the_data():
    data = contract({"x": {**NUMBER, "missing": 0.9}})
    frame = table(data)
    telling = frame.assign(x=np.where(frame["y"] == 1, np.nan, 0.0))  # the median fills all gaps with what others have

    fitted = model.fit(telling, data, settings("logistic_regression"))

    assert (model.scores(fitted, telling, data) > 0.5).tolist() == frame["y"].eq(1).tolist()
    assert served(from_files(compiled(fitted)), telling, data) == pytest.approx(model.scores(fitted, telling, data))


def test_only_numbers_that_may_be_missing_get_an_indicator_column():
    data = contract({"x": NUMBER, "gaps": {**NUMBER, "missing": 0.5}, "k": {**LEVELS, "missing": 0.5}})

    form = json.loads(compiled(model.fit(table(data), data, settings("logistic_regression")))[FORM])

    assert form["missing"] == ["gaps"]


def test_trees_decide_as_scikit_learns_on_and_beside_their_own_thresholds(customers):
    fitted = forest(customers)
    estimator, rng = fitted.named_steps["estimator"], np.random.default_rng(0)
    nodes = [tree.tree_ for tree in estimator.estimators_]
    at = [np.concatenate([n.threshold[n.feature == c] for n in nodes]) for c in range(estimator.n_features_in_)]
    x = np.stack([rng.choice(known if len(known) else [0.5], 2000) for known in at], axis=1).astype("float32")
    beside = [np.nextafter(x, np.float32(side)) for side in (-np.inf, np.inf)]

    for rows in (x, *beside):
        (found,) = InferenceSession(compiled(fitted)[ESTIMATOR]).run(None, {"x": rows.astype("float64")})

        assert found[:, 0] / 10 == pytest.approx(estimator.predict_proba(rows)[:, 1], abs=1e-15)  # of several threads


@pytest.mark.slow
def test_a_forest_whose_votes_tie_at_the_threshold_decides_as_scikit_learn(customers):
    fitted = forest(customers, max_depth=None, min_samples_leaf=1)

    expected, found = model.scores(fitted, customers, DATA), served(from_files(compiled(fitted)), customers, DATA)

    assert (expected == 0.5).any()
    assert np.array_equal(found, expected)


def test_a_unanimous_forest_gives_exactly_one(customers):
    sure = customers.assign(**{DATA.target.name: customers["tenure_months"] > 12})

    scores = served(from_files(compiled(forest(sure))), customers, DATA)

    assert scores.max() == 1


def binned(fitted):
    fitted.named_steps["preprocessing"].transformers.append(("bins", KBinsDiscretizer(3), ["tenure_months"]))


def scaled_again(fitted):
    fitted.steps.insert(1, ("again", StandardScaler()))


def flagged(fitted):
    fitted.named_steps["preprocessing"].transformers[0][1].named_steps["impute"].add_indicator = True


def binary(fitted):
    steps = fitted.named_steps["preprocessing"].transformers[1][1].steps
    known = [[*values] for values in steps[-1][1].categories]
    steps[-1] = ("encode", OneHotEncoder(categories=known, drop="first", handle_unknown="ignore", sparse_output=False))


def bayes(fitted):
    fitted.steps[-1] = ("estimator", GaussianNB())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (binned, "part bins of its preprocessing has steps that"),
        (scaled_again, "its steps are preprocessing, again, estimator"),
        (flagged, "part number of its preprocessing has other settings"),
        (binary, "part category of its preprocessing has other settings"),
        (bayes, "GaussianNB is not an estimator"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_an_unsupported_step_is_named_and_served_by_scikit_learn(customers, change, reason):
    fitted = changed(forest(customers), customers, change)
    contents = {"model.skops": model_file.dumps(fitted), "contract.json": shipped.contract_of(PARAMS, customers)}

    form, why = shipped.form_of(fitted, contents, customers, PARAMS)

    predictor = from_files({**contents, **form})
    assert predictor.kind == "sklearn"
    assert reason in json.loads(form[FORM])["estimator"]["reason"]
    assert reason in why
    agreed = compiled_parity.compare(
        model.scores(fitted, customers, DATA), served(predictor, customers, DATA), task_of(DATA, Evaluate())
    )
    assert agreed.holds


@pytest.mark.slow
def test_a_model_compiled_in_float32_is_still_served(customers):
    """Earlier registered versions have such a form."""

    fitted = forest(customers)
    form = json.loads(compiled(fitted)[FORM]) | {"estimator": {"kind": "onnx", "output": "probabilities"}}
    width = fitted.named_steps["estimator"].n_features_in_
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, width])
    graph = helper.make_graph([helper.make_node("Sigmoid", ["x"], ["y"])], "estimator", [x], [y])
    opset = [helper.make_opsetid("", 18)]
    old = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()

    scores = served(from_files({FORM: json.dumps(form).encode(), ESTIMATOR: old}), customers.head(5), DATA)

    assert ((scores > 0) & (scores <= 1)).all()


def test_a_pipeline_of_another_shape_is_no_compiled_form():
    with pytest.raises(ValueError, match="not preprocessing and estimator"):
        compiled(Pipeline([("estimator", GaussianNB())]))


def test_an_operator_that_no_model_of_ours_has_is_refused():
    node = helper.make_node("ConstantOfShape", ["x"], ["y"])
    loop = helper.make_node("Loop", ["x"], ["y"], body=helper.make_graph([node], "inner", [], []))
    for found in (node, loop):
        content = helper.make_model(helper.make_graph([found], "g", [], [])).SerializeToString()
        with pytest.raises(ValueError, match=found.op_type):
            operators.check(content)


@pytest.mark.parametrize(
    ("outputs", "width", "tables", "axis"),
    [(10**9, 1, 1, 0), (-1, 1, 1, 0), (2000, 2000, 1, 0), (1, 2, 2, 0), (1, 2, 1, 1)],
)
def test_a_model_with_too_many_outputs_per_row_is_refused(outputs, width, tables, axis):
    trees = helper.make_node("TreeEnsemble", ["x"], ["0"], n_targets=outputs)
    looks = [helper.make_node("Gather", ["table", str(n)], [str(n + 1)], axis=axis) for n in range(tables)]
    table = helper.make_tensor("table", TensorProto.DOUBLE, [1, width], [0.0] * width)
    content = helper.make_model(helper.make_graph([trees, *looks], "g", [], [], [table])).SerializeToString()

    with pytest.raises(ValueError, match=r"more than 1,000,000 numbers|columns of a table"):
        operators.check(content)


def test_a_truncated_model_is_refused():
    content = helper.make_model(helper.make_graph([], "a graph with a name", [], [])).SerializeToString()

    with pytest.raises(ValueError, match="cut off"):
        operators.check(content[:-3])
