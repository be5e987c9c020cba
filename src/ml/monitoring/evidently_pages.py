"""Evidently's pages of a window: drift and summary against the release, and classification if labels are known.

The verdict comes from ml.monitoring.drift. Evidently's own flags use its defaults, which often flag quiet windows. Its
import takes seconds and its installation half a gigabyte, so no other module may import it.
"""

import logging
import warnings
from importlib.util import find_spec
from typing import Any

import pandas as pd

from ml.data import schema
from ml.model.distributions import Levels
from ml.model.reference import Reference
from ml.monitoring.drift import column
from ml.monitoring.shapes import redrawn
from ml.prediction_log.records import in_table

POLICY = (  # Evidently's pages contain their own scripts; the policy forbids them to load or send anything
    "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'\">"
)
LEFT = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"  # instead of <
RED, BLUE = "#ed0400", "#0969da"  # replaces Evidently's red bars, which suggest drift
MOST = 5000  # rows sampled from the release's profile


def installed() -> bool:
    """Whether Evidently is installed: `pip install 'ml[report]'`."""
    return find_spec("evidently") is not None


def drift(reference: Reference, rows: pd.DataFrame) -> str:
    """Drift and summary of all features and the score, as one HTML page."""
    from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415

    then = redrawn(reference, min(MOST, reference.rows))
    now = pd.DataFrame({in_table(name): column(rows, name) for name in reference.columns} | {"score": rows["score"]})
    # Evidently fails on an empty column.
    names = [name for name in then if then[name].notna().any() and now[name].notna().any()]
    of_levels = {in_table(name) for name, part in reference.columns.items() if isinstance(part, Levels)}
    numbers, levels = [n for n in names if n not in of_levels], [n for n in names if n in of_levels]
    typed = [
        schema.with_columns(
            frame,
            {n: pd.to_numeric(frame[n], errors="coerce").astype("float64") for n in numbers}
            | {n: schema.levels(frame[n]) for n in levels},
        )
        for frame in (now[names], then[names])
    ]
    kinds = {"numerical_columns": numbers, "categorical_columns": levels}
    shown = [_plain(name) for name in names]
    any_column = 1 / len(names)  # by default it reports drift only if half of the columns drift
    presets = [DataDriftPreset(columns=shown, drift_share=any_column), DataSummaryPreset(columns=shown)]
    return _html(presets, typed, kinds)


def classification(rows: pd.DataFrame) -> str:
    """The performance of the model on the labelled rows, as one HTML page."""
    from evidently import BinaryClassification  # noqa: PLC0415
    from evidently.presets import ClassificationPreset  # noqa: PLC0415

    known = rows.loc[rows["label"].notna() & rows["score"].notna(), ["label", "score"]].astype({"label": "int64"})
    roles = [BinaryClassification(target="label", prediction_probas="score", pos_label=1)]  # ty: ignore[invalid-argument-type]  (text by its annotation; a label as it is in truth)
    kinds = {"classification": roles, "categorical_columns": ["label"], "numerical_columns": ["score"]}
    return _html([ClassificationPreset()], [known], kinds)


def _plain(value: Any) -> Any:
    """Text that cannot end the script element in which Evidently embeds its figures."""
    return value.replace("<", LEFT) if isinstance(value, str) else value


def _html(metrics: list[Any], frames: list[pd.DataFrame], kinds: dict[str, Any]) -> str:
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415

    plain: dict[str, Any] = {role: [_plain(name) for name in names] for role, names in kinds.items()}
    frames = [frame.rename(columns=_plain).map(_plain) for frame in frames]
    logger, definition = logging.getLogger(), DataDefinition(**plain)
    before = logger.level
    logger.setLevel(logging.ERROR)  # Evidently logs irrelevant messages about types to the root logger
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            now, *then = [Dataset.from_pandas(frame, definition) for frame in frames]
            page = Report(metrics).run(now, then[0] if then else None).get_html_str(as_iframe=False)
    finally:
        logger.setLevel(before)
    return page.replace("<head>", f"<head>{POLICY}", 1).replace(RED, BLUE)
