"""The test for sample ratio mismatch: whether the ids of a canary are split by the configured share.

If they are not, some predictions of one side are missing systematically, and the two sides are not samples of one
population, so no metric can compare them. Source: Fabijan and others, Diagnosing Sample Ratio Mismatch in Online
Controlled Experiments, KDD 2019.
"""

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

from ml.io.text import counted

CHANCE = 0.001  # false alarm rate, the usual one of this test


@dataclass(frozen=True)
class Ratio:
    """The number of ids under one share, the number that the canary answered, and the p value."""

    share: float
    ids: int
    canary: int
    p: float

    def sentence(self) -> str:
        """A sentence with the configured share, the expected and the observed number."""
        return (
            f"canary share {self.share:g}: the challenger answered {self.canary:,} of {counted(self.ids, 'id')}, "
            f"{self.canary / self.ids:.1%}, expected {self.share * self.ids:,.0f} (p {self.p:.2g})"
        )


def ratios(champion: pd.DataFrame, canary: pd.DataFrame) -> list[Ratio]:
    """A test for each share in the log, on the predictions of both sides between the canary's first and last.

    The id determines the side, so an id counts once for each share. An id with predictions of both sides under one
    share counts for the champion, because the canary did not answer each time. The canary's last request is left out,
    because the time range ends with it, so it always contains a row of the canary.
    """
    both = pd.concat([champion.assign(side=0), canary.assign(side=1)])
    if "canary_share" not in both:
        return []
    both = both[both["request_id"] != canary["request_id"].iloc[-1]]
    sides = both.groupby(["canary_share", "id"])["side"].min()  # older lines have no share
    counts = sides.groupby(level=0).agg(["size", "sum"])
    found = [(float(share), int(ids), int(answered)) for share, ids, answered in counts.itertuples()]
    return [Ratio(*one, float(binomtest(one[2], one[1], one[0]).pvalue)) for one in found]


def mismatched(found: list[Ratio]) -> Ratio | None:
    """The share with the largest mismatch, if chance does not explain it (Bonferroni's correction for the shares)."""
    worst = min(found, key=lambda ratio: ratio.p, default=None)
    return worst if worst and worst.p < CHANCE / len(found) else None
