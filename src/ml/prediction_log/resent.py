"""Requests that are twice in the log because a proxy sent them again.

A proxy sends a request again when the first attempt was dropped or failed. Both attempts have the same request id, and
a server that was killed after writing may have logged the first. So two rows are duplicates if request id, position in
the request, variant, id and all features are equal and at most `WITHIN` lies between them. The later row is kept,
because the earlier response was not delivered. A client that reuses a request id for other rows, or for the same rows
later, loses none.
"""

import pandas as pd

WITHIN = pd.Timedelta(seconds=60)  # seconds; our proxy stops after three attempts, at most 18 seconds
SAME = ["request_id", "row", "variant"]
OWN = {"segment", "line", "time", "model", "score", "label"}  # time of each attempt


def doubtful(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table without features that another attempt may repeat: those of `once` are among them."""
    some = table[table.duplicated(SAME, keep=False)]
    if some.empty:
        return some
    ordered = some.sort_values(["time", "segment", "line"], kind="stable")
    alike = ordered.groupby([*SAME, "id"], dropna=False, sort=False, observed=True)["time"]
    near = (alike.shift(-1) - ordered["time"] <= WITHIN) | (ordered["time"] - alike.shift(1) <= WITHIN)
    return table.loc[ordered.index[near]]


def once(table: pd.DataFrame) -> pd.DataFrame:
    """The rows without those that a later attempt of the same request repeats."""
    doubtful = table[table.duplicated(SAME, keep=False)]
    if doubtful.empty:
        return table
    asked = [name for name in table if name not in OWN]
    ordered = doubtful.sort_values(["time", "segment", "line"], kind="stable")
    after = ordered.groupby(asked, dropna=False, sort=False, observed=True)["time"].shift(-1)
    repeated = ordered.index[(after - ordered["time"]) <= WITHIN]
    return table.drop(index=repeated).reset_index(drop=True)
