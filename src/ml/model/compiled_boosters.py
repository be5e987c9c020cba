"""Trees of LightGBM, XGBoost and CatBoost in ONNX, read from the text format of each library."""

import json
from typing import Any

import numpy as np
from onnx import ModelProto

from ml.model.compiled_trees import ensemble

XGBOOST = {
    "left": "left_children",
    "right": "right_children",
    "feature": "split_indices",
    "split": "split_conditions",
}
LIGHTGBM = ("split_feature", "threshold", "left_child", "right_child")
# Supported objectives by the function from the sum of the leaves to the output; others have no compiled form.
OUTPUTS = {
    "lightgbm": {
        "binary sigmoid:1": "log odds",
        "multiclass": "softmax",
        **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), "value"),
    },
    "xgboost": {
        "binary:logistic": "log odds",
        "multi:softprob": "softmax",
        **dict.fromkeys(("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"), "value"),
    },
    "catboost": {
        "Logloss": "log odds",
        "CrossEntropy": "log odds",
        "MultiClass": "softmax",
        **dict.fromkeys(("RMSE", "MAE", "Quantile", "MAPE", "Huber"), "value"),
    },
}
Read = tuple[ModelProto, dict[str, Any]]  # the trees, and their description


def lightgbm(text: str, width: int) -> Read:
    """Trees of LightGBM's text format; inputs are numbers without missing values."""
    head, *parts = text.split("\nTree=")
    said = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    classes = int(said["num_tree_per_iteration"])
    objective = said.get("objective", "none").removesuffix(f" num_class:{classes}")
    if "average_output" in head:
        raise ValueError("its trees are averaged")
    trees = [_lightgbm_tree(dict(line.split("=", 1) for line in p.splitlines() if "=" in line)) for p in parts]
    nodes = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    sizes = [len(tree["leaf"]) for tree in trees]
    nodes["target"] = np.repeat(np.arange(len(trees)) % classes, sizes)
    return ensemble(sizes, nodes, width, classes), _said("lightgbm", objective, [0.0] * classes)


def _said(library: str, objective: str, base: list[float], **more: Any) -> dict[str, Any]:
    output = OUTPUTS[library].get(objective)
    if output is None:
        raise ValueError(f"its objective is {objective}, which only {library} can evaluate")
    return {"output": output, "base": base if output == "softmax" else base[0], **more}


def _lightgbm_tree(said: dict[str, str]) -> dict[str, np.ndarray]:
    """A tree in scikit-learn's layout: inner nodes, then leaves, which LightGBM numbers from -1 downwards."""
    if said.get("num_cat", "0") != "0" or said.get("is_linear", "0") != "0":
        raise ValueError("its trees split on categories or have linear models as leaves")
    leaves = np.array(said["leaf_value"].split(), dtype="float64")
    inner = len(leaves) - 1
    listed = {name: np.array(said.get(name, "").split(), dtype="float64") for name in LIGHTGBM}
    sides = [np.where(side < 0, inner - 1 - side, side) for side in (listed["left_child"], listed["right_child"])]
    none = np.zeros(len(leaves))
    return {
        "leaf": np.arange(inner + len(leaves)) >= inner,
        "feature": np.concatenate([listed["split_feature"], none]).astype("int64"),
        "split": np.concatenate([listed["threshold"], none]),
        "left": np.concatenate([sides[0], none]).astype("int64"),
        "right": np.concatenate([sides[1], none]).astype("int64"),
        "value": np.concatenate([np.zeros(inner), leaves]),
    }


def xgboost(text: str, width: int) -> Read:
    """Trees of XGBoost's JSON, for input rounded to float32."""
    learner = json.loads(text)["learner"]
    booster, objective = learner["gradient_booster"], learner["objective"]["name"]
    if booster["name"] != "gbtree":
        raise ValueError(f"its booster is {booster['name']}, not gbtree")
    found = booster["model"]["trees"]
    if any(any(tree["split_type"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in found):
        raise ValueError("its trees split on categories or have several numbers per leaf")
    listed = {name: np.concatenate([np.array(tree[key]) for tree in found]) for name, key in XGBOOST.items()}
    split, sizes = listed["split"].astype("float32"), [len(tree["left_children"]) for tree in found]
    nodes = {
        **listed,
        "leaf": listed["left"] < 0,
        "split": np.nextafter(split, np.float32(-np.inf)).astype("float64"),  # values below it go left, in float32
        "value": split.astype("float64"),
        "target": np.repeat(booster["model"]["tree_info"], sizes),
    }
    said, classes = learner["learner_model_param"], max(1, int(learner["learner_model_param"]["num_class"]))
    start = np.array(said["base_score"].strip("[]").split(","), dtype="float64") * np.ones(classes)
    if objective == "binary:logistic":
        start = np.log(start / (1 - start))
    return ensemble(sizes, nodes, width, classes), _said("xgboost", objective, start.tolist(), rounded=True)


def catboost(text: str, width: int) -> Read:
    """Trees of CatBoost's JSON, each with one split on each level, for input rounded to float32."""
    said = json.loads(text)
    if "oblivious_trees" not in said:
        raise ValueError("its trees have more than one split a level")
    scale, base = said["scale_and_bias"]
    features = [feature["flat_feature_index"] for feature in said["features_info"]["float_features"]]
    trees = [_catboost_tree(tree, features) for tree in said["oblivious_trees"]]
    sizes, several = [len(tree["leaf"]) for tree in trees], len(base) > 1
    nodes = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0] if name != "values"}
    values = scale * np.concatenate([tree["values"].reshape(len(tree["leaf"]), -1) for tree in trees])
    form = _said("catboost", said["model_info"]["params"]["loss_function"]["type"], base, rounded=True)
    if not several:
        return ensemble(sizes, nodes | {"value": values[:, 0]}, width), form
    nodes |= {"value": np.arange(len(values), dtype="float64"), "target": np.repeat(np.arange(len(trees)), sizes)}
    return ensemble(sizes, nodes, width, len(trees), values), form


def _catboost_tree(tree: dict[str, Any], features: list[int]) -> dict[str, np.ndarray]:
    """A tree as a heap: inner nodes level by level, then leaves; the first split is the lowest bit of a leaf."""
    splits = [*reversed(tree.get("splits") or [])]
    if any(split["split_type"] != "FloatFeature" for split in splits):
        raise ValueError("its trees split on categories")
    level = np.repeat(np.arange(len(splits)), 2 ** np.arange(len(splits)))
    leaves = 2 ** len(splits)
    place, none = np.arange(2 * leaves - 1), np.zeros(leaves)
    feature = np.array([features[split["float_feature_index"]] for split in splits], dtype="int64")
    border = np.array([split["border"] for split in splits], dtype="float32").astype("float64")
    values = np.array(tree["leaf_values"], dtype="float64").reshape(leaves, -1)
    return {
        "leaf": place >= leaves - 1,
        "feature": np.concatenate([feature[level], none]).astype("int64"),
        "split": np.concatenate([border[level], none]),
        "left": np.where(place < leaves - 1, 2 * place + 1, 0),
        "right": np.where(place < leaves - 1, 2 * place + 2, 0),
        "values": np.concatenate([np.zeros((leaves - 1, values.shape[1])), values]),
    }
