"""Late labels of a table, as lines of the prediction log."""

from hashlib import sha256

import pandas as pd

from ml.data import cells, values
from ml.data.cells import Wrong
from ml.data.values import typed
from ml.io.errors import UserError
from ml.scoring.lines import rows_as_json
from ml.settings.data import Data
from ml.tasks.live_labels import outcomes

CAME = "actual_time"  # the column with the time of a label, as `make logs CSV=1` prints it


def labels(frame: pd.DataFrame, data: Data, where: str) -> pd.DataFrame:
    """id, label and time of each row with a label, as text; time is missing if the table has none.

    Raises UserError if a column is absent, or an id, a label or a time is unreadable.
    """
    if lacking := [name for name in (data.id, data.target.name) if name not in frame]:
        raise UserError(f"{where} lacks the column {lacking[0]}. It has: {', '.join(map(str, frame.columns[:20]))}.")
    found = typed(frame, data, [data.id, data.target.name])
    ids, label = found.frame[data.id], found.frame[data.target.name]
    time = values.moment(frame[CAME], None) if CAME in frame else cells.Column(pd.Series(pd.NaT, index=frame.index))
    wrong = [*found.wrong, *(Wrong(CAME, why, rows) for why, rows in time.wrong.items())]
    wrong.append(Wrong(data.id, "missing", label.notna() & ids.isna()))
    wrong.append(Wrong(data.target.name, "no value of the target", label.notna() & outcomes(label, label, data).isna()))
    for one in wrong:
        if one.rows.any():
            raise UserError(f"{where}: {one.column}: {one.sentence(frame[one.column])}. Correct the table.")
    if not label.notna().any():
        raise UserError(f"{where} has no label in its column {data.target.name}. Fill it where the truth is known.")
    said = (time.cells.dt.strftime("%Y-%m-%dT%H:%M:%S.%f") + "+00:00").astype(object)
    table = pd.DataFrame({"id": ids, "label": label, "time": said.where(time.cells.notna(), None)}, copy=False)
    return table[label.notna()]


def digest(found: pd.DataFrame) -> str:
    """The same value for the same labels."""
    return sha256(lines(found, "")).hexdigest()[:16]


def lines(found: pd.DataFrame, now: str) -> bytes:
    """A line for each label; labels without a time have the time `now`."""
    columns = {"kind": "feedback", "time": found["time"].where(found["time"].notna(), now)}
    whole = found.assign(**columns)[["kind", "time", "id", "label"]].astype(object)
    made = rows_as_json({name: whole[name].to_numpy() for name in whole}, 1)
    return b"".join(line + b"\n" for line in made)
