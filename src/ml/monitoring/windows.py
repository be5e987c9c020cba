"""The last windows of the prediction log, and the one that tells how well the champion does."""

from dataclasses import dataclass

import pandas as pd

from ml.live_params import Monitor
from ml.monitoring import performance

WINDOWS = 6  # the judged one and those before it


@dataclass(frozen=True)
class Span:
    """One window: the newest answer in it to each id, with the labels known by now."""

    since: pd.Timestamp
    until: pd.Timestamp
    rows: pd.DataFrame


def length(settings: Monitor) -> pd.Timedelta:
    """How long a window is."""
    return pd.Timedelta(days=settings.window_days)


def spans(rows: pd.DataFrame, since: pd.Timestamp, settings: Monitor) -> tuple[Span, ...]:
    """The last windows, oldest first; the newest one begins at `since`."""
    step, found = length(settings), []
    for number in range(WINDOWS - 1, -1, -1):
        start = since - number * step
        part = rows[(rows["time"] > start) & (rows["time"] <= start + step)]
        found.append(Span(start, start + step, part[~part["id"].duplicated(keep="last") | part["id"].isna()]))
    return tuple(found)


def settled(own: tuple[Span, ...], settings: Monitor) -> Span:
    """The newest of a model's own windows in which enough labels have come; where none has them, the newest."""
    return next((span for span in reversed(own) if performance.enough(span.rows, settings)), own[-1])
