"""Evidently's pictures of a window: drift and summary beside the release, classification where labels are known.

The verdict is ours (ml.monitoring.drift). Evidently's own flags follow its defaults, which cry wolf on quiet windows;
it takes seconds to import and half a gigabyte to install, so nothing else may import it.
"""

import logging
import warnings
from importlib.util import find_spec

import pandas as pd

from ml import schema
from ml.data_params import Data
from ml.monitoring.drift import column
from ml.monitoring.shapes import redrawn
from ml.reference import Reference

MOST = 5000  # rows redrawn from the release's profile


def installed() -> bool:
    """Whether Evidently is there: `pip install 'ml[report]'`."""
    return find_spec("evidently") is not None


def drift(reference: Reference, rows: pd.DataFrame, data: Data) -> str:
    """Drift and summary of all features and the score, as one HTML page."""
    from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415

    then = redrawn(reference, min(MOST, reference.rows))
    now = pd.DataFrame({name: column(rows, name) for name in then})
    names = [name for name in then if then[name].notna().any() and now[name].notna().any()]  # it cannot draw nothing
    numbers = [name for name in (*schema.numbers(data), "score") if name in names]
    levels = [name for name in schema.categories(data) if name in names]
    typed = [
        frame.assign(
            **{n: pd.to_numeric(frame[n], errors="coerce").astype("float64") for n in numbers},
            **{n: schema.levels(frame[n]) for n in levels},
        )
        for frame in (now[names], then[names])
    ]
    kinds = {"numerical_columns": numbers, "categorical_columns": levels}
    any_column = 1 / len(names)  # by default half of the columns must move before it says that anything has
    presets = [DataDriftPreset(columns=names, drift_share=any_column), DataSummaryPreset(columns=names)]
    return _html(presets, typed, kinds)


def classification(rows: pd.DataFrame) -> str:
    """How the model does on the labelled rows, as one HTML page."""
    from evidently import BinaryClassification  # noqa: PLC0415
    from evidently.presets import ClassificationPreset  # noqa: PLC0415

    known = rows.loc[rows["label"].notna() & rows["score"].notna(), ["label", "score"]].astype({"label": "int64"})
    roles = [BinaryClassification(target="label", prediction_probas="score", pos_label=1)]
    kinds = {"classification": roles, "categorical_columns": ["label"], "numerical_columns": ["score"]}
    return _html([ClassificationPreset()], [known], kinds)


def _html(metrics: list, frames: list[pd.DataFrame], kinds: dict) -> str:
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415

    logger, definition = logging.getLogger(), DataDefinition(**kinds)
    before = logger.level
    logger.setLevel(logging.ERROR)  # Evidently tells the root logger about types that are as they should be
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tables = [Dataset.from_pandas(frame, definition) for frame in frames]
            return Report(metrics).run(*tables).get_html_str(as_iframe=False)
    finally:
        logger.setLevel(before)
