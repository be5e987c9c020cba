"""Scores from the compiled form of a model, with numpy and ONNX Runtime only: no pandas, no scikit-learn.

Rows are plain dicts from JSON. The arithmetic is that of scikit-learn in the same order.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.io.errors import UserError
from ml.model.encoder import Arrays, Encoder, Rows
from ml.model.estimates import Estimate, estimates_of
from ml.model.model_contract import CONTRACT, read_contract

FORM = "compiled.json"
MODEL = "model.skops"


class Predictor:
    """Scores rows of features.

    `kind` is `onnx`, `linear`, or `sklearn` if there is no compiled form, with the `reason`. Call `expect` with the
    length of a table that is scored in parts, so that a long table uses faster code.
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
        """The same output for many rows as columns: identical numbers in a fraction of the time."""
        return self._estimate_table(self._encode_table(table))


def loaded(built: Mapping[str, bytes], kind: str) -> int:
    """The number of bytes of the files that serving loads: the compiled form, or the scikit-learn model without one."""
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
            return _sklearn(files, form)
        encoder = Encoder(form, read_contract(files).data.columns if CONTRACT in files else {})
        estimates, expect = estimates_of(files, form)
        made = Predictor(kind, (encoder.encode, encoder.encode_table), estimates, expect=expect)
        made.features = form.get("features", "")
        return made
    except (ImportError, UserError):
        raise
    except Exception as error:  # noqa: BLE001 - a damaged form can make json and ONNX Runtime raise anything
        why = repr(error)[:300]
        raise UserError(f"{where} has no usable compiled form ({why}). Train again, or restore it.") from None


def _sklearn(files: Mapping[str, bytes], form: Mapping[str, Any]) -> Predictor:
    """A predictor that asks scikit-learn: for the estimator after compiled preprocessing, otherwise for the model."""
    import pandas as pd  # noqa: PLC0415

    from ml.data import schema  # noqa: PLC0415
    from ml.model import model_file  # noqa: PLC0415
    from ml.tasks.choose import task_of  # noqa: PLC0415

    fitted = model_file.loads(files[MODEL])
    data = read_contract(files).data
    source = model_file.source_of(fitted)

    def encode(rows: Rows) -> pd.DataFrame:
        return schema.inputs(pd.DataFrame.from_records([{c: r.get(c) for c in data.columns} for r in rows]), data)

    def encode_table(table: Arrays) -> pd.DataFrame:
        return schema.inputs(pd.DataFrame({c: table[c] for c in data.columns}, copy=False), data)

    ways: tuple[Callable[[Rows], Any], Callable[[Arrays], Any]] = (encode, encode_table)
    asked: Any = fitted
    if "numbers" in form:
        encoder = Encoder(form, data.columns)
        ways, asked = (encoder.encode, encoder.encode_table), fitted[2 if "features" in fitted.named_steps else 1 :]

    def estimate(x: Any) -> np.ndarray:
        return task_of(data).output(asked, x)

    made = Predictor("sklearn", ways, (estimate, estimate), str(form["estimator"].get("reason", "")))
    made.features = source
    return made
