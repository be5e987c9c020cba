"""The test whether an event is more frequent at one image than at the other, each with a number of requests."""

import math

import numpy as np


def more_often(canary: tuple[float, float], champion: tuple[float, float], allowed: float) -> float:
    """The p value of the canary's share being at most `allowed` above the champion's; each as (count, requests).

    A likelihood-ratio test, so that both shares count as estimates, and a few requests already show a gross difference.
    Without any request of the champion its share counts as 0. Source: Wilks, The Large-Sample Distribution of the
    Likelihood Ratio, 1938.
    """
    (k, n), (j, m) = canary, champion
    if not n or k / n <= (j / m if m else 0.0) + allowed:
        return 1.0
    share = np.linspace(0, 1, 2001)[:-1] ** 3 if m else np.zeros(1)  # finest near 0, where shares of errors usually are
    share = np.append(share, j / m) if m else share
    bound = np.minimum(share + allowed, k / n)  # the most likely share of the canary under the hypothesis
    best = (_log(j, m, share) + _log(k, n, bound)).max()
    free = float(_log(j, m, np.array([j / m]))[0] if m else 0.0) + float(_log(k, n, np.array([k / n]))[0])
    return math.erfc(math.sqrt(max(0.0, free - best))) / 2  # of the normal distribution, at sqrt(2 * (free - best))


def _log(count: float, of: float, share: np.ndarray) -> np.ndarray:
    """The log likelihood of this many events at a share."""
    if not of:
        return np.zeros(len(share))
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = np.where(count > 0, count * np.log(share), 0.0)
        miss = np.where(of > count, (of - count) * np.log1p(-share), 0.0)
    return hit + miss
