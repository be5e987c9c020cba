"""Estimators by short name or import path, with their parameters checked by the estimator's own signature."""

import importlib
import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

from ml.io.errors import UserError
from ml.io.text import meant
from ml.settings.feature_source import BESIDE, FEATURES
from ml.settings.train import EXTRAS, Train
from ml.tasks.kinds import DEFAULT, KINDS

CLASSIFIERS: dict[str, type] = {
    "random_forest": RandomForestClassifier,
    "hist_gradient_boosting": HistGradientBoostingClassifier,
    "logistic_regression": LogisticRegression,
}
REGRESSORS: dict[str, type] = {
    "random_forest": RandomForestRegressor,
    "hist_gradient_boosting": HistGradientBoostingRegressor,
    "ridge": Ridge,
}
KNOWN: dict[str, dict[str, type]] = {kind.name: REGRESSORS if kind.numeric else CLASSIFIERS for kind in KINDS.values()}
# Defaults that make a library quiet and its models identical on every machine; params.yaml can override them.
USUAL: dict[str, dict[str, Any]] = {
    "lightgbm": {"n_jobs": 1, "verbosity": -1, "deterministic": True, "force_row_wise": True},
    "xgboost": {"n_jobs": 1},
    "catboost": {"thread_count": 1, "verbose": False, "allow_writing_files": False},
}

HELD = "Set train.early_stopping instead, which holds rows back for it"
ENCODED = "Leave it out: the preprocessing has encoded the levels before (docs/features.md)"
INSTEAD = {  # by parameter
    "early_stopping_rounds": HELD,
    **dict.fromkeys(["categorical_features", "categorical_feature", "cat_features"], ENCODED),
}
OTHER = {
    "classifier": ("Regressor", "Classifier"),
    "regressor": ("Classifier", "Regressor"),
}  # parts of names of classes

NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


def estimator(params: Train, task: str = DEFAULT.name) -> Any:
    """The unfitted estimator of train.model.

    Raises UserError for an unknown class or parameter, or one of another task.
    """
    make, given = found(params.model, task), params.parameters()
    if params.model in KNOWN[task]:  # a forest of regressors has no class weights
        given = {name: value for name, value in given.items() if name in parameters(make)}
    usual = USUAL.get(params.library, {})
    known = parameters(make) | {*usual} | (_of_lightgbm() if params.library == "lightgbm" else set())
    for name in given:
        if name not in known:
            listed = f"known: {', '.join(sorted(known)) or 'none'}."
            hint = meant(name, parameters(make), meant(name, known, listed))
            raise UserError(f"params.yaml: train.{params.model}: no parameter `{name}`; {hint}")
    if KINDS[task].numeric and given.get("class_weight"):
        raise UserError(f"params.yaml: train.{params.model}: a number has no classes. Leave `class_weight` out.")
    if params.preprocessing == "standard" and (name := next((name for name in given if name in INSTEAD), None)):
        raise UserError(f"params.yaml: train.{params.model}: `{name}` has no use here. {INSTEAD[name]}.")
    seed = {"random_state": params.seed} if "random_state" in known else {}
    try:
        made = make(**seed | usual | given)
    except Exception as error:  # noqa: BLE001  (a library raises anything)
        within = f" A function in {FEATURES} can build an estimator from other estimators: docs/features.md."
        hint = within if isinstance(error, TypeError) and "missing" in str(error) else ""
        raise UserError(f"params.yaml: train.{params.model}: {type(error).__name__}: {error}.{hint}") from None
    _must_predict(made, params.model, task)
    return with_seed(made, params.seed)


def _must_predict(made: Any, name: str, task: str) -> None:
    """Raise UserError unless the object is an estimator of the task."""
    number = KINDS[task].numeric
    needed, what = ("predict", "regressor") if number else ("predict_proba", "classifier")
    lacking = [method for method in ("fit", "get_params", needed) if not hasattr(made, method)]
    if lacking == [needed] and hasattr(type(made), needed):
        return  # the method may exist only after fitting: faults.must_answer checks
    if lacking:
        more = " Calibrate it by CalibratedClassifierCV in a function of src/features.py: docs/features.md."
        bare = " Let it inherit from sklearn.base.BaseEstimator." if "get_params" in lacking else ""
        scored = more if hasattr(made, "decision_function") else _counterpart(made, name, what)
        raise UserError(
            f"params.yaml: train.model: {name} lacks {' and '.join(lacking)}, so it is no {what}.{scored}{bare}"
        )
    if number and hasattr(made, "predict_proba"):
        raise UserError(
            f"params.yaml: train.model: {name} predicts classes, so it is no {what}."
            + (_counterpart(made, name, what) or " Choose another.")
        )


def _counterpart(made: Any, name: str, what: str) -> str:
    """The class of the same library for the other task, in words; "" if there is none."""
    other = name.replace(*OTHER[what])
    there = other != name and hasattr(sys.modules[type(made).__module__], other.rpartition(".")[2])
    return f" Choose {other}." if there else ""


def with_seed(made: Any, seed: int) -> Any:
    """The estimator with the seed in each estimator within it that has none: the same rows give the same model.

    scikit-learn's TargetEncoder shuffles its folds without a seed unless its `cv` has one.
    """
    known = made.get_params()
    blank = [name for name, value in known.items() if f"__{name}".endswith("__random_state") and value is None]
    folded = {f"{name}__cv": part.cv for name, part in known.items() if isinstance(part, TargetEncoder)}
    folds = {name: KFold(cv, shuffle=True, random_state=seed) for name, cv in folded.items() if isinstance(cv, int)}
    return made.set_params(**dict.fromkeys(blank, seed), **folds) if blank or folds else made


def found(name: str, task: str = DEFAULT.name) -> Callable[..., Any]:
    """The class of a short name or import path, or the function that returns an estimator.

    Raises UserError that says what to install or to correct.
    """
    if name in KNOWN[task]:
        return KNOWN[task][name]
    if name in CLASSIFIERS | REGRESSORS:
        raise UserError(
            f"train.model {name} does not predict a {task} target. Choose one of {', '.join(KNOWN[task])}, or a "
            "class's path."
        )
    path, _, last = name.rpartition(".")
    try:
        module = own() if path == FEATURES.stem else importlib.import_module(path)
    except ImportError as error:
        lacking = (error.name or path).split(".")[0]
        remedy = f"Install it: `pip install --require-hashes -r src/locks/{lacking}.txt`."
        if lacking not in EXTRAS:
            near = get_close_matches(lacking, [*EXTRAS, "sklearn"], n=1)
            remedy = f"Did you mean `{near[0]}`?" if near else "Correct the path, or install the package."
        raise UserError(f"params.yaml: train.model is {name}, and {lacking} is not installed. {remedy}") from None
    make = getattr(module, last, None)
    if not callable(make):
        near = get_close_matches(last, dir(module), n=1)
        hint = f" Did you mean `{path}.{near[0]}`?" if near else ""
        raise UserError(f"params.yaml: train.model: {path} has no class {last}, nor a function.{hint}")
    return make


def parameters(make: Callable[..., Any]) -> set[str]:
    """The names of the parameters that an estimator, or the function that makes it, takes."""
    if not isinstance(make, type):
        return {name for name, one in inspect.signature(make).parameters.items() if one.kind in NAMED}
    known: set[str] = set()
    for one in make.__mro__[:-1]:  # a class passes **kwargs to its parent classes
        taken = inspect.signature(one.__init__).parameters.values() if "__init__" in vars(one) else ()
        known |= {p.name for p in taken if p.kind in NAMED} - {"self"}
        if taken and not any(p.kind is p.VAR_KEYWORD for p in taken):
            break
    return known


def _of_lightgbm() -> set[str]:
    """The names of LightGBM's own parameters, which its classes take as **kwargs."""
    from lightgbm.basic import _ConfigAliases  # noqa: PLC0415

    known = _ConfigAliases._get_all_param_aliases()  # noqa: SLF001 - no public door
    return {*known, *(other for others in known.values() for other in others)}


def own() -> Any:
    """The module of src/features.py in this repository."""
    path = FEATURES if FEATURES.is_file() else BESIDE
    module = sys.modules.get(FEATURES.stem)
    if module is not None and getattr(module, "__file__", None) == str(path.resolve()):
        return module
    spec = spec_from_file_location(FEATURES.stem, path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"{FEATURES} is missing", name=FEATURES.stem)
    sys.modules[FEATURES.stem] = module = module_from_spec(spec)  # skops looks up its classes there
    try:
        spec.loader.exec_module(module)
    except ImportError:
        del sys.modules[FEATURES.stem]
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a user's code raises anything)
        del sys.modules[FEATURES.stem]
        raise UserError(f"{FEATURES} cannot be imported: {type(error).__name__}: {error}. Fix it.") from None
    return module
