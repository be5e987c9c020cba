"""The last windows of the prediction log, and the one for the champion's performance."""

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from ml.monitoring import performance
from ml.settings.monitor import Monitor
from ml.tasks import live_labels

HALF = 0.5
LATE = 0.95  # share of a class's labels that have arrived by then; later ones may be corrections
WINDOWS = 6  # the judged one and those before it


@dataclass(frozen=True)
class Span:
    """One window: the newest prediction of each id in it, with the labels that are known now."""

    since: pd.Timestamp
    until: pd.Timestamp
    rows: pd.DataFrame


def length(settings: Monitor) -> timedelta:
    """The length of a window."""
    return timedelta(days=settings.window_days)


def spans(rows: pd.DataFrame, since: pd.Timestamp, settings: Monitor) -> tuple[Span, ...]:
    """The last windows, oldest first; the newest one begins at `since`."""
    step, found = length(settings), []
    for number in range(WINDOWS - 1, -1, -1):
        start = since - number * step
        part = rows[(rows["time"] > start) & (rows["time"] <= start + step)]
        found.append(Span(start, start + step, part[~part["id"].duplicated(keep="last") | part["id"].isna()]))
    return tuple(found)


def settled(own: tuple[Span, ...], settings: Monitor, kind: str) -> Span:
    """The newest of a model's own windows with enough labels; otherwise the newest window.

    A window whose rows mostly wait for labels is skipped, because an older window has more labels.
    """
    known = [span for span in reversed(own) if performance.enough(span.rows, settings, kind)]
    return next((span for span in known if span.rows["young"].mean() <= HALF), known[0] if known else own[-1])


def delay(rows: pd.DataFrame, kind: str) -> float:
    """The number of days after which rows of each class have their label, according to `rows`; 0 without times.

    Positive labels often arrive at once and negative ones only after a month. Until then most labels are positive, and
    their metric does not describe the model. So the slower class counts; for numbers, the slowest fifth. The newest
    prediction of each id before its label counts, because a label is joined to older predictions of its id too.
    """
    known = rows[rows["lag_days"].notna()]
    known = known[~known["id"].duplicated(keep="last") | known["id"].isna()]
    lags = [part.quantile(LATE) for _, part in known.groupby(live_labels.alike(kind, known))["lag_days"]]
    return float(max(lags, default=0.0))
