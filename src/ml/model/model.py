"""The model: one scikit-learn pipeline, fitted, scored, and kept as bytes that are the same each time."""

import io
import re
import warnings
import zipfile

import numpy as np
import pandas as pd
import skops.io
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from ml.data.design import design_of
from ml.data.position import position
from ml.data.schema import inputs
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import archive as model_archive
from ml.model import boosters, estimators, monotone, stopping
from ml.model.calibration import calibrate
from ml.model.columns import must_know
from ml.model.features import Made, preprocessing
from ml.settings.data import Data
from ml.settings.features import FEATURES, functions
from ml.settings.metrics import FEWEST
from ml.settings.train import Train
from ml.tasks.choose import task_of

# Types that skops does not know to be harmless and that our models need, each reviewed by hand. A model file that holds
# any other is not loaded, whatever the list inside the file says.
TRUSTED = frozenset(
    {
        "ml.model.boosters.Booster",
        "ml.model.boosters.ValueBooster",
        "ml.model.calibration.Calibrated",
        "ml.model.features.Made",
        "numpy.dtype",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)


def fit(frame: pd.DataFrame, data: Data, params: Train, source: str = "") -> Pipeline:
    """Made columns, preprocessing and estimator, fitted on every row; the same rows and seed give the same model.

    `source` is the text of src/features.py. With train.calibration, the estimator is fitted on all rows but those
    that are held back, and its scores are calibrated on these.
    """
    if not params.calibration:
        return _fitted(frame, data, params, source)
    task, held = task_of(data), position(frame[data.group or data.id], "held back") < params.held_back
    if not task.decides:
        raise UserError("params.yaml: train.calibration makes scores probabilities, and numbers have no scores.")
    if not task.enough(task.truth(frame[data.target.name][held]), FEWEST):
        raise UserError(
            f"params.yaml: train.calibration needs {FEWEST} rows of each class among the "
            f"{counted(int(held.sum()), 'row')} that are held back. Raise train.held_back, or bring more rows."
        )
    model, rest = _fitted(frame[~held], data, params, source), frame[held]
    weight = design_of(rest, data).weight
    x, truth = model[:-1].transform(inputs(rest, data)), task.truth(rest[data.target.name])
    model.steps[-1] = ("estimator", calibrate(model.steps[-1][1], x, truth, params.calibration, weight))
    return model


def _fitted(frame: pd.DataFrame, data: Data, params: Train, source: str) -> Pipeline:
    y = task_of(data).truth(frame[data.target.name])
    if len(np.unique(y)) == 1:
        raise UserError(
            f"{data.target.name}: all {counted(len(y), 'training row')} are {frame[data.target.name].iloc[0]}, "
            f"so there is nothing to learn. Check data.target in params.yaml."
        )
    model = unfitted(data, params, source)
    try:
        given = fit_arguments(model, frame, data, params)
        if params.early_stopping:
            held = position(frame[data.group or data.id], "early stopping") < params.held_back
            stopping.fit(model, inputs(frame, data), y, held, params, **given)
        else:
            model.fit(inputs(frame, data), y, **given)
    except Exception as error:
        if isinstance(error, UserError) or params.model in estimators.CLASSIFIERS | estimators.REGRESSORS:
            raise
        why = " ".join(str(error).split())[:300]
        raise UserError(
            f"{params.model} cannot be fitted: {type(error).__name__}: {why}. See train in params.yaml."
        ) from None
    if params.model == "random_forest":
        model.set_params(estimator__n_jobs=None)  # how many cores trained it is no part of the model
    model.steps[-1] = ("estimator", boosters.kept(model.steps[-1][1]))
    return model


def fit_arguments(model: Pipeline, frame: pd.DataFrame, data: Data, params: Train) -> dict[str, np.ndarray]:
    """What `fit` takes beside the rows: the weights of data.weight. Raises UserError for an estimator without them."""
    weight = design_of(frame, data).weight
    if weight is None:
        return {}
    if not has_fit_parameter(model.named_steps["estimator"], "sample_weight"):
        raise UserError(
            f"{params.model} cannot weight rows (its fit takes no sample_weight), and data.weight is {data.weight}. "
            "Choose another train.model, or remove data.weight from params.yaml."
        )
    return {"estimator__sample_weight": weight}


def unfitted(data: Data, params: Train, source: str = "") -> Pipeline:
    """The whole model before it is fitted; raises UserError for an estimator of another task."""
    estimator = estimators.estimator(params, data.target.task)
    if params.model == "random_forest":
        estimator.set_params(n_jobs=-1)
    prepared = preprocessing(data, source)
    monotone.spread(estimator, prepared)
    own = params.model.startswith(f"{FEATURES.stem}.")  # its text is a part of the model
    made = [("features", Made(source))] if own or functions(source) else []
    return Pipeline([*made, ("preprocessing", prepared), ("estimator", estimator)])


def scores(model: Pipeline, frame: pd.DataFrame, data: Data) -> np.ndarray:
    """The output of the task: a probability or a value, shape (rows,), or a probability a class; float64."""
    return task_of(data).output(model, inputs(frame, data))


def dumps(model: Pipeline) -> bytes:
    """The model as a skops file; the same model gives the same bytes."""
    return _canonical(skops.io.dumps(model))


def loads(content: bytes) -> Pipeline:
    """The model in a skops file; raises UserError when it is damaged, too large or holds a type outside our list."""
    try:
        content = model_archive.checked(content)
        found = set(skops.io.get_untrusted_types(data=content))
    except Exception as error:  # noqa: BLE001 - a damaged file can make zipfile, json and skops raise anything
        raise _broken(error) from None
    unknown = found - TRUSTED - _own(found)
    if unknown:
        raise UserError(
            f"the model file holds types that nobody here has reviewed: {', '.join(sorted(unknown))}. "
            f"Do not load it if you do not know where it comes from; else add them to TRUSTED in src/ml/model/model.py."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # lineage records the versions
            loaded = skops.io.loads(content, trusted=sorted(found))
    except Exception as error:  # noqa: BLE001 - as above
        raise _broken(error) from None
    if not isinstance(loaded, Pipeline):
        raise _broken(ValueError(f"it holds a {type(loaded).__name__} instead of a Pipeline"))
    if source := source_of(loaded):
        must_know(source)
    return loaded


def _own(found: set[str]) -> set[str]:
    """The types among them that this repository's src/features.py defines: whoever reviewed that file reviewed them."""
    named = {name for name in found if name.startswith(f"{FEATURES.stem}.")}
    module = estimators.own() if named else None
    return {name for name in named if getattr(vars(module).get(name.split(".")[1]), "__module__", "") == FEATURES.stem}


def source_of(model: Pipeline) -> str:
    """The text of src/features.py that a model makes columns with, "" when it makes none."""
    step = model.named_steps.get("features")
    return step.source if isinstance(step, Made) else ""


def _broken(error: Exception) -> UserError:
    why = str(error)[:200] or type(error).__name__
    return UserError(f"the model file is not a skops file ({why}). Train again, or restore it.")


def _canonical(content: bytes) -> bytes:
    """Rename members from memory addresses to numbers in order of appearance, and drop the time of writing."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    schema = archive.read("schema.json").decode()
    number: dict[str, str] = {}
    for match in re.finditer(r'"__id__": (\d+)|"file": "(\d+)\.\w+"', schema):
        number.setdefault(match[1] or match[2], str(len(number) + 1))
    schema = re.sub(r'("__id__": )(\d+)', lambda m: m[1] + number[m[2]], schema)
    schema = re.sub(r'("file": ")(\d+)(\.\w+")', lambda m: m[1] + number[m[2]] + m[3], schema)
    members = {"schema.json": schema.encode()}
    for name in archive.namelist():
        if name != "schema.json":
            stem, ending = name.split(".", 1)
            members[f"{number.get(stem, stem)}.{ending}"] = archive.read(name)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as canonical:
        for name in sorted(members):
            member = zipfile.ZipInfo(name)  # dated 1980
            member.create_system = 3  # the same on Windows
            canonical.writestr(member, members[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()
