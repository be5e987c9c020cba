"""The model as a skops file: the same model gives the same bytes, and only reviewed types are loaded."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterable
from typing import Any

import skops.io
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline

from ml.io.errors import UserError
from ml.model import archive as model_archive
from ml.model import estimators, tree_checks
from ml.model.calibration import Calibrated
from ml.model.feature_code import must_know
from ml.model.features import Made
from ml.model.trusted import TRUSTED
from ml.settings.feature_source import FEATURES
from ml.settings.train import EXTRAS


def dumps(model: Pipeline) -> bytes:
    """The model as a skops file; the same model gives the same bytes.

    Raises UserError for a model that cannot be stored without pickle.
    """
    kind = type(_inner(model)).__name__
    only = "keep only arrays, numbers, texts and scikit-learn's estimators in its attributes"
    try:
        content = skops.io.dumps(model)
        unknown = _unreviewed({*types_of(content)})
    except Exception as error:  # noqa: BLE001 - the state of anybody's class can make skops raise anything
        why = " ".join(str(error).split())[:200]
        raise UserError(
            f"{kind} cannot be stored without pickle: {type(error).__name__}: {why}. To store it, {only}."
        ) from None
    if unknown:
        raise UserError(
            f"{kind} holds types that nobody here has reviewed: {', '.join(sorted(unknown))}. "
            f"{_library(unknown)}Change its settings, {only}, or review these types and add them to TRUSTED in "
            "src/ml/model/trusted.py."
        )
    return _canonical(content)


def _library(unknown: Iterable[str]) -> str:
    """What to do about a model of a library within another estimator; "" if there is none."""
    named = next((name for name in EXTRAS if any(one.startswith(f"{name}.") for one in unknown)), "")
    return named and (
        f"A model of {named} is stored only as train.model itself or as the last step of a Pipeline, not within "
        "another estimator; train.calibration calibrates it. "
    )


def _inner(model: Pipeline) -> Any:
    """The estimator, without its calibration curves."""
    estimator = model.steps[-1][1]
    return estimator.estimator if isinstance(estimator, Calibrated) else estimator


def loads(content: bytes) -> Pipeline:
    """The model in a skops file; raises UserError when it is damaged, too large or holds a type outside our list."""
    try:
        content = model_archive.checked(content)
        found = types_of(content)
    except Exception as error:  # noqa: BLE001 - a damaged file can make zipfile, json and skops raise anything
        raise _broken(error) from None
    if unknown := _unreviewed({*found}):
        raise UserError(
            f"the model file holds types that nobody here has reviewed: {', '.join(sorted(unknown))}. "
            "Do not load it from an unknown source; otherwise review the types and add them to TRUSTED in "
            "src/ml/model/trusted.py."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # lineage records the versions
            loaded = skops.io.loads(content, trusted=found)
        tree_checks.check(loaded)
    except Exception as error:  # noqa: BLE001 - as above
        raise _broken(error) from None
    if not isinstance(loaded, Pipeline):
        raise _broken(ValueError(f"it holds a {type(loaded).__name__} instead of a Pipeline"))
    if source := source_of(loaded):
        must_know(source)
    return loaded


def types_of(content: bytes) -> list[str]:
    """The types in a model file that skops does not trust by default."""
    return sorted(skops.io.get_untrusted_types(data=content))


def _unreviewed(found: set[str]) -> set[str]:
    return found - TRUSTED - _own(found)


def _own(found: set[str]) -> set[str]:
    """The types among them that this repository's src/features.py defines; they were reviewed with that file."""
    named = {name for name in found if name.startswith(f"{FEATURES.stem}.")}
    module = estimators.own() if named else None
    return {name for name in named if getattr(vars(module).get(name.split(".")[1]), "__module__", "") == FEATURES.stem}


def source_of(model: Pipeline) -> str:
    """The text of src/features.py in a model, "" if it makes no columns."""
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
            member = zipfile.ZipInfo(name)  # the fixed date 1980
            member.create_system = 3  # the same on Windows
            canonical.writestr(member, members[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()
