"""How many independent rows dependent ones are worth: rows that come together are often alike.

A design effect of 5 says that 500 rows tell as much as 100 independent ones. It is estimated from the rows themselves,
by how much more groups of rows differ than they would by chance (Kish, Survey Sampling, 1965). Groups are rows of one
request, rows of one value of `monitor.cluster` (a feature or another column of the log), and runs of neighbours in
time.
"""

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ml.prediction_log.records import in_table

SURE = 0.95  # below this confidence that rows depend on each other, they count as independent
UPPER = 0.8  # confidence of the upper bound that is taken otherwise
MOST = 60  # groups that a metric is measured without, one after the other
LEAST = 5  # groups; fewer show nothing
FEW = 10  # long runs in time, beside many short ones


def groups(rows: pd.DataFrame, cluster: str = "") -> list[np.ndarray]:
    """Each way in which rows may hang together, as a group number for each row."""
    count = len(rows)
    found = [np.arange(count) // max(2, length) for length in (round(count**0.5), count // FEW)]
    for name in {cluster, in_table(cluster), "request_id", "id"} & {*rows.columns}:
        codes = pd.factorize(rows[name])[0].astype("int64")
        codes = np.where(codes < 0, codes.max(initial=-1) + 1 + np.arange(count), codes)  # a row without one is alone
        if len(np.unique(codes)) < count:
            found.append(codes)
    return found


def design_effect(values: np.ndarray, ways: list[np.ndarray]) -> float:
    """The largest design effect of the mean of `values`, shape (rows,) or (rows, columns), over all ways to group."""
    table = (values if values.ndim > 1 else values[:, None]).astype("float64")
    table = table - table.mean(axis=0) if len(table) else table
    total = float((table**2).sum())
    if not total:
        return 1.0
    return max([1.0, *(_effect(table, total, way) for way in ways)])


def of_estimates(without: np.ndarray, variance: float) -> float:
    """The design effect of an estimate: its values `without` each group, against its variance with independent rows."""
    count = len(without)
    if count < LEAST or not variance > 0:
        return 1.0
    spread = (count - 1) / count * ((without - without.mean()) ** 2).sum()
    return _believed(float(spread / variance), count)


def coarse(way: np.ndarray) -> np.ndarray:
    """At most MOST groups, neighbours joined."""
    codes = np.unique(way, return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1
    return codes * MOST // count if count > MOST else codes


def _effect(table: np.ndarray, total: float, way: np.ndarray) -> float:
    codes = np.unique(way, return_inverse=True)[1]
    count = int(codes.max()) + 1
    if count < LEAST:
        return 1.0
    sums = np.column_stack([np.bincount(codes, weights=column, minlength=count) for column in table.T])
    return _believed(float((sums**2).sum() / total) * count / (count - 1), count)


def _believed(found: float, count: int) -> float:
    """1 where chance explains what was found with so many groups, else the upper bound of the design effect."""
    free = count - 1
    return found * free / float(chi2.ppf(1 - UPPER, free)) if found > chi2.ppf(SURE, free) / free else 1.0
