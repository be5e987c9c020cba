"""Requests that stand twice in the log because a proxy sent them again.

A proxy tries a request once more when the first try was dropped or failed. Both tries carry one request id, and a
server that was killed after it had written may have written the first. So rows are one when request id, place in the
request, variant, id and every feature agree and no more than `WITHIN` lies between them. The later one stands, since
the earlier answer reached nobody. A client that uses a request id for other rows, or for the same ones later, loses
none.
"""

import pandas as pd

WITHIN = pd.Timedelta(seconds=60)  # our proxy gives up three tries after 18
SAME = ["request_id", "row", "variant"]
OWN = {"segment", "line", "time", "model", "score", "label"}  # of each try


def once(table: pd.DataFrame) -> pd.DataFrame:
    """The rows without those that a later try of the same request repeats."""
    doubtful = table[table.duplicated(SAME, keep=False)]
    if doubtful.empty:
        return table
    asked = [name for name in table if name not in OWN]
    ordered = doubtful.sort_values(["time", "segment", "line"], kind="stable")
    after = ordered.groupby(asked, dropna=False, sort=False, observed=True)["time"].shift(-1)
    repeated = ordered.index[(after - ordered["time"]) <= WITHIN]
    return table.drop(index=repeated).reset_index(drop=True)
