"""The expected calibration error, corrected for its bias by chance.

A bin's gap is an absolute value, so even true probabilities have gaps: 0.06 on 200 rows, 0.004 on 50,000. Source:
Bröcker, Estimating reliability and resolution of probability forecasts, Climate Dynamics 2012.
"""

import numpy as np
from scipy.special import ndtr

TINY = np.finfo("float64").tiny


def value(off: np.ndarray, noise: np.ndarray) -> float:
    """The sum of the true gaps; `off` holds the observed gaps in rows, `noise` their variance; shape (bins,).

    The mean of the folded normal is subtracted from each gap, with the true gap estimated as the root of off² - noise.
    """
    deviation = np.sqrt(noise)
    true = np.sqrt(np.maximum(off**2 - noise, 0))
    ratio = np.minimum(true, 30 * deviation) / np.maximum(deviation, TINY)
    mean = deviation * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + true * (2 * ndtr(ratio) - 1)
    return max(0.0, float((off - np.where(noise > 0, mean - true, 0.0)).sum()))


def ends(off: np.ndarray, noise: np.ndarray, rows: int, half: float) -> tuple[float, float]:
    """Its conservative interval as a share of `rows`, because every estimate is biased.

    The low end subtracts all that chance adds to true probabilities, the high end subtracts nothing.
    """
    chance = np.sqrt(2 / np.pi * noise).sum()
    return max(0.0, float((off.sum() - chance) / rows) - half), min(1.0, float(off.sum() / rows) + half)
