"""Trees evaluated for many rows at once are bit-identical to ONNX Runtime, or ONNX Runtime evaluates them."""

import sys

import numpy as np
import onnxruntime
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier

from ml.model import compiled_trees
from ml.model.many import Many

RNG = np.random.default_rng(0)
X = RNG.normal(size=(500, 4)).round(1).astype("float32").astype("float64")  # rounded: ties with thresholds
Y = (X.sum(axis=1) + RNG.normal(size=500) > 0).astype(int)
FITTED = {
    "deep": (compiled_trees.forest, RandomForestClassifier(5, random_state=0).fit(X, Y)),
    "leaf alone": (compiled_trees.forest, RandomForestClassifier(3).fit(np.zeros((10, 4)), np.arange(10) % 2)),
    "boosting": (compiled_trees.boosting, HistGradientBoostingRegressor(max_iter=9).fit(X, X[:, 0])),
}
OTHERS = {
    "three classes": (compiled_trees.boosting, HistGradientBoostingClassifier(max_iter=2).fit(X, Y + (X[:, 1] > 1))),
    "looked up": (compiled_trees.forest, RandomForestClassifier(2).fit(X, Y + (X[:, 1] > 1))),
}


def ready(name):
    """The session of ONNX Runtime, and the content of the model."""
    convert, fitted = (FITTED | OTHERS)[name]
    content = convert(fitted, 4).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more add up in another order
    session = onnxruntime.InferenceSession(content, options)
    return lambda x: session.run(None, {"x": x})[-1], content


@pytest.mark.slow
@pytest.mark.parametrize("name", FITTED)
def test_sums_are_bit_identical_to_onnx_runtime(name):
    lockstep = pytest.importorskip("ml.model.lockstep")
    run, content = ready(name)

    found = lockstep.walk(content)(X)

    assert np.array_equal(found, run(X))
    assert len(np.unique(found)) > 1 or name == "leaf alone"


@pytest.mark.parametrize("name", OTHERS)
def test_onnx_runtime_evaluates_trees_with_several_outputs(name):
    lockstep = pytest.importorskip("ml.model.lockstep")

    assert lockstep.walk(ready(name)[1]) is None


def counted(name, after):
    run, content = ready(name)
    asked = []
    return Many(lambda x: asked.append(len(x)) or run(x), content, after), asked


@pytest.mark.slow
def test_onnx_runtime_is_used_until_compilation_is_worth_its_time(monkeypatch):
    pytest.importorskip("ml.model.lockstep")
    many, asked = counted("deep", 600)

    found = [many(X[:500]), many(X[:300]), many(X[:200])]

    assert asked == [500, 300]  # the second to compare
    assert all(np.array_equal(one, ready("deep")[0](X[: len(one)])) for one in found)


@pytest.mark.slow
def test_a_long_table_does_not_wait_for_compilation():
    pytest.importorskip("ml.model.lockstep")
    many, asked = counted("deep", 600)

    for rows in (600, 601):
        many.expect(rows)
        many(X[:10])

    assert asked == [10, 10]
    assert np.array_equal(many(X), ready("deep")[0](X))
    assert asked == [10, 10]


def test_onnx_runtime_evaluates_missing_values():
    pytest.importorskip("ml.model.lockstep")
    many, asked = counted("deep", 1)
    gaps = np.where(RNG.random(X.shape) < 0.1, np.nan, X)

    found = [many(X), many(gaps)]

    assert asked == [500, 500]
    assert np.array_equal(found[1], ready("deep")[0](gaps))


@pytest.mark.parametrize("fault", ["absent", "wrong", "broken"])
def test_onnx_runtime_is_used_if_the_code_is_absent_or_differs(monkeypatch, fault):
    lockstep = pytest.importorskip("ml.model.lockstep")
    if fault == "absent":
        monkeypatch.setitem(sys.modules, "ml.model.lockstep", None)
        monkeypatch.delattr("ml.model.lockstep", raising=False)
    walks = {"wrong": lambda _: lambda x: np.nextafter(ready("deep")[0](x), 9), "broken": lambda _: 1 / 0}
    if fault in walks:
        monkeypatch.setattr(lockstep, "walk", walks[fault])
    many, asked = counted("deep", 1)

    found = many(X), many(X)

    assert asked[-2:] == [500, 500]
    assert all(np.array_equal(one, ready("deep")[0](X)) for one in found)
