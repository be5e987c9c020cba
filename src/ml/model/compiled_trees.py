"""Tree ensembles in ONNX, in float64 throughout, so that they give the same results as scikit-learn's trees."""

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

Forest = RandomForestClassifier | RandomForestRegressor
Boosting = HistGradientBoostingClassifier | HistGradientBoostingRegressor
OPSET = {"": 18, "ai.onnx.ml": 5}  # the first version whose tree ensembles return float64


def forest(estimator: Forest, width: int) -> ModelProto:
    """Trees whose leaves sum to the output times the number of trees, in scikit-learn's order of addition.

    For several classes, the trees return leaves, and a table holds the probabilities of each leaf.
    """
    trees = [tree.tree_ for tree in estimator.estimators_]
    classes = trees[0].value.shape[2]
    several = classes > 2  # noqa: PLR2004
    values = np.concatenate([tree.value[:, 0, :] for tree in trees])
    nodes = {
        "leaf": np.concatenate([tree.children_left < 0 for tree in trees]),
        "feature": np.concatenate([tree.feature for tree in trees]),
        "split": np.concatenate([tree.threshold for tree in trees]),
        "left": np.concatenate([tree.children_left for tree in trees]),
        "right": np.concatenate([tree.children_right for tree in trees]),
        "value": np.arange(len(values), dtype="float64") if several else values[:, -1],
    }
    sizes = [tree.node_count for tree in trees]
    if not several:
        return ensemble(sizes, nodes, width)
    return ensemble(sizes, nodes | {"target": np.repeat(np.arange(len(trees)), sizes)}, width, len(trees), values)


def boosting(estimator: Boosting, width: int) -> ModelProto:
    """Trees whose leaves sum to the raw prediction (of each class, if there are several) without the baseline."""
    rounds = estimator._predictors  # noqa: SLF001  (no public door)
    trees = [tree.nodes for trees in rounds for tree in trees]
    if any(nodes["is_categorical"].any() for nodes in trees):
        raise ValueError("its trees split on categories, which ONNX's tree ensembles do not support")
    known = np.concatenate(trees)
    nodes = {name: known[name] for name in ("left", "right", "value")}
    nodes |= {"leaf": known["is_leaf"] > 0, "feature": known["feature_idx"], "split": known["num_threshold"]}
    sizes, classes = [len(tree) for tree in trees], len(rounds[0])
    target = np.repeat(np.tile(np.arange(classes), len(rounds)), sizes)
    return ensemble(sizes, nodes | {"target": target}, width, classes)


def baseline(estimator: Boosting) -> list[float]:
    """The initial raw prediction of boosting, one for each class if there are several."""
    return [float(value) for value in estimator._baseline_prediction.ravel()]  # noqa: SLF001


def ensemble(
    sizes: list[int], nodes: dict[str, np.ndarray], width: int, targets: int = 1, values: np.ndarray | None = None
) -> ModelProto:
    """The leaves that a row reaches, summed by target; `nodes` holds all trees, of these sizes, one after another.

    With `values` (a row of outputs for each node) the leaves hold their index, and the values at these are summed.
    """
    nodes, roots = _flat(sizes, {"target": np.zeros(sum(sizes), dtype="int64"), **nodes})
    leaf, inner = nodes["leaf"], ~nodes["leaf"]
    place = np.where(leaf, np.cumsum(leaf), np.cumsum(inner)) - 1  # leaves and inner nodes are numbered separately
    branch = {side: nodes[side][inner] for side in ("left", "right")}
    ensemble = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["sum"],
        domain="ai.onnx.ml",
        n_targets=targets,
        tree_roots=place[roots].tolist(),
        nodes_featureids=nodes["feature"][inner].tolist(),
        nodes_splits=_tensor("splits", nodes["split"][inner], "float64"),
        nodes_modes=_tensor("modes", np.zeros(inner.sum()), "uint8"),  # values at or below the split go left
        nodes_truenodeids=place[branch["left"]].tolist(),
        nodes_falsenodeids=place[branch["right"]].tolist(),
        nodes_trueleafs=leaf[branch["left"]].astype(int).tolist(),
        nodes_falseleafs=leaf[branch["right"]].astype(int).tolist(),
        leaf_weights=_tensor("weights", nodes["value"][leaf], "float64"),
        leaf_targetids=nodes["target"][leaf].tolist(),
    )
    x = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, width])
    steps, tables = [ensemble], []
    if values is not None:
        steps, tables = _looked_up(ensemble, values)
        targets = values.shape[1]
    y = helper.make_tensor_value_info(steps[-1].output[0], TensorProto.DOUBLE, [None, targets])
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
    graph = helper.make_graph(steps, "estimator", [x], [y], initializer=tables)
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _looked_up(ensemble: NodeProto, values: np.ndarray) -> tuple[list[NodeProto], list[TensorProto]]:
    """The ONNX nodes from each tree's leaf to the sum of the table's rows for these leaves."""
    table = _tensor("table", values.ravel(), "float64")
    table.dims[:] = values.shape
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    steps = [
        ensemble,
        helper.make_node("Cast", ["sum"], ["leaf"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "leaf"], ["said"], axis=0),
        helper.make_node("ReduceSum", ["said", "axis"], ["total"], keepdims=0),
    ]
    return steps, [table, axis]


def _flat(sizes: list[int], nodes: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Nodes that refer to each other by their global index, and the roots of the trees.

    A tree without splits gets a root with its one leaf on both sides, because ONNX requires a split.
    """
    starts = np.cumsum([0, *sizes[:-1]])
    shift, count = np.repeat(starts, sizes), sum(sizes)
    nodes = {
        **nodes,
        "left": (shift + nodes["left"]).astype("int64"),
        "right": (shift + nodes["right"]).astype("int64"),
    }
    alone = starts[nodes["leaf"][starts]]
    root = {"leaf": np.zeros(len(alone), bool), "feature": alone * 0, "split": alone * 0.0, "value": alone * 0.0}
    root |= {"target": alone * 0}
    root |= {"left": alone, "right": alone}
    roots = starts.copy()
    roots[nodes["leaf"][starts]] = count + np.arange(len(alone))
    return {name: np.concatenate([known, root[name]]) for name, known in nodes.items()}, roots


def _tensor(name: str, values: np.ndarray, kind: str) -> TensorProto:
    code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return helper.make_tensor(
        name, code, [len(values)], values.astype(kind).astype(np.dtype(kind).newbyteorder("<")).tobytes(), raw=True
    )
