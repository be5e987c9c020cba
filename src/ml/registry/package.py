"""A model in MLflow's format: the same model file with signature, input example, requirements and card."""

import logging
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from ml.data.schema import categories, inputs, numbers
from ml.io import files
from ml.model import model_file
from ml.settings.data import Data
from ml.tasks.choose import task_of

REQUIREMENTS = ("mlflow", "numpy", "pandas", "scikit-learn", "skops")


def write(folder: Path, built: Path, rows: pd.DataFrame, data: Data, card: str) -> None:
    """Write an MLflow model folder around the files that `train` built; `rows` are the input example.

    Those files are copied byte for byte (model.skops replaces the one that MLflow writes), so the model keeps its
    digest, and serving finds the compiled form beside it.
    """
    import mlflow  # noqa: PLC0415
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, Schema, TensorSpec  # noqa: PLC0415

    logging.getLogger("mlflow").setLevel(logging.ERROR)  # a venv of uv has no pip
    columns: list[ColSpec | TensorSpec] = [ColSpec("double", name) for name in numbers(data)]
    columns += [ColSpec("string", name, required=not data.columns[name].missing) for name in categories(data)]
    classes = len(data.target.classes) or 2
    shape = (-1, classes) if task_of(data).decides else (-1,)
    scores = TensorSpec(pd.Series(dtype="float64").to_numpy().dtype, shape)
    content = files.read_bytes(built / "model.skops")
    mlflow.sklearn.save_model(
        model_file.loads(content),
        str(folder),
        signature=ModelSignature(Schema(columns), Schema([scores])),
        input_example=inputs(rows, data),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        serialization_format="skops",
        skops_trusted_types=model_file.types_of(content),
        pyfunc_predict_fn="predict_proba" if task_of(data).decides else "predict",
    )
    for path in built.iterdir():
        files.write_bytes(path.read_bytes(), folder / path.name)
    files.write_text(card, folder / "card.md")
