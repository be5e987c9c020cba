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
from sklearn.ensemble import HistGradientBoostingClassifier
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
    proto = _boosting(estimator, width) if boosted else _onnx(estimator, width)
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


def _boosting(estimator: HistGradientBoostingClassifier, width: int) -> ModelProto:
    """Trees whose leaves sum to the log odds; skl2onnx 1.20 gives the onnx of today numbers that it does not take."""
    trees = [tree.nodes for (tree,) in estimator._predictors]  # noqa: SLF001  (no public door)
    if any(nodes["is_categorical"].any() for nodes in trees):
        raise ValueError("its trees split on categories, which have no place in a tree ensemble of ONNX")
    nodes, leaf = np.concatenate(trees), np.concatenate(trees)["is_leaf"].astype(bool)
    tree = np.repeat(np.arange(len(trees)), [len(t) for t in trees])
    place = np.concatenate([np.arange(len(t)) for t in trees])
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["log_odds"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[float(estimator._baseline_prediction.ravel()[0])],  # noqa: SLF001
        nodes_treeids=tree.tolist(),
        nodes_nodeids=place.tolist(),
        nodes_featureids=np.where(leaf, 0, nodes["feature_idx"]).tolist(),
        nodes_modes=["LEAF" if end else "BRANCH_LEQ" for end in leaf],
        nodes_values=np.where(leaf, 0, nodes["num_threshold"]).tolist(),
        nodes_truenodeids=np.where(leaf, 0, nodes["left"]).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, nodes["right"]).tolist(),
        target_treeids=tree[leaf].tolist(),
        target_nodeids=place[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()),
        target_weights=nodes["value"][leaf].tolist(),
    )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])
    y = helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, [None, 1])
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
    return helper.make_model(helper.make_graph([ensemble], "estimator", [x], [y]), opset_imports=opsets, ir_version=9)


def _json(form: dict[str, Any]) -> bytes:
    return (json.dumps(form, indent=1, allow_nan=False, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in {FORM}")
