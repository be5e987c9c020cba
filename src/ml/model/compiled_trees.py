"""Tree ensembles in ONNX, in float64 throughout, so that they decide as scikit-learn's own trees do."""

import numpy as np
from onnx import ModelProto, TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

OPSET = {"": 18, "ai.onnx.ml": 5}  # the first whose tree ensembles answer in float64

LIGHTGBM = ("split_feature", "threshold", "left_child", "right_child")


def forest(estimator: RandomForestClassifier, width: int) -> ModelProto:
    """Trees whose leaves sum to the probability times their number, in the order in which scikit-learn adds them."""
    trees = [tree.tree_ for tree in estimator.estimators_]
    nodes = {
        "leaf": np.concatenate([tree.children_left < 0 for tree in trees]),
        "feature": np.concatenate([tree.feature for tree in trees]),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "left": np.concatenate([tree.children_left for tree in trees]),
        "right": np.concatenate([tree.children_right for tree in trees]),
        "value": np.concatenate([tree.value[:, 0, 1] for tree in trees]),
    }
    return _ensemble([tree.node_count for tree in trees], nodes, width)


def boosting(estimator: HistGradientBoostingClassifier, width: int) -> ModelProto:
    """Trees whose leaves sum to the log odds, less the baseline."""
    trees = [tree.nodes for (tree,) in estimator._predictors]  # noqa: SLF001  (no public door)
    if any(nodes["is_categorical"].any() for nodes in trees):
        raise ValueError("its trees split on categories, which have no place in a tree ensemble of ONNX")
    known = np.concatenate(trees)
    nodes = {name: known[name] for name in ("left", "right", "value")}
    nodes |= {"leaf": known["is_leaf"] > 0, "feature": known["feature_idx"], "threshold": known["num_threshold"]}
    return _ensemble([len(tree) for tree in trees], nodes, width)


def lightgbm(text: str, width: int) -> ModelProto:
    """Trees of LightGBM's own text whose leaves sum to the log odds; of numbers alone, none of them missing."""
    head, *parts = text.split("\nTree=")
    if "objective=binary sigmoid:1" not in head or "average_output" in head:
        raise ValueError("its objective is not binary, or its trees are averaged")
    trees = [_lightgbm_tree(dict(line.split("=", 1) for line in p.splitlines() if "=" in line)) for p in parts]
    nodes = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    return _ensemble([len(tree["leaf"]) for tree in trees], nodes, width)


def _lightgbm_tree(said: dict[str, str]) -> dict[str, np.ndarray]:
    """A tree as scikit-learn lays it out: inner nodes, then leaves, which LightGBM counts down from -1."""
    if said.get("num_cat", "0") != "0" or said.get("is_linear", "0") != "0":
        raise ValueError("its trees split on categories or end in linear models")
    leaves = np.array(said["leaf_value"].split(), dtype="float64")
    inner = len(leaves) - 1
    listed = {name: np.array(said.get(name, "").split(), dtype="float64") for name in LIGHTGBM}
    sides = [np.where(side < 0, inner - 1 - side, side) for side in (listed["left_child"], listed["right_child"])]
    none = np.zeros(len(leaves))
    return {
        "leaf": np.arange(inner + len(leaves)) >= inner,
        "feature": np.concatenate([listed["split_feature"], none]).astype("int64"),
        "threshold": np.concatenate([listed["threshold"], none]),
        "left": np.concatenate([sides[0], none]).astype("int64"),
        "right": np.concatenate([sides[1], none]).astype("int64"),
        "value": np.concatenate([np.zeros(inner), leaves]),
    }


def baseline(estimator: HistGradientBoostingClassifier) -> float:
    """The log odds that boosting starts from."""
    return float(estimator._baseline_prediction.ravel()[0])  # noqa: SLF001


def _ensemble(sizes: list[int], nodes: dict[str, np.ndarray], width: int) -> ModelProto:
    """The leaves that a row reaches, summed; `nodes` are those of all trees, of these sizes, in turn."""
    nodes, roots = _flat(sizes, nodes)
    leaf, inner = nodes["leaf"], ~nodes["leaf"]
    place = np.where(leaf, np.cumsum(leaf), np.cumsum(inner)) - 1  # leaves and other nodes are counted apart
    branch = {side: nodes[side][inner] for side in ("left", "right")}
    ensemble = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["sum"],
        domain="ai.onnx.ml",
        n_targets=1,
        tree_roots=place[roots].tolist(),
        nodes_featureids=nodes["feature"][inner].tolist(),
        nodes_splits=_tensor("splits", nodes["threshold"][inner], "float64"),
        nodes_modes=_tensor("modes", np.zeros(inner.sum()), "uint8"),  # at or below the threshold goes left
        nodes_truenodeids=place[branch["left"]].tolist(),
        nodes_falsenodeids=place[branch["right"]].tolist(),
        nodes_trueleafs=leaf[branch["left"]].astype(int).tolist(),
        nodes_falseleafs=leaf[branch["right"]].astype(int).tolist(),
        leaf_weights=_tensor("weights", nodes["value"][leaf], "float64"),
        leaf_targetids=[0] * int(leaf.sum()),
    )
    x = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, width])
    y = helper.make_tensor_value_info("sum", TensorProto.DOUBLE, [None, 1])
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
    return helper.make_model(helper.make_graph([ensemble], "estimator", [x], [y]), opset_imports=opsets, ir_version=10)


def _flat(sizes: list[int], nodes: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Nodes that name each other by their place among all, and where trees begin.

    A tree that never splits gets a root with its one leaf on both sides, as ONNX wants it.
    """
    starts = np.cumsum([0, *sizes[:-1]])
    shift, count = np.repeat(starts, sizes), sum(sizes)
    nodes = {
        **nodes,
        "left": (shift + nodes["left"]).astype("int64"),
        "right": (shift + nodes["right"]).astype("int64"),
    }
    alone = starts[nodes["leaf"][starts]]
    root = {"leaf": np.zeros(len(alone), bool), "feature": alone * 0, "threshold": alone * 0.0, "value": alone * 0.0}
    root |= {"left": alone, "right": alone}
    roots = starts.copy()
    roots[nodes["leaf"][starts]] = count + np.arange(len(alone))
    return {name: np.concatenate([known, root[name]]) for name, known in nodes.items()}, roots


def _tensor(name: str, values: np.ndarray, kind: str) -> TensorProto:
    code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return helper.make_tensor(
        name, code, [len(values)], values.astype(kind).astype(np.dtype(kind).newbyteorder("<")).tobytes(), raw=True
    )
