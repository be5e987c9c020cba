"""The released files: the model, its contract and its compiled form."""

from collections.abc import Callable

import pandas as pd
from sklearn.pipeline import Pipeline

from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import compiled_parity, model
from ml.model.compiled import compiled, half_compiled, uncompiled
from ml.model.model_contract import CONTRACT, Contract
from ml.model.predictor import MODEL, from_files
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.section import Project
from ml.settings.train import Train
from ml.settings.yaml_reading import SettingsPart
from ml.tasks.choose import task_of


class Shipped(SettingsPart):
    """The sections of params.yaml that determine the released files."""

    project: Project
    data: Data
    train: Train = Train()
    evaluate: Evaluate = Evaluate()


def contract_of(params: Shipped, frame: pd.DataFrame, half_width: float | None = None) -> bytes:
    """The settings that serving needs with the model."""
    contract = Contract.of(
        params.project,
        params.data,
        params.evaluate,
        negative=task_of(params.data).other_word(frame[params.data.target.name]),
        half_width=half_width,
        chosen=params.train.decide,
    )
    unused = {name for name in ("half_width", "chosen") if getattr(contract, name) is None}
    known = contract.model_dump_json(indent=1, exclude=unused)
    return (known + "\n").encode()


def form_of(
    fitted: Pipeline, built: dict[str, bytes], frame: pd.DataFrame, params: Shipped
) -> tuple[dict[str, bytes], str]:
    """The compiled form if it agrees with the model; otherwise a form for scikit-learn, with the reason."""
    expected = model.scores(fitted, frame, params.data)

    def agreeing(make: Callable[[Pipeline], dict[str, bytes]]) -> tuple[dict[str, bytes], str]:
        try:
            form = make(fitted)
            served = compiled_parity.served(from_files({**built, **form}), frame, params.data)
        except (ValueError, RuntimeError, UserError) as error:
            return {}, f"{params.train.model} has no compiled form: {error}"
        found = compiled_parity.compare(expected, served, task_of(params.data, params.evaluate))
        moved = counted(found.labels_moved, "label")
        why = "" if found.holds else f"the compiled form differs by up to {found.largest:.1e} and moves {moved}"
        return (form if found.holds else {}), why

    form, reason = agreeing(compiled)
    if reason:
        form, _ = agreeing(lambda model: half_compiled(model, reason))
    return form or uncompiled(reason), reason


def anew(content: bytes, fitted: Pipeline, contract: Contract) -> dict[str, bytes]:
    """The files of a model of which only model.skops is available: its content and the pipeline in it."""
    built = {MODEL: content, CONTRACT: contract.model_dump_json().encode()}
    try:
        return built | compiled(fitted)
    except (ValueError, RuntimeError) as error:
        return built | uncompiled(str(error))
