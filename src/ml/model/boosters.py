"""Models of LightGBM, XGBoost and CatBoost, kept in the text of their library: no pickle, the same bytes each time."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from ml.io import files
from ml.io.errors import UserError


class Booster(ClassifierMixin, BaseEstimator):
    """A fitted classifier of such a library: `text` is what the library wrote, and reads when it first scores."""

    def __init__(self, library: str = "", text: str = "", width: int = 0) -> None:
        self.library, self.text, self.width = library, text, width
        self.n_features_in_ = width
        self.classes_ = np.array([0, 1])

    def fit(self, *_: Any) -> "Booster":
        """Nothing: it is fitted already."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_score"}

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of both classes; shape (rows, 2), float64."""
        if "_score" not in self.__dict__:
            try:
                self._score = READ[self.library](self.text)
            except ImportError:
                raise UserError(
                    f"the model needs {self.library}: `pip install --require-hashes -r locks/{self.library}.txt`"
                ) from None
        found = np.asarray(self._score(np.asarray(x, dtype="float64")), dtype="float64")
        return np.stack([1 - found, found], axis=1)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The likelier class of each row."""
        return (self.predict_proba(x)[:, 1] >= 0.5).astype("int8")  # noqa: PLR2004


def kept(fitted: Any) -> Any:
    """The estimator in the form that is stored: another one where its library has a text of its own."""
    library = type(fitted).__module__.split(".")[0]
    if library not in WRITE:
        return fitted
    return Booster(library, WRITE[library](fitted), int(fitted.n_features_in_))


def _write_lightgbm(fitted: Any) -> str:
    return fitted.booster_.model_to_string()


def _write_xgboost(fitted: Any) -> str:
    return fitted.get_booster().save_raw("json").decode()


def _write_catboost(fitted: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        fitted.save_model(str(path), format="json")
        found = json.loads(path.read_text(encoding="utf-8"))
    for name in ("model_guid", "train_finish_time"):  # differ each time
        found.get("model_info", {}).pop(name, None)
    return json.dumps(found, sort_keys=True)


def _read_lightgbm(text: str) -> Callable[[np.ndarray], Any]:
    import lightgbm  # noqa: PLC0415

    found = lightgbm.Booster(model_str=text)
    return lambda x: found.predict(x, num_threads=1)


def _read_xgboost(text: str) -> Callable[[np.ndarray], Any]:
    import xgboost  # noqa: PLC0415

    found = xgboost.Booster()
    found.load_model(bytearray(text.encode()))
    found.set_param({"nthread": 1})
    return found.inplace_predict


def _read_catboost(text: str) -> Callable[[np.ndarray], Any]:
    import catboost  # noqa: PLC0415

    found = catboost.CatBoostClassifier()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        files.write_text(text, path)
        found.load_model(str(path), format="json")
    return lambda x: found.predict_proba(x, thread_count=1)[:, 1]


WRITE = {"lightgbm": _write_lightgbm, "xgboost": _write_xgboost, "catboost": _write_catboost}
READ = {"lightgbm": _read_lightgbm, "xgboost": _read_xgboost, "catboost": _read_catboost}
