"""Fresh labelled rows: the check against the contract, and the new table."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ml.data import schema, written
from ml.data.breaches import breaches
from ml.data.cells import Wrong
from ml.data.split import is_test
from ml.data.values import typed
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import made_columns
from ml.prediction_log import predictions
from ml.prediction_log.records import in_table
from ml.settings.data import Data
from ml.settings.feature_source import source
from ml.settings.prepare import Prepare
from ml.settings.retrain import Retrain
from ml.tasks import two_words
from ml.tasks.target_column import column_of

AGAIN = "a newer row of the same id exists"


@dataclass(frozen=True)
class Sifted:
    """The rows that meet the contract, in its types, and the others unchanged.

    Each of the others has a reason; `notes` lists conversions by reading.
    """

    good: pd.DataFrame
    bad: pd.DataFrame
    reasons: pd.Series  # one for each bad row
    changes: list[str]

    @property
    def broken(self) -> pd.Series:
        """The reason for each row that breaks the contract; older rows of an id are left out and break nothing."""
        return self.reasons[~self.reasons.str.endswith(AGAIN)]

    @property
    def quarantine(self) -> pd.DataFrame:
        """The bad rows with the reason as the last column, under an unused name."""
        name = "quarantined"
        while name in self.bad:
            name += "_"
        return schema.with_columns(self.bad, {name: self.reasons})

    @property
    def share(self) -> float:
        """The share of rows that break the contract."""
        return len(self.broken) / max(1, len(self.bad) + len(self.good))


@dataclass(frozen=True)
class Combined:
    """The new table, and the numbers of old rows that were replaced or left the window."""

    table: pd.DataFrame
    replaced: int
    left: int


def another_table(here: Data, base: Data, where: str) -> str:
    """A warning if the settings of the retrained base describe another table than the working settings, else ""."""
    described = [(d.id, d.time, d.target, {*d.columns}) for d in (here, base)]
    if described[0] == described[1]:
        return ""
    return (
        f"{where} describes another table ({base.file}, target {base.target.name}) than params.yaml here "
        f"({here.file}, target {here.target.name}). A retraining starts from that branch on "
        "origin, if there is an origin: commit and push there first, or set another branch in "
        "retrain.base."
    )


def sift(rows: pd.DataFrame, old: pd.DataFrame, data: Data) -> Sifted:
    """The rows, split by whether they meet the contract; of each id the newest counts.

    The label must be one of two in `old`, a class of the contract, or a number, which need not be in `old`.
    Raises UserError when a column of the contract is missing, because then no row can be checked.
    """
    missing = [name for name in schema.required(data) if name not in rows]
    if missing:
        raise UserError(
            f"the fresh rows lack {len(missing)} of {counted(len(schema.required(data)), 'column')} of the "
            "contract, e.g. "
            f"{missing[0]}. They have: {', '.join(map(str, rows.columns))}. Add the column at the source of the rows."
        )
    rows = rows.reset_index(drop=True)
    found = typed(rows, data, schema.required(data))
    known = two_words.known_labels(old[data.target.name])
    frame = schema.with_columns(
        found.frame, {data.target.name: two_words.worded(found.frame[data.target.name], known, data)}
    )
    reasons = pd.Series("", index=rows.index)
    for name, wrong, why in _breaches(frame, found.wrong, known, data):
        reasons = reasons.mask(wrong & (reasons == ""), f"{name}: {why}")
    for name, wrong, why in made_columns.broken(frame[reasons == ""], data, source()):
        reasons[wrong[wrong].index] = f"{name}: {why}"
    sound = frame[reasons == ""]
    order = sound.sort_values(data.time, kind="stable") if data.time else sound
    older = order[data.id].duplicated(keep="last")
    reasons[older[older].index] = f"{data.id}: {AGAIN}"
    good = reasons == ""
    return Sifted(frame[good], rows[~good], reasons[~good], found.changes)


def news(rows: pd.DataFrame, old: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The rows that are new to the table: a new id, a later time of a known id, or another label."""
    if data.time is None or not {*(who := [data.id, data.time, data.target.name])} <= {*rows}:
        return rows
    new, known = (typed(frame, data, who).frame for frame in (rows, old))
    labels = two_words.worded(new[data.target.name], two_words.known_labels(old[data.target.name]), data)
    known = known.sort_values(data.time, kind="stable").drop_duplicates(data.id, keep="last").set_index(data.id)
    held = new[data.id].map(known[data.time])
    corrected = (new[data.time] == held) & labels.notna() & (labels != new[data.id].map(known[data.target.name]))
    return rows[~(new[data.time] <= held) | corrected]


def labelled(log: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The newest labelled prediction of each id, in the columns of the table.

    Simulated rows count only if there are no real rows.
    `log` as ml.prediction_log.predictions.read_log returns it.
    """
    log = predictions.real(log)
    came = log["actual"].notna() & ~predictions.early(log)
    return predicted(log[came], data)


def predicted(log: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The newest prediction of each id, with its label if it has one, in the columns of the table."""
    log = predictions.real(log)
    rows = log[log["id"].notna()].drop_duplicates("id", keep="last")
    features = {name: in_table(name) for name in data.columns}
    columns = {data.id: "id", data.target.name: "actual", **({data.time: "time"} if data.time else {}), **features}
    table = pd.DataFrame({name: rows[column] for name, column in columns.items() if column in rows})
    if data.time:
        table[data.time] = table[data.time].dt.tz_localize(None)
    return table.reset_index(drop=True)


def combine(old: pd.DataFrame, fresh: pd.DataFrame, data: Data, policy: Retrain) -> Combined:
    """The next training table: a fresh row replaces the old row of its id; `window` drops older rows.

    `old` has the types of its file and `fresh` those of the contract; the result can be written to the file.
    """
    names = schema.required(data)
    before, fresh = typed(old, data, names).frame, typed(fresh, data, names).frame
    again = before[data.id].isin(fresh[data.id])
    table = written.below(old[~again], before[~again], fresh, data)
    if policy.policy == "append":
        return Combined(table, int(again.sum()), 0)
    times = pd.concat([before.loc[~again, data.time], fresh[data.time]], ignore_index=True)
    kept = times > times.max() - pd.DateOffset(months=policy.window_months)
    return Combined(table[kept].reset_index(drop=True), int(again.sum()), int((~kept).sum()))


def unseen(old: pd.DataFrame, new: Combined, data: Data, params: Prepare) -> pd.DataFrame:
    """The rows for a comparison of champion and challenger: neither was trained on them.

    Takes the rows of the old and of the new table, including those that left the window, in the contract's types.
    """
    table = schema.conform(new.table, data)
    before = schema.conform(old, data)
    who = data.group or data.id
    trained = set(table.loc[~is_test(table, data, params), who])
    trained |= set(before.loc[~is_test(before, data, params), who])
    rows = pd.concat([before, table], ignore_index=True)
    ids = rows[data.id]
    return rows[~rows[who].isin(trained) & ~ids.duplicated(keep="last")].reset_index(drop=True)


def _breaches(
    frame: pd.DataFrame, unreadable: list[Wrong], known: list[str], data: Data
) -> Iterator[tuple[str, pd.Series, str]]:
    """The column, rows and reason of each breach in a table with the contract's types."""
    yield from ((wrong.column, wrong.rows, wrong.why) for wrong in unreadable)
    label = frame[data.target.name]
    yield data.id, frame[data.id].isna(), "missing"
    yield data.target.name, label.isna(), "no label"
    strange = column_of(data).strange(label)
    rows, why = (strange.rows, strange.what) if strange else (~label.isin(known), "not a label of the table")
    yield data.target.name, rows, why
    for name in filter(None, [data.time, data.group, data.weight]):
        yield name, frame[name].isna(), "missing"
    if data.weight:
        yield data.weight, frame[data.weight] <= 0, "not above 0"
    yield from breaches(frame, data)
