"""Whether something happens more often at one image than at the other, both seen in a number of requests."""

import numpy as np


def more_often(canary: tuple[float, float], champion: tuple[float, float], allowed: float) -> float:
    """The p value of the canary's share being at most `allowed` above the champion's; each as (count, of so many).

    A likelihood-ratio test, so that both shares count as estimates, and a few requests already show a gross difference.
    Without any request of the champion its share counts as nought. Source: Wilks, The Large-Sample Distribution of the
    Likelihood Ratio, 1938.
    """
    from scipy.stats import norm  # noqa: PLC0415

    (k, n), (j, m) = canary, champion
    if not n or k / n <= (j / m if m else 0.0) + allowed:
        return 1.0
    share = np.linspace(0, 1, 2001)[:-1] ** 3 if m else np.zeros(1)  # finest near nought, where shares of errors lie
    share = np.append(share, j / m) if m else share
    bound = np.minimum(share + allowed, k / n)  # the canary's share that fits best under the hypothesis
    best = (_log(j, m, share) + _log(k, n, bound)).max()
    free = float(_log(j, m, np.array([j / m]))[0] if m else 0.0) + float(_log(k, n, np.array([k / n]))[0])
    return float(norm.sf(np.sqrt(max(0.0, 2 * (free - best)))))


def _log(count: float, of: float, share: np.ndarray) -> np.ndarray:
    """The log likelihood of so many at a share."""
    if not of:
        return np.zeros(len(share))
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = np.where(count > 0, count * np.log(share), 0.0)
        miss = np.where(of > count, (of - count) * np.log1p(-share), 0.0)
    return hit + miss
