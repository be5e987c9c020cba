"""Functions from the input of a compiled estimator to the output of the task, with numpy and ONNX Runtime only."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ml.model import operators
from ml.model.curves import calibrated, softmax
from ml.model.many import Many
from ml.model.model_contract import CONTRACT, read_contract

ESTIMATOR = "compiled.onnx"
Estimate = Callable[[Any], np.ndarray]


def estimates_of(
    files: Mapping[str, bytes], form: Mapping[str, Any]
) -> tuple[tuple[Estimate, Estimate], Callable[[int], None]]:
    """Functions from encoded rows to the output, for requests and for tables; `expect` takes the number of rows."""
    said, curves = form["estimator"], form.get("calibration")

    def whole(estimate: Estimate) -> Estimate:
        return _spread(_calibrated(estimate, curves) if curves else estimate, said, files)

    if said["kind"] == "linear":
        estimate = whole(_linear(said))
        return (estimate, estimate), lambda _: None
    run, kind = _onnx(files[ESTIMATOR])
    many = Many(run, files[ESTIMATOR])
    return (whole(_summed(run, said, kind)), whole(_summed(many, said, kind))), many.expect


def _linear(estimator: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    weights, bias = np.array(estimator["weights"], dtype="float64").T, np.array(estimator["bias"], dtype="float64")
    if estimator.get("output") == "value":
        return lambda x: x @ weights + bias
    if estimator.get("output") == "softmax":
        return lambda x: softmax(x @ weights + bias)
    bias = float(bias)

    def estimate(x: np.ndarray) -> np.ndarray:
        if len(x) == 1:  # numpy's overhead dominates the cost of one row
            return np.array([1 / (1 + math.exp(-min(max(float(x[0] @ weights) + bias, -700), 700)))])
        return 1 / (1 + np.exp(-np.clip(x @ weights + bias, -700, 700)))

    return estimate


def _onnx(content: bytes) -> tuple[Estimate, str]:
    """The last output of ONNX Runtime, and the type of its input."""
    from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415

    operators.check(content)
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # each worker uses one core
    options.log_severity_level = 3
    session = InferenceSession(content, options, providers=["CPUExecutionProvider"])
    last = [session.get_outputs()[-1].name]
    kind = "float64" if session.get_inputs()[0].type == "tensor(double)" else "float32"
    return lambda x: np.asarray(session.run(last, {"x": x})[0]), kind


def _summed(run: Estimate, form: Mapping[str, Any], kind: str) -> Estimate:
    finish, wide = _finish(form), len(form.get("classes", ())) > 2  # noqa: PLR2004
    # As scikit-learn's forests and XGBoost round their input.
    rounded = kind == "float32" or form["output"] == "sum" or bool(form.get("rounded"))

    def estimate(x: np.ndarray) -> np.ndarray:
        if rounded:
            x = x.astype("float32")
        found = run(x.astype(kind, copy=False)).astype("float64", copy=False)
        return finish(found if wide else found[:, -1])

    return estimate


def _calibrated(estimate: Callable[[Any], np.ndarray], curves: Any) -> Callable[[Any], np.ndarray]:
    known = [{name: np.array(value) if isinstance(value, list) else value for name, value in c.items()} for c in curves]
    return lambda x: calibrated(estimate(x), known)


def _spread(
    estimate: Callable[[Any], np.ndarray], form: Mapping[str, Any], files: Mapping[str, bytes]
) -> Callable[[Any], np.ndarray]:
    """For several classes: a column for each class of the contract, 0 for a class without training rows."""
    size = len(read_contract(files).data.target.classes) if "classes" in form or CONTRACT in files else 0
    if not size:
        return estimate
    places = form.get("classes", [0, 1])
    if len(places) == size and size > 2:  # noqa: PLR2004
        return estimate  # it already has every class in order

    def spread(x: Any) -> np.ndarray:
        found = estimate(x)
        found = np.column_stack([1 - found, found]) if found.ndim == 1 else found
        full = np.zeros((len(found), size))
        full[:, places] = found
        return full

    return spread


def _finish(form: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """A probability from the output of ONNX Runtime."""
    if form["output"] == "sum":
        trees = int(form["trees"])
        return lambda found: found / trees
    if form["output"] == "log odds":
        base = float(form.get("base", 0.0))
        return lambda found: 1 / (1 + np.exp(-np.clip(found + base, -700, 700)))
    if form["output"] in {"value", "softmax"}:
        start = np.array(form["base"], dtype="float64")
        return (lambda found: found + start) if form["output"] == "value" else lambda found: softmax(found + start)
    return lambda found: np.minimum(found, 1)  # models compiled in float32 can exceed 1 by rounding
