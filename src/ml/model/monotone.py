"""Monotone constraints by the name of the column."""

from typing import Any

from sklearn.compose import ColumnTransformer

from ml.io.errors import UserError
from ml.io.text import meant

NAMES = ("monotonic_cst", "monotone_constraints")  # in scikit-learn, and in the other libraries
LACKING = {"sklearn": "scikit-learn", "catboost": "CatBoost"}  # which have none for several classes


def spread(estimator: Any, preprocessing: ColumnTransformer, classes: int = 0) -> None:
    """Replace a constraint that names columns, {column: 1 or -1}, by a list with one entry for each input, in place.

    `classes` is the number of classes if the target has several: a column with `encoding: target` has an input for
    each. Raises UserError for a column that is not a number.
    """
    known = estimator.get_params() if hasattr(estimator, "get_params") else {}
    for name in NAMES:
        given = known.get(name)
        if isinstance(given, dict) and given:
            lacking = LACKING.get(type(estimator).__module__.split(".")[0])
            if classes > 2 and lacking:  # noqa: PLR2004 - several, not two
                raise UserError(
                    f"params.yaml: {name}: {lacking} has no monotone constraint for several classes. Remove it, or "
                    "choose lightgbm.LGBMClassifier with monotone_constraints."
                )
            found = _inputs(given, preprocessing, name, classes)
            text = type(estimator).__module__.startswith("xgboost")  # which takes a dict of names or a text
            estimator.set_params(**{name: str(tuple(found)) if text else found})


def _inputs(given: dict[str, int], preprocessing: ColumnTransformer, name: str, classes: int) -> list[int]:
    found: list[int] = []
    left = dict(given)
    for part, steps, columns in preprocessing.transformers:
        sizes = [classes if part == "target" and classes > 2 else 1] * len(columns)  # noqa: PLR2004 - two have one share
        sizes = [len(levels) for levels in steps["encode"].categories] if part == "category" else sizes
        sizes = steps["hash"].sizes if part == "words" else sizes
        for column, size in zip(columns, sizes, strict=True):
            found += [left.pop(column, 0) if part == "number" else 0] * size
    if wrong := [column for column, sign in given.items() if sign not in {-1, 0, 1}]:
        raise UserError(
            f"params.yaml: {name}: {wrong[0]} is {given[wrong[0]]!r}. Use 1 if the score may only increase with the "
            "column, or -1 if it may only decrease."
        )
    if left:
        numbers = next(([*columns] for part, _, columns in preprocessing.transformers if part == "number"), [])
        wrong = next(iter(left))
        hint = meant(wrong, numbers, f"known: {', '.join(numbers)}.")
        raise UserError(f"params.yaml: {name}: {wrong} is not a number column of the model; {hint}")
    return found
