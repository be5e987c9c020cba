"""The model in the form that serves fast: preprocessing as plain numbers, the estimator in ONNX or as coefficients.

Only the estimator goes to ONNX Runtime, in float32 as scikit-learn's own trees take it; imputing and scaling stay in
float64. A whole pipeline converted to float32 moves thresholds and flips labels.
"""

import json
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from ml.predictor import ESTIMATOR, FORM

OPSET = {"": 18, "ai.onnx.ml": 3}


def compiled(model: Pipeline) -> dict[str, bytes]:
    """The files of the compiled form by name; the same model gives the same bytes.

    Raises ValueError or RuntimeError for a pipeline whose parts are none of ours.
    """
    form = _preprocessing(model.named_steps["preprocessing"])
    estimator = model.named_steps["estimator"]
    if isinstance(estimator, LogisticRegression):
        form["estimator"] = {"kind": "linear", "weights": estimator.coef_[0].tolist(), "bias": estimator.intercept_[0]}
        return {FORM: _json(form)}
    width = len(form["numbers"]) + sum(len(c["levels"]) for c in form["categories"])
    boosted = isinstance(estimator, HistGradientBoostingClassifier)
    form["estimator"] = {"kind": "onnx", "output": "log odds" if boosted else "probabilities"}
    convert = _boosting if boosted else _forest if isinstance(estimator, RandomForestClassifier) else _onnx
    proto = convert(estimator, width)
    return {FORM: _json(form), ESTIMATOR: proto.SerializeToString(deterministic=True)}


def uncompiled(reason: str) -> dict[str, bytes]:
    """The form that says why there is none, and that scikit-learn answers instead."""
    return {FORM: _json({"estimator": {"kind": "sklearn", "reason": reason}})}


def _preprocessing(fitted: ColumnTransformer) -> dict[str, Any]:
    try:
        number, category = fitted.named_transformers_["number"], fitted.named_transformers_["category"]
        columns = {name: list(names) for name, _, names in fitted.transformers_}
        imputed, scaled = number.named_steps["impute"].statistics_, number.named_steps["scale"]
        missing, encoder = category.named_steps["impute"].statistics_, category.named_steps["encode"]
    except (KeyError, AttributeError) as error:
        raise ValueError(f"its preprocessing is not ml.features.preprocessing ({error})") from None
    numbers = zip(columns["number"], imputed, scaled.mean_, scaled.scale_, strict=True)
    levels = zip(columns["category"], missing, encoder.categories_, strict=True)
    return {
        "numbers": [
            {"name": name, "missing": float(fill), "mean": float(mean), "scale": float(scale)}
            for name, fill, mean, scale in numbers
        ],
        "categories": [
            {"name": name, "missing": str(fill), "levels": [str(v) for v in known]} for name, fill, known in levels
        ],
    }


def _onnx(estimator: Any, width: int) -> ModelProto:
    options = {id(estimator): {"zipmap": False, "output_class_labels": False}}
    proto = to_onnx(
        estimator,
        initial_types=[("x", FloatTensorType([None, width]))],
        options=options,
        target_opset=OPSET,
        name="estimator",  # else a random one, and other bytes each time
    )
    for place, node in enumerate(proto.graph.node):
        node.name = f"{node.op_type}{place}"
    return proto


def _forest(estimator: RandomForestClassifier, width: int) -> ModelProto:
    """Trees whose leaves sum to the probability; one output is a fifth faster than the two that skl2onnx makes."""
    trees = [tree.tree_ for tree in estimator.estimators_]
    threshold = np.concatenate([tree.threshold for tree in trees])
    rounded = threshold.astype("float32")  # down: a float32 is at most the one exactly when it is at most the other
    rounded = np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    nodes = {
        "leaf": np.concatenate([tree.children_left < 0 for tree in trees]),
        "feature": np.concatenate([tree.feature for tree in trees]),
        "threshold": rounded,
        "left": np.concatenate([tree.children_left for tree in trees]),
        "right": np.concatenate([tree.children_right for tree in trees]),
        "value": np.concatenate([tree.value[:, 0, 1] for tree in trees]) / len(trees),
    }
    return _ensemble([tree.node_count for tree in trees], nodes, 0.0, width)


def _boosting(estimator: HistGradientBoostingClassifier, width: int) -> ModelProto:
    """Trees whose leaves sum to the log odds; skl2onnx 1.20 gives the onnx of today numbers that it does not take."""
    trees = [tree.nodes for (tree,) in estimator._predictors]  # noqa: SLF001  (no public door)
    if any(nodes["is_categorical"].any() for nodes in trees):
        raise ValueError("its trees split on categories, which have no place in a tree ensemble of ONNX")
    known = np.concatenate(trees)
    nodes = {name: known[name] for name in ("left", "right", "value")}
    nodes |= {"leaf": known["is_leaf"] > 0, "feature": known["feature_idx"], "threshold": known["num_threshold"]}
    base = float(estimator._baseline_prediction.ravel()[0])  # noqa: SLF001
    return _ensemble([len(tree) for tree in trees], nodes, base, width)


def _ensemble(sizes: list[int], nodes: dict[str, np.ndarray], base: float, width: int) -> ModelProto:
    """`base` and the leaves that a row reaches, summed; `nodes` are those of all trees, of these sizes, in turn."""
    leaf, tree = nodes["leaf"], np.repeat(np.arange(len(sizes)), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["sum"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[base],
        nodes_treeids=tree.tolist(),
        nodes_nodeids=place.tolist(),
        nodes_featureids=np.where(leaf, 0, nodes["feature"]).tolist(),
        nodes_modes=["LEAF" if end else "BRANCH_LEQ" for end in leaf],
        nodes_values=np.where(leaf, 0, nodes["threshold"]).tolist(),
        nodes_truenodeids=np.where(leaf, 0, nodes["left"]).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, nodes["right"]).tolist(),
        target_treeids=tree[leaf].tolist(),
        target_nodeids=place[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()),
        target_weights=nodes["value"][leaf].tolist(),
    )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])
    y = helper.make_tensor_value_info("sum", TensorProto.FLOAT, [None, 1])
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
    return helper.make_model(helper.make_graph([ensemble], "estimator", [x], [y]), opset_imports=opsets, ir_version=9)


def _json(form: dict[str, Any]) -> bytes:
    return (json.dumps(form, indent=1, allow_nan=False, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in {FORM}")
