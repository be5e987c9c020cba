"""Fit the model that params.yaml describes, and compile it for serving."""

import pandas as pd
from sklearn.pipeline import Pipeline

from ml.io import cli, files
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import decision, feature_checks, interval, model, parity
from ml.model.compiled import compiled, uncompiled
from ml.model.predictor import CONTRACT, MODEL, Contract, from_files, loaded, with_threshold
from ml.settings import features
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.reading import Part, read
from ml.settings.section import Project
from ml.settings.train import Train
from ml.tasks.choose import task_of

CHECKED = 20_000  # training rows on which the compiled form must agree; `evaluate` checks all test rows


class Settings(Part):
    """What this stage reads of params.yaml, and so what runs it again."""

    project: Project
    data: Data
    train: Train = Train()
    evaluate: Evaluate = Evaluate()


def main() -> None:
    """Fit train.model on build/train.parquet and write build/model/."""
    params = read(Settings)
    frame = files.read_table(files.TRAIN)
    cli.say(f"train: {params.train.model} on {counted(len(frame), 'row')}")
    text = features.source()
    feature_checks.check(text, frame, params.data)
    fitted = model.fit(frame, params.data, params.train, text)
    params = _with_threshold(frame, params, text)
    width = interval.half_width(frame, params.data, params.train, params.evaluate.coverage, text)
    built = {MODEL: model.dumps(fitted), CONTRACT: contract_of(params, frame, width)}
    built |= compile_or_say(fitted, built, frame.head(CHECKED), params)
    for name, content in built.items():
        files.write_bytes(content, files.MODEL / name)
    cli.say(f"train: serving loads {loaded(built, from_files(built).kind) / 1e6:.2f} MB")


def _with_threshold(frame: pd.DataFrame, params: Settings, text: str) -> Settings:
    """The settings with the threshold that train.threshold chooses, where it does."""
    found = decision.chosen(frame, params.data, params.train, text)
    if found is None:
        return params
    cli.say(f"train: decides at {found:.4f}, as train.threshold chooses on folds of the training rows")
    return with_threshold(params, found)


def contract_of(params: Settings, frame: pd.DataFrame, half_width: float | None = None) -> bytes:
    """What serving must know beside the model."""
    contract = Contract(
        project=params.project,
        threshold=params.evaluate.threshold,
        data=params.data,
        negative=task_of(params.data).other_word(frame[params.data.target.name]),
        half_width=half_width,
        chosen=params.train.threshold,
    )
    unused = {name for name in ("half_width", "chosen") if getattr(contract, name) is None}
    known = contract.model_dump_json(indent=1, exclude=unused)
    return (known + "\n").encode()


def compile_or_say(
    fitted: Pipeline, built: dict[str, bytes], frame: pd.DataFrame, params: Settings
) -> dict[str, bytes]:
    """The compiled form where it agrees with the model, else the form that says why scikit-learn serves."""
    try:
        form = compiled(fitted)
        served = parity.served(from_files({**built, **form}), frame, params.data)
    except (ValueError, RuntimeError, UserError) as error:
        reason = f"{params.train.model} has no compiled form: {error}"
    else:
        expected = model.scores(fitted, frame, params.data)
        found = parity.compare(expected, served, params.evaluate.threshold, task_of(params.data))
        if found.holds:
            return form
        reason = (
            f"the compiled form differs by up to {found.largest:.1e} and moves {counted(found.labels_moved, 'label')}"
        )
    cli.say(f"train: serving will use scikit-learn, which is slower: {reason}")
    return uncompiled(reason)


if __name__ == "__main__":
    cli.run(main)
