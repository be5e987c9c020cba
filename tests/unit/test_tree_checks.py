"""Trees of scikit-learn in a model file: a forged one is refused when it is loaded, before it scores a row."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from ml.io.errors import UserError
from ml.model import model_file, tree_checks

ROWS = np.random.default_rng(0).normal(size=(200, 4))
TRUTH = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)
TREE = DecisionTreeClassifier(max_depth=3)
MADE = {
    "tree": TREE,
    "leaf by leaf": DecisionTreeClassifier(max_leaf_nodes=9),
    "forest": RandomForestClassifier(3, max_depth=3),
    "random trees": ExtraTreesClassifier(3, max_leaf_nodes=9),
    "boosting": GradientBoostingClassifier(n_estimators=3),
    "histograms": HistGradientBoostingClassifier(max_iter=3),
    "stack": StackingClassifier([("a", TREE), ("b", LogisticRegression())], RandomForestClassifier(3)),
}


def fitted(estimator):
    rows = ROWS.copy()
    rows[:, 3] = np.round(abs(rows[:, 3]) * 3)
    return Pipeline([("estimator", estimator)]).fit(rows, TRUTH), rows


def forged(tree, **changes):
    state = tree.__getstate__()
    for name, value in changes.items():
        if name in state:
            state[name] = value
        else:
            state["nodes"][name][0] = value
    tree.__setstate__(state)


@pytest.mark.parametrize("kind", MADE)
def test_a_fitted_model_is_loaded_and_answers_as_before(kind):
    model, rows = fitted(MADE[kind])

    assert (model_file.loads(model_file.dumps(model)).predict_proba(rows) == model.predict_proba(rows)).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"left_child": 10**9},
        {"right_child": -5},
        {"left_child": 0},
        {"feature": 4},
        {"feature": -2},
        {"node_count": 999},
    ],
)
@pytest.mark.parametrize("kind", ["tree", "forest", "boosting", "stack"])
def test_a_tree_that_leaves_its_nodes_or_columns_or_never_ends_is_refused(kind, changes):
    model, _ = fitted(MADE[kind])
    last = model.steps[-1][1]
    within = {"tree": lambda: last, "forest": lambda: last.estimators_[1], "boosting": lambda: last.estimators_[1, 0]}
    forged(within.get(kind, lambda: last.final_estimator_.estimators_[2])().tree_, **changes)

    with pytest.raises(UserError, match=r"not a skops file \(a tree .*Train again"):
        model_file.loads(model_file.dumps(model))


@pytest.mark.parametrize(("name", "value"), [("left", 10**6), ("right", 0), ("feature_idx", 9), ("bitset_idx", 99)])
def test_a_tree_of_histograms_is_checked_too(name, value):
    model, _ = fitted(MADE["histograms"])
    nodes = model.steps[-1][1]._predictors[1][0].nodes
    nodes[name][0] = value
    if name == "bitset_idx":
        nodes["is_categorical"][0] = 1

    with pytest.raises(UserError, match="a tree"):
        model_file.loads(model_file.dumps(model))


def test_trees_of_another_width_than_their_forest_are_refused():
    model, _ = fitted(MADE["forest"])
    model.steps[-1][1].estimators_[1].n_features_in_ = 9

    with pytest.raises(UserError, match="other inputs than the forest"):
        model_file.loads(model_file.dumps(model))


def test_more_nodes_than_there_is_memory_for_are_refused():
    with pytest.raises(ValueError, match="9 nodes in a table of 3"):
        tree_checks._check_tree(SimpleNamespace(node_count=9, capacity=3), 4)
