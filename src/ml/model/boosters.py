"""Models of LightGBM, XGBoost and CatBoost, stored in their library's text format: no pickle, same bytes each time."""

import json
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ml.model import native
from ml.model.native import Native


class Stored(BaseEstimator):
    """A fitted model of such a library; `content` holds the bytes of its format."""

    def __init__(self, library: str = "", content: Any = None, width: int = 0) -> None:
        self.library, self.content, self.width = library, content, width
        self.n_features_in_ = width

    @property
    def text(self) -> str:
        """The model in the library's format, as an array: a member of the archive, whose size is bounded."""
        return self.content.tobytes().decode()

    def fit(self, *_: Any) -> "Stored":
        """Return the model unchanged, because it is already fitted."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "native"}

    @cached_property
    def native(self) -> Native:
        """The library with this model, in a process of its own."""
        return native.apart(self.library, self.text)

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The library's own prediction; shape (rows,), or (rows, classes) for several classes; float64."""
        return self.native.scores(np.asarray(x, dtype="float64"))


class Booster(ClassifierMixin, Stored):
    """A classifier; `classes` are the numbers of its classes."""

    def __init__(
        self, library: str = "", content: Any = None, width: int = 0, classes: tuple[int, ...] = (0, 1)
    ) -> None:
        super().__init__(library, content, width)
        self.classes, self.classes_ = classes, np.array(classes)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """A probability for each class; shape (rows, classes), float64."""
        found = self.answer(x)
        return found if found.ndim > 1 else np.stack([1 - found, found], axis=1)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return self.classes_[self.predict_proba(x).argmax(axis=1)]


class ValueBooster(RegressorMixin, Stored):
    """A regressor."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """A value for each row."""
        return self.answer(x)


def kept(fitted: Any) -> Any:
    """The estimator in its stored form: a `Booster` for libraries with a text format."""
    library = type(fitted).__module__.split(".")[0]
    if library not in WRITE:
        return fitted
    width, content = int(fitted.n_features_in_), np.frombuffer(WRITE[library](fitted).encode(), dtype="uint8")
    if hasattr(fitted, "predict_proba"):
        found: Stored = Booster(library, content, width, tuple(int(one) for one in fitted.classes_))
    else:
        found = ValueBooster(library, content, width)
    found.native = native.here(library, found.text)
    return found


def _write_lightgbm(fitted: Any) -> str:
    """The ports of workers that trained together differ each time."""
    lines = fitted.booster_.model_to_string().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("[machines: ", "[local_listen_port: ")))


def _write_xgboost(fitted: Any) -> str:
    found = fitted.get_booster()
    best = found.attr("best_iteration")  # after early stopping, only rounds up to the best one count
    return (found[: int(best) + 1] if best else found).save_raw("json").decode()


def _write_catboost(fitted: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        fitted.save_model(str(path), format="json")
        found = json.loads(path.read_text(encoding="utf-8"))
    for name in ("model_guid", "train_finish_time"):  # differ each time
        found.get("model_info", {}).pop(name, None)
    return json.dumps(found, sort_keys=True)


WRITE = {"lightgbm": _write_lightgbm, "xgboost": _write_xgboost, "catboost": _write_catboost}
