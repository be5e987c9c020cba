"""Models of LightGBM, XGBoost and CatBoost, stored in their library's text format: no pickle, same bytes each time."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ml.io import files
from ml.io.errors import UserError


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
        return {name: value for name, value in self.__dict__.items() if name != "_score"}

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The library's own prediction; shape (rows,), or (rows, classes) for several classes; float64."""
        if "_score" not in self.__dict__:
            try:
                self._score = READ[self.library](self.text)
            except ImportError:
                raise UserError(
                    f"the model needs {self.library}: `pip install --require-hashes -r src/locks/{self.library}.txt`"
                ) from None
        return np.asarray(self._score(np.asarray(x, dtype="float64")), dtype="float64")


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
    if not hasattr(fitted, "predict_proba"):
        return ValueBooster(library, content, width)
    return Booster(library, content, width, tuple(int(one) for one in fitted.classes_))


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


def _catboost(text: str) -> Any:
    import catboost  # noqa: PLC0415

    found = catboost.CatBoost()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        files.write_text(text, path)
        found.load_model(str(path), format="json")
    return found


def _read_catboost(text: str) -> Callable[[np.ndarray], Any]:
    found = _catboost(text)
    if "class_params" not in json.loads(text)["model_info"]:
        return lambda x: found.predict(x, thread_count=1)

    def probabilities(x: np.ndarray) -> np.ndarray:
        answered = found.predict(x, prediction_type="Probability", thread_count=1)
        return answered[:, 1] if answered.shape[1] == 2 else answered  # noqa: PLR2004

    return probabilities


WRITE = {"lightgbm": _write_lightgbm, "xgboost": _write_xgboost, "catboost": _write_catboost}
READ = {"lightgbm": _read_lightgbm, "xgboost": _read_xgboost, "catboost": _read_catboost}


def contributions(library: str, text: str, x: np.ndarray) -> np.ndarray:
    """The contribution of each input to the sum of the trees, by the library.

    Shape (rows, outputs, inputs and base).
    """
    found = np.asarray(CONTRIBUTIONS[library](text, np.asarray(x, dtype="float64")), dtype="float64")
    return found.reshape(len(x), -1, x.shape[1] + 1)


def _explain_lightgbm(text: str, x: np.ndarray) -> Any:
    import lightgbm  # noqa: PLC0415

    return lightgbm.Booster(model_str=text).predict(x, pred_contrib=True, num_threads=1)


def _explain_xgboost(text: str, x: np.ndarray) -> Any:
    import xgboost  # noqa: PLC0415

    found = xgboost.Booster()
    found.load_model(bytearray(text.encode()))
    found.set_param({"nthread": 1})
    return found.predict(xgboost.DMatrix(x), pred_contribs=True)


def _explain_catboost(text: str, x: np.ndarray) -> Any:
    import catboost  # noqa: PLC0415

    return _catboost(text).get_feature_importance(catboost.Pool(x), type="ShapValues", thread_count=1)


CONTRIBUTIONS = {"lightgbm": _explain_lightgbm, "xgboost": _explain_xgboost, "catboost": _explain_catboost}
