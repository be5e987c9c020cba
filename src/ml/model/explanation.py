"""The contribution of each column to the prediction of a row. Imported only when an explanation is requested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
)
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ml.data.schema import inputs
from ml.io.errors import UserError
from ml.model import curves, model_file
from ml.model.boosters import Booster, ValueBooster
from ml.model.calibration import Calibrated
from ml.model.compiled_trees import Boosting, Forest
from ml.settings.data import Data
from ml.tasks.choose import task_of

POINTS = 32  # steps of the path from the base to a row, for several classes
TINY = 1e-9
Averaged = Forest | ExtraTreesClassifier | ExtraTreesRegressor | DecisionTreeClassifier | DecisionTreeRegressor
Summed = Boosting | GradientBoostingClassifier | GradientBoostingRegressor
LINEAR = {BayesianRidge, ElasticNet, Lasso, LinearRegression, LogisticRegression, LogisticRegressionCV, Ridge}
Raw = tuple[np.ndarray, np.ndarray]  # base (outputs,) and contributions (rows, inputs, outputs)


@dataclass(frozen=True)
class Explained:
    """For each row, the base value and the contribution of each column; their sum is the score."""

    columns: tuple[str, ...]
    base: np.ndarray  # shape (rows,)
    added: np.ndarray  # shape (rows, columns)

    def rows(self) -> list[dict[str, Any]]:
        """The same as plain values: `base` and `contributions` by column."""
        pairs = zip(self.base.tolist(), self.added.tolist(), strict=True)
        return [{"base": base, "contributions": dict(zip(self.columns, row, strict=True))} for base, row in pairs]


def explainer(files: Mapping[str, bytes], data: Data) -> Callable[[pd.DataFrame], Explained]:
    """A function from a table to its explanation; raises UserError for an estimator that has none.

    Values are SHAP's of the trees, exact for each path (Lundberg et al., From local explanations to global
    understanding with explainable AI for trees, 2020), or of a linear model, against a row of average numbers and
    levels. Where a curve follows (log odds, calibration) they are carried through it in proportion (Chen, Lundberg and
    Lee, Explaining a series of models by propagating Shapley values, 2022), so that they add up to the score.
    """
    fitted = model_file.loads(files["model.skops"])
    estimator, (groups, usual) = fitted.named_steps["estimator"], _groups(fitted)
    inner = estimator.estimator if isinstance(estimator, Calibrated) else estimator
    raw, task = _raw(inner, usual), task_of(data)
    if isinstance(estimator, Calibrated) and len(estimator.curves) > 1:
        raise UserError("calibrated scores of several classes have no explanation: leave train.calibration out.")

    def explain(frame: pd.DataFrame) -> Explained:
        x = inputs(frame, data)
        output = task.output(fitted, x)
        base, added = raw(fitted[:-1].transform(x))
        added = np.stack([added[:, places].sum(axis=1) for places in groups.values()], axis=1)
        if added.shape[2] > 1:
            place = output.argmax(axis=1)
            seen = np.searchsorted(estimator.classes_, place)
            start, found = _of_class(base, added, seen, linked=not isinstance(inner, Averaged))
            score = output[np.arange(len(output)), place]
        else:
            score, second = (output, True) if output.ndim == 1 else (output.max(axis=1), output.argmax(axis=1) > 0)
            start, found = _through(base[0], added[..., 0], _link(estimator, inner))
            start, found = np.where(second, start, 1 - start), np.where(np.reshape(second, (-1, 1)), found, -found)
        return Explained(tuple(groups), start, _summing_to(score - start, found))

    return explain


def of_rows(files: Mapping[str, bytes], data: Data) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """The same for rows as they come from JSON."""
    explain = explainer(files, data)

    def explained(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return explain(
            pd.DataFrame.from_records([{name: row.get(name) for name in data.columns} for row in rows])
        ).rows()

    return explained


def _groups(fitted: Pipeline) -> tuple[dict[str, list[int]], np.ndarray]:
    """The columns of a table with the indices of the inputs that each became, and the inputs of a reference row.

    The reference row has average numbers (0 after scaling), no missing values and equal weights for all levels, and
    texts without a word.
    """
    prepared = fitted.named_steps.get("preprocessing")
    own = any(name.startswith("own_") for name, _ in fitted.steps)
    if own or not isinstance(prepared, ColumnTransformer):
        raise UserError(
            "only models with `train.preprocessing: standard` have explanations. Leave out explain=true or EXPLAIN=1."
        )
    found: dict[str, list[int]] = {}
    usual: list[float] = []
    for _, part, columns in prepared.transformers_:
        if isinstance(part, Pipeline) and len(columns):  # a part without columns was never fitted
            for column, size in zip(columns, _sizes(part.named_steps, len(columns)), strict=True):
                found.setdefault(column, []).extend(range(len(usual), len(usual) + size))
                usual += [1 / size if "encode" in part.named_steps else 0.0] * size
    return found, np.array(usual)


def _sizes(steps: Mapping[str, Any], columns: int) -> list[int]:
    """The number of inputs that each column of a part of the preprocessing becomes."""
    if "encode" in steps:
        return [len(levels) for levels in steps["encode"].categories_]
    if "hash" in steps:
        return steps["hash"].sizes
    return [len(steps["means"].encodings_) // columns if "means" in steps else 1] * columns


def _raw(estimator: Any, usual: np.ndarray) -> Callable[[np.ndarray], Raw]:
    """A function from the estimator's input to contributions to the raw sum, before any curve."""
    if isinstance(estimator, Booster | ValueBooster):
        return lambda x: _split(estimator.native.contributions(x))
    if type(estimator) in LINEAR:  # a class made of them may predict otherwise
        return lambda x: _linear(estimator, x, usual)
    if not isinstance(estimator, Averaged | Summed) or not type(estimator).__module__.startswith("sklearn."):
        raise UserError(
            f"{type(estimator).__name__} has no explanation: only trees and linear models have. Leave out "
            "explain=true or EXPLAIN=1."
        )
    try:
        from shap import TreeExplainer  # noqa: PLC0415
    except ImportError:
        raise UserError(
            "explaining this model needs shap: `pip install --require-hashes -r src/locks/explain.txt`"
        ) from None
    try:
        trees = TreeExplainer(estimator)
    except Exception as error:  # noqa: BLE001 - SHAP raises anything for trees that it does not know
        raise UserError(
            f"SHAP cannot explain {type(estimator).__name__}: {error} Leave out explain=true or EXPLAIN=1."
        ) from None

    def raw(x: np.ndarray) -> Raw:
        found, base = np.asarray(trees.shap_values(x, check_additivity=False)), np.atleast_1d(trees.expected_value)
        if found.ndim == 3 and found.shape[2] == 2:  # noqa: PLR2004 - of both classes; the second is positive
            return base[1:], found[..., 1:]
        return base, found if found.ndim > 2 else found[..., None]  # noqa: PLR2004

    return raw


def _split(found: np.ndarray) -> Raw:
    """Contributions of shape (rows, outputs, inputs and base)."""
    return found[0, :, -1], np.moveaxis(found[:, :, :-1], 1, 2)


def _linear(estimator: Any, x: np.ndarray, usual: np.ndarray) -> Raw:
    """Contributions of a linear model relative to the reference row."""
    weights = np.atleast_2d(estimator.coef_)
    return np.atleast_1d(estimator.intercept_) + weights @ usual, (x - usual)[:, :, None] * weights.T[None]


def _link(estimator: Any, inner: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The function from the raw sum of one output to the score."""

    def link(raw: np.ndarray) -> np.ndarray:
        score = raw if isinstance(inner, Averaged) or not hasattr(inner, "classes_") else 1 / (1 + np.exp(-raw))
        return curves.calibrated(score, estimator.curves) if isinstance(estimator, Calibrated) else score

    return link


def _through(base: float, added: np.ndarray, link: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Base and contributions scaled by the change of the curve between base and row; added (rows, columns)."""
    total, steps = added.sum(axis=1), np.array([base - TINY**0.5, base + TINY**0.5])
    start, ends = link(np.full(len(added), base)), link(base + total)
    flat = np.diff(link(steps))[0] / (2 * TINY**0.5)
    slope = np.where(np.abs(total) > TINY, (ends - start) / np.where(np.abs(total) > TINY, total, 1), flat)
    return start, added * slope[:, None]


def _of_class(base: np.ndarray, added: np.ndarray, place: np.ndarray, *, linked: bool) -> tuple[np.ndarray, np.ndarray]:
    """The same for the predicted class of several, along the path from base to row; added (rows, columns, classes)."""
    rows = np.arange(len(added))
    if not linked:
        return base[place], added[rows, :, place]
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    total, found = added.sum(axis=1), np.zeros(added.shape[:2])
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        p = curves.softmax(base + point * total)
        own = p[rows, place][:, None]
        found += weight * own * (added[rows, :, place] - np.einsum("rck,rk->rc", added, p))
    return curves.softmax(base[None])[0][place], found


def _summing_to(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The contributions with the rounding error (XGBoost adds in float32) distributed over them by size."""
    size = np.abs(found)
    total = size.sum(axis=1, keepdims=True)
    share = np.where(total > 0, size / np.where(total > 0, total, 1), 1 / found.shape[1])
    return found + (wanted - found.sum(axis=1))[:, None] * share
