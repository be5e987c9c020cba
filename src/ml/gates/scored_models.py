"""The build and the champion in the form of the gates."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pandas as pd
from sklearn.pipeline import Pipeline

from ml.gates import champion
from ml.gates.evidence import ScoredChampion, ServedScores
from ml.io import endpoint
from ml.io.errors import UserError
from ml.model import compiled_parity, model, model_file
from ml.model.model_contract import Contract
from ml.model.predictor import MODEL, from_files, loaded
from ml.registry.baseline import Baseline
from ml.settings.data import Data
from ml.settings.params import Params
from ml.tasks.choose import task_of


def served(built: Mapping[str, bytes], data: Data, fitted: Pipeline | None = None) -> ServedScores:
    """The model in these files: the pipeline for whole tables, the released compiled form for rows.

    `fitted` is the pipeline, if the caller has loaded it: loading a forest takes longer than scoring a table.
    """
    fitted, predictor = fitted or model_file.loads(built[MODEL]), from_files(built)
    return ServedScores(
        score=lambda frame, kept=(): model.scores(fitted, frame, data, kept),
        answer=predictor.scores,
        tabled=partial(compiled_parity.tabled, predictor, data),
        server=partial(endpoint.answering, built),
        size=loaded(built, predictor.kind),
        uncompiled=predictor.reason,
    )


def scored_champion(
    found: Baseline | None, built: Mapping[str, bytes], ours: ServedScores, test: pd.DataFrame, params: Params
) -> ScoredChampion | None:
    """The champion with its scores of the test rows, or with the reason for their absence."""
    if found is None:
        return None
    known = ScoredChampion(found.version, params=found.params, data=found.data, digest=found.digest)
    if found.model is None:
        return replace(known, why=found.why)
    twin = found.model == built[MODEL]
    fitted, rival = None, ours
    try:
        if not twin:
            fitted = model_file.loads(found.model)
            rival = served(_files(found.model, params, fitted), params.data, fitted)
        score = rival.score(test)
    except (KeyError, ValueError, UserError) as error:
        return replace(known, why=lacking(fitted, params.data, error))
    same = twin and not task_of(params.data, params.evaluate).moved(champion.task_of_champion(found.params, params))
    return replace(known, served=rival, score=score, same=same)


def lacking(fitted: Pipeline | None, data: Data, error: Exception) -> str:
    """The reason that a model cannot score rows of this contract; `fitted` is None if it cannot be loaded here."""
    if fitted is None or isinstance(error, UserError):
        return str(error).removesuffix(".")
    needed = {*fitted.feature_names_in_}
    gone = sorted(needed - {*data.columns})
    if len(gone) == len(needed):
        return "it was trained on another table"
    why = ", ".join(gone) or " ".join(str(error).split())  # scikit-learn names them in another order each time
    return f"it needs other columns ({why})"


def _files(content: bytes, params: Params, fitted: Pipeline) -> dict[str, bytes]:
    from ml.model.shipped import anew  # noqa: PLC0415  (a second of imports, for a champion only)

    return anew(content, fitted, Contract.of(params.project, params.data, params.evaluate))
