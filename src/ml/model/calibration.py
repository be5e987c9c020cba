"""A classifier whose scores are calibrated on held-back training rows."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ml.model import curves


class Calibrated(ClassifierMixin, BaseEstimator):
    """A fitted classifier and, for the positive class or for each of several, the curve of its scores.

    This replaces scikit-learn's CalibratedClassifierCV, because plain curves have a compiled form.
    """

    def __init__(self, estimator: Any = None, curves: Any = ()) -> None:
        self.estimator, self.curves = estimator, curves
        self.classes_ = getattr(estimator, "classes_", None)
        self.n_features_in_ = getattr(estimator, "n_features_in_", None)

    def fit(self, *_: Any) -> "Calibrated":
        """Return the model unchanged, because it is already fitted."""
        return self

    def predict_proba(self, x: Any) -> np.ndarray:
        """A calibrated probability for each class; shape (rows, classes)."""
        found = self.estimator.predict_proba(x)
        if len(self.curves) > 1:
            return curves.calibrated(found, self.curves)
        score = curves.calibrated(found[:, 1], self.curves)
        return np.stack([1 - score, score], axis=1)

    def predict(self, x: Any) -> np.ndarray:
        """The most probable class of each row."""
        return np.asarray(self.classes_)[self.predict_proba(x).argmax(axis=1)]


def calibrate(estimator: Any, x: Any, truth: np.ndarray, method: str, weight: np.ndarray | None = None) -> Calibrated:
    """The classifier with curves fitted on rows that it was not trained on.

    `sigmoid` is Platt's curve on the log odds (Platt, Probabilistic outputs for support vector machines, 1999),
    `isotonic` an increasing step function (Zadrozny and Elkan, Transforming classifier scores, 2002). With several
    classes each has a curve (one against the rest), and the scores are divided by their sum.
    """
    scores, classes = estimator.predict_proba(x), [*estimator.classes_]
    judged = [*range(len(classes))] if len(classes) > 2 else [1]  # noqa: PLR2004
    found = [FIT[method](scores[:, k], (truth == classes[k]).astype("float64"), weight) for k in judged]
    return Calibrated(estimator, found)


def _sigmoid(scores: np.ndarray, truth: np.ndarray, weight: np.ndarray | None) -> dict[str, Any]:
    if len(np.unique(truth)) == 1:  # a class that is not among these rows keeps its scores
        return {"slope": 1.0, "intercept": 0.0}
    fitted = LogisticRegression(C=np.inf).fit(curves.log_odds(scores)[:, None], truth, weight)
    return {"slope": float(fitted.coef_[0, 0]), "intercept": float(fitted.intercept_[0])}


def _isotonic(scores: np.ndarray, truth: np.ndarray, weight: np.ndarray | None) -> dict[str, Any]:
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, truth, weight)
    return {"x": fitted.X_thresholds_, "y": fitted.y_thresholds_}


FIT = {"sigmoid": _sigmoid, "isotonic": _isotonic}
