"""The last windows of the prediction log, and the one that tells how well the champion does."""

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from ml.monitoring import performance
from ml.settings.monitor import Monitor
from ml.tasks import live

HALF = 0.5
LATE = 0.95  # of the labels of a class have come by then; the last few may be corrections
WINDOWS = 6  # the judged one and those before it


@dataclass(frozen=True)
class Span:
    """One window: the newest answer in it to each id, with the labels known by now."""

    since: pd.Timestamp
    until: pd.Timestamp
    rows: pd.DataFrame


def length(settings: Monitor) -> timedelta:
    """How long a window is."""
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
    """The newest of a model's own windows in which enough labels have come; where none has them, the newest.

    One of which most rows still wait for their labels gives way to an older one: the few others would say less.
    """
    known = [span for span in reversed(own) if performance.enough(span.rows, settings, kind)]
    return next((span for span in known if span.rows["young"].mean() <= HALF), known[0] if known else own[-1])


def delay(rows: pd.DataFrame, kind: str) -> float:
    """After how many days rows of each class have their label, as far as `rows` show: 0 where no times are known.

    Positives often come at once and negatives only when a month has passed. Until then the labels that are there are
    mostly positive, and a metric of them says nothing of the model. So the slower class counts; of numbers,
    the slowest fifth. Of one id the newest
    prediction before its label is taken, for a label stands beside older predictions of its id too.
    """
    known = rows[rows["lag_days"].notna()]
    known = known[~known["id"].duplicated(keep="last") | known["id"].isna()]
    lags = [part.quantile(LATE) for _, part in known.groupby(live.alike(kind, known))["lag_days"]]
    return float(max(lags, default=0.0))
