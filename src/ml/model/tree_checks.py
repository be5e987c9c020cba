"""Checks of scikit-learn's trees, which it reads without bounds: a forged one can end the process."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.tree import BaseDecisionTree

LEAF = -1  # in the place of a child


def check(model: BaseEstimator) -> None:
    """Raise ValueError unless every tree in the model ends, within its own nodes and the columns of its input."""
    for part in _parts(model, set()):
        if isinstance(part, BaseDecisionTree) and hasattr(part, "tree_"):
            _check_tree(part.tree_, part.n_features_in_)
        elif isinstance(part, BaseForest | BaseGradientBoosting) and hasattr(part, "estimators_"):
            if {tree.n_features_in_ for tree in np.ravel(part.estimators_)} - {part.n_features_in_}:
                raise ValueError("its trees have other inputs than the forest")
        elif isinstance(part, BaseHistGradientBoosting) and hasattr(part, "_predictors"):
            for tree in (tree for trees in part._predictors for tree in trees):  # noqa: SLF001 - they have no public name
                _check_boosted(tree, part.n_features_in_)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """The objects within a model, each once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    yield value
    if isinstance(value, dict):
        inside: Any = value.values()
    elif isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        inside = np.ravel(np.asarray(value, dtype=object)) if isinstance(value, np.ndarray) else value
    else:
        inside = vars(value).values() if isinstance(value, BaseEstimator) else ()
    for one in inside:
        yield from _parts(one, seen)


def _check_tree(tree: Any, width: int) -> None:
    if not 0 < tree.node_count <= tree.capacity:
        raise ValueError(f"a tree has {tree.node_count} nodes in a table of {tree.capacity}")
    inner = tree.children_left != LEAF
    _check_nodes(tree.children_left, tree.children_right, inner, tree.feature, width)


def _check_boosted(tree: Any, width: int) -> None:
    nodes, inner = tree.nodes, tree.nodes["is_leaf"] == 0
    _check_nodes(nodes["left"], nodes["right"], inner, nodes["feature_idx"], width)
    sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    if len(sets) and sets.max() >= len(tree.raw_left_cat_bitsets):
        raise ValueError("a tree names levels that it does not have")


def _check_nodes(left: np.ndarray, right: np.ndarray, inner: np.ndarray, feature: np.ndarray, width: int) -> None:
    """Raise ValueError unless each child comes after its parent, as scikit-learn writes it, so that each path ends."""
    place = np.arange(len(inner))[inner]
    for child in (left[inner].astype("int64"), right[inner].astype("int64")):
        if (child <= place).any() or (child >= len(inner)).any():
            raise ValueError("a tree has a child that is no later node")
    if (feature[inner] < 0).any() or (feature[inner] >= width).any():
        raise ValueError(f"a tree reads an input that does not exist; there are {width}")
