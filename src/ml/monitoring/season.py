"""The reference of the window's season, for columns that change with the calendar.

The training rows of the same calendar month come first, because the model was trained on them; then the rows of the
prediction log of a year ago. If neither has enough rows, monitoring reports that the season is unknown.
"""

import calendar
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from ml.io.text import counted
from ml.model.distributions import Levels, of_levels, of_numbers
from ml.model.reference import Reference
from ml.monitoring.collect import SHADOW, Collected, Names
from ml.monitoring.drift import column
from ml.monitoring.released import Released
from ml.settings.params import Params

YEAR = pd.Timedelta(days=364)  # the same days of the week
MOST = 100_000  # rows of a year ago
Read = Callable[[pd.Timestamp, pd.Timestamp], pd.DataFrame]


def of_season(release: Released, window: Collected, names: Names, params: Params, read: Read) -> Released:
    """The release with the reference of the window's season; `read` gives the rows of the log between two times."""
    reference, month = release.reference, (window.since + (window.until - window.since) / 2).month
    if known := reference.months.get(str(month)):
        changed: dict[str, Any] = {"columns": known.columns, "score": known.score, "decided": known.decided}
        told = f"the training rows of {calendar.month_name[month]}, and predictions with its test rows"
    else:
        changed, told = _a_year_ago(reference, window, names, params, read)
    if not changed:
        return replace(release, season=f"The season is not known: {told}. Compared with all training rows.")
    return replace(release, reference=reference.model_copy(update=changed), season=f"Inputs are compared with {told}.")


def comparable(rows: pd.DataFrame) -> pd.DataFrame:
    """The newest prediction of each id without those of shadow models; a random sample of MOST of them."""
    rows = rows[rows["variant"] != SHADOW]
    rows = rows[~rows["id"].duplicated(keep="last") | rows["id"].isna()]
    return rows.sample(MOST, random_state=0).sort_index() if len(rows) > MOST else rows


def _a_year_ago(
    reference: Reference, window: Collected, names: Names, params: Params, read: Read
) -> tuple[dict[str, Any], str]:
    """The changed parts of the reference, none if the log has too few rows, and the end of a sentence about them."""
    since: Any = window.since - YEAR  # never NaT, although its type allows it
    until: Any = window.until - YEAR
    rows = comparable(read(since, until))
    least = params.monitor.min_rows
    if len(rows) < least:
        return {}, (
            f"the release has too few rows of that month (or data.time is not set), and the log holds {len(rows):,} of "
            f"the same days a year ago, fewer than monitor.min_rows {least:,}"
        )
    columns = {
        name: of_levels(column(rows, name), known) if isinstance(known, Levels) else of_numbers(column(rows, name))
        for name, known in reference.columns.items()
    }
    own = rows[rows["model"].isna() | rows["model"].isin(names.champion)]
    if len(own) < least:
        return {"columns": columns}, f"{counted(len(rows), 'row')} of a year ago, and predictions with all test rows"
    changed: dict[str, Any] = {"columns": columns, "score": of_numbers(own["score"])}
    changed |= {"decided": of_levels(own["label"])} if reference.decided else {}
    return changed, f"{counted(len(rows), 'row')} of a year ago"
