"""Scores from the compiled form of a model, with numpy and ONNX Runtime alone: no pandas, no scikit-learn.

Rows are plain dicts, as they come from JSON. The arithmetic is scikit-learn's own, in the same order.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ml.data.words import key
from ml.io.errors import UserError
from ml.model import columns, operators
from ml.model.curves import calibrated, softmax
from ml.model.many import Many
from ml.settings import features
from ml.settings.data import Category, Data, Number
from ml.settings.section import Section
from ml.settings.train import Decide

FORM = "compiled.json"
ESTIMATOR = "compiled.onnx"
MODEL = "model.skops"
CONTRACT = "contract.json"

Rows = Sequence[Mapping[str, Any]]
Estimate = Callable[[Any], np.ndarray]
Arrays = Mapping[str, np.ndarray]  # columns of shape (rows,): float64 with NaN, or objects with None, where missing


class Contract(Section):
    """What a model was trained for: travels with it, so that serving needs no params.yaml."""

    project: str
    threshold: float
    data: Data
    negative: str | None = None  # the target's other word; a model of an older release does not know it
    half_width: float | None = None  # of the interval around a predicted number
    chosen: Decide | None = None  # how training chose the threshold, where params.yaml does not give it

    def words(self) -> tuple[str, str | None]:
        """What the target's column says where it is positive, and where it is not."""
        yes = key(self.data.target.positive)
        return yes, self.negative or {"True": "False", "False": "True"}.get(yes)


def with_threshold(params: Any, threshold: float) -> Any:
    """The same settings with another evaluate.threshold."""
    return params.model_copy(update={"evaluate": params.evaluate.model_copy(update={"threshold": threshold})})


def settled(params: Any, folder: Path) -> Any:
    """The settings as a model folder's contract has them: with the threshold that training chose, where it did."""
    contract = read_contract({CONTRACT: (folder / CONTRACT).read_bytes()}) if (folder / CONTRACT).is_file() else None
    return params if contract is None or contract.chosen is None else with_threshold(params, contract.threshold)


class Predictor:
    """Scores rows of features; `kind` is `onnx`, `linear`, or `sklearn` where, for a `reason`, none is compiled.

    Call `expect` with the length of a table whose rows come in parts: it may choose a faster way for a long one.
    """

    def __init__(
        self,
        kind: str,
        encode: tuple[Callable[[Rows], Any], Callable[[Arrays], Any]],
        estimate: tuple[Estimate, Estimate],
        reason: str = "",
        expect: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.features = ""  # the text of src/features.py, where it makes columns
        self.kind, self.reason, self.expect = kind, reason, expect
        self._encode, self._encode_table = encode
        self._estimate, self._estimate_table = estimate

    def scores(self, rows: Rows) -> np.ndarray:
        """The output for each row: a probability or a value, shape (rows,), or one a class, shape (rows, classes).

        A missing value is None or absent.
        """
        return self._estimate(self._encode(rows))

    def scores_of_table(self, table: Arrays) -> np.ndarray:
        """The same of many rows at once, given as columns: no other number, and a fraction of the time."""
        return self._estimate_table(self._encode_table(table))


def loaded(built: Mapping[str, bytes], kind: str) -> int:
    """Bytes of the files that serving loads: the compiled form, or scikit-learn's where there is none."""
    return sum(len(content) for name, content in built.items() if (name == MODEL) == (kind == "sklearn"))


def load(folder: Path) -> Predictor:
    """The predictor of a model folder; raises UserError when its files are absent or broken."""
    return from_files(read(folder), str(folder))


def read(folder: Path) -> dict[str, bytes]:
    """The files of a model folder by name; raises UserError when it cannot be read."""
    try:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    except OSError as error:
        raise UserError(f"{folder} holds no model: {error.strerror}. Build one with `make run`.") from None


def from_files(files: Mapping[str, bytes], where: str = "the model") -> Predictor:
    """The predictor that the files of a model folder describe."""
    try:
        form = json.loads(files[FORM])
        kind = form["estimator"]["kind"]
        if kind == "sklearn":
            return _sklearn(files, str(form["estimator"].get("reason", "")))
        encoder = _Encoder(form, read_contract(files).data.columns if CONTRACT in files else {})
        estimates, expect = _estimates(files, form)
        made = Predictor(kind, (encoder.encode, encoder.encode_table), estimates, expect=expect)
        made.features = form.get("features", "")
        return made
    except (ImportError, UserError):
        raise
    except Exception as error:  # noqa: BLE001 - a damaged form can make json and ONNX Runtime raise anything
        why = repr(error)[:300]
        raise UserError(f"{where} has no usable compiled form ({why}). Train again, or restore it.") from None


def _estimates(
    files: Mapping[str, bytes], form: Mapping[str, Any]
) -> tuple[tuple[Estimate, Estimate], Callable[[int], None]]:
    """From encoded rows to the output: of requests, and of tables; and what to tell how many rows of these come."""
    said, curves = form["estimator"], form.get("calibration")

    def whole(estimate: Estimate) -> Estimate:
        return _spread(_calibrated(estimate, curves) if curves else estimate, said, files)

    if said["kind"] == "linear":
        estimate = whole(_linear(said))
        return (estimate, estimate), lambda _: None
    run, kind = _onnx(files[ESTIMATOR])
    many = Many(run, files[ESTIMATOR])
    return (whole(_summed(run, said, kind)), whole(_summed(many, said, kind))), many.expect


class _Encoder:
    """Imputes and scales numbers in float64 and spreads levels, as the fitted preprocessing did."""

    def __init__(self, form: Mapping[str, Any], known: Mapping[str, Number | Category]) -> None:
        self._numbers = [(n["name"], n["missing"], n["mean"], n["scale"]) for n in form["numbers"]]
        self._levels = []
        self._source = form.get("features", "")
        made = features.made(self._source)
        names = [c["name"] for kind in ("numbers", "categories") for c in form[kind] if c["name"] not in made]
        self._names = [*dict.fromkeys([*names, *known])]  # what is made may need columns that the model does not take
        self._floats = {n["name"] for n in form["numbers"]} | {n for n, c in known.items() if isinstance(c, Number)}
        columns.loaded(self._source)  # raises UserError for a text that is not known here
        self._width = len(self._numbers)
        for category in form["categories"]:
            places = {level: self._width + i for i, level in enumerate(category["levels"])}
            self._levels.append((category["name"], places.get(category["missing"]), places))
            self._width += len(places)
        self._gaps = [(name, self._width + i) for i, name in enumerate(form.get("missing", ()))]
        self._width += len(self._gaps)

    def encode(self, rows: Rows) -> np.ndarray:
        """The estimator's input; shape (rows, columns), float64."""
        flat: list[float] = []
        blank = [0.0] * (self._width - len(self._numbers))
        start = 0
        for row in self._made(rows):
            for name, missing, mean, scale in self._numbers:
                value = row.get(name)
                flat.append(((missing if value is None or value != value else value) - mean) / scale)  # noqa: PLR0124
            flat += blank
            for name, missing, places in self._levels:
                value = row.get(name)
                place = missing if value is None else places.get(value)
                if place is not None:  # a level nobody knew in training is no level
                    flat[start + place] = 1.0
            for name, place in self._gaps:
                value = row.get(name)
                if value is None or value != value:  # noqa: PLR0124
                    flat[start + place] = 1.0
            start += self._width
        return np.array(flat, dtype="float64").reshape(len(rows), self._width)

    def encode_table(self, table: Arrays) -> np.ndarray:
        """The same numbers of columns; shape (rows, columns), float64."""
        if self._source:
            given = columns.Columns(self._names, table.__getitem__)
            table = {**table, **columns.made(self._source, given)}
        found = np.zeros((len(next(iter(table.values()))), self._width))
        for column, (name, missing, mean, scale) in enumerate(self._numbers):
            values = table[name]
            found[:, column] = (np.where(np.isnan(values), missing, values) - mean) / scale
        rows = np.arange(len(found))
        for name, missing, places in self._levels:
            place = np.fromiter(map(_Places(places, missing).__getitem__, table[name].tolist()), "int64", len(found))
            known = place >= 0
            found[rows[known], place[known]] = 1.0
        for name, place in self._gaps:
            values = table[name]
            found[:, place] = np.isnan(values) if values.dtype == float else [value is None for value in values]
        return found

    def _made(self, rows: Rows) -> Rows:
        """The rows with the columns that the model's src/features.py makes."""
        if not self._source:
            return rows
        found = columns.made(self._source, columns.of_rows(rows, self._names, self._floats))
        values = [found[name].tolist() for name in found]
        return [{**row, **dict(zip(found, line, strict=True))} for row, *line in zip(rows, *values, strict=True)]


class _Places(dict):
    """The column of each level; -1 for one that nobody knew in training."""

    def __init__(self, places: Mapping[str, int], missing: int | None) -> None:
        super().__init__({**places, None: -1 if missing is None else missing})

    def __missing__(self, _: Any) -> int:
        return -1


def _linear(estimator: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    weights, bias = np.array(estimator["weights"], dtype="float64").T, np.array(estimator["bias"], dtype="float64")
    if estimator.get("output") == "value":
        return lambda x: x @ weights + bias
    if estimator.get("output") == "softmax":
        return lambda x: softmax(x @ weights + bias)
    bias = float(bias)

    def estimate(x: np.ndarray) -> np.ndarray:
        if len(x) == 1:  # numpy's overhead is most of the cost of one row
            return np.array([1 / (1 + math.exp(-min(max(float(x[0] @ weights) + bias, -700), 700)))])
        return 1 / (1 + np.exp(-np.clip(x @ weights + bias, -700, 700)))

    return estimate


def _onnx(content: bytes) -> tuple[Estimate, str]:
    """The last output of ONNX Runtime, and the type of its input."""
    from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415

    operators.check(content)
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a worker is a core
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
    """For several classes: a column for each class of the contract, 0 for one that no training row had."""
    size = len(read_contract(files).data.target.classes) if "classes" in form or CONTRACT in files else 0
    if not size:
        return estimate
    places = form.get("classes", [0, 1])
    if len(places) == size and size > 2:  # noqa: PLR2004
        return estimate  # it has every class already, in order

    def spread(x: Any) -> np.ndarray:
        found = estimate(x)
        found = np.column_stack([1 - found, found]) if found.ndim == 1 else found
        full = np.zeros((len(found), size))
        full[:, places] = found
        return full

    return spread


def _finish(form: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """From what ONNX Runtime computed to a probability."""
    if form["output"] == "sum":
        trees = int(form["trees"])
        return lambda found: found / trees
    if form["output"] == "log odds":
        base = float(form.get("base", 0.0))
        return lambda found: 1 / (1 + np.exp(-np.clip(found + base, -700, 700)))
    if form["output"] in {"value", "softmax"}:
        start = np.array(form["base"], dtype="float64")
        return (lambda found: found + start) if form["output"] == "value" else lambda found: softmax(found + start)
    return lambda found: np.minimum(found, 1)  # of models compiled in float32: ten times a float32 tenth is more


def _sklearn(files: Mapping[str, bytes], reason: str) -> Predictor:
    import pandas as pd  # noqa: PLC0415

    from ml.data import schema  # noqa: PLC0415
    from ml.model import model  # noqa: PLC0415
    from ml.tasks.choose import task_of  # noqa: PLC0415

    fitted = model.loads(files[MODEL])
    data = read_contract(files).data

    def encode(rows: Rows) -> pd.DataFrame:
        return schema.inputs(pd.DataFrame.from_records([{c: r.get(c) for c in data.columns} for r in rows]), data)

    def encode_table(table: Arrays) -> pd.DataFrame:
        return schema.inputs(pd.DataFrame({c: table[c] for c in data.columns}, copy=False), data)

    def estimate(frame: pd.DataFrame) -> np.ndarray:
        return task_of(data).output(fitted, frame)

    made = Predictor("sklearn", (encode, encode_table), (estimate, estimate), reason)
    made.features = model.source_of(fitted)
    return made


def read_contract(files: Mapping[str, bytes]) -> Contract:
    """The contract in a model folder's files; raises UserError when it is damaged."""
    try:
        return Contract.model_validate_json(files[CONTRACT])
    except ValidationError as error:
        raise UserError(
            f"{CONTRACT} of the model cannot be read: {error.errors()[0]['msg']}. Build it: make run"
        ) from None
