"""Whether the ids of a canary fell to its two sides in the share that the server was told.

Where they did not, some answers of one side are missing for a reason, and the two sides are no longer two samples of
one population: no metric can compare them.
Source: Fabijan and others, Diagnosing Sample Ratio Mismatch in Online Controlled Experiments, KDD 2019.
"""

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

from ml.io.text import counted

CHANCE = 0.001  # at most, that a canary whose shares are in order is refused; usual for this test


@dataclass(frozen=True)
class Ratio:
    """How many ids were asked while one share was set, how many of them the canary answered, and the p value."""

    share: float
    ids: int
    canary: int
    p: float

    def sentence(self) -> str:
        """What was set, what was expected and what was seen."""
        return (
            f"canary share {self.share:g}: the challenger answered {self.canary:,} of {counted(self.ids, 'id')}, "
            f"{self.canary / self.ids:.1%}, expected {self.share * self.ids:,.0f} (p {self.p:.2g})"
        )


def ratios(champion: pd.DataFrame, canary: pd.DataFrame) -> list[Ratio]:
    """A test for each share that the log holds, of the answers of both sides between the canary's first and last.

    The id decides the side, so an id counts once for each share, however often it was asked. One that both sides
    answered while one share was set counts as the champion's: the canary did not answer it each time. The canary's last
    request is left out, for the time ends with it, so it holds a row of the canary for certain.
    """
    both = pd.concat([champion.assign(side=0), canary.assign(side=1)])
    if "canary_share" not in both:
        return []
    both = both[both["request_id"] != canary["request_id"].iloc[-1]]
    sides = both.groupby(["canary_share", "id"])["side"].min()  # lines from before shares were logged have none
    counts = sides.groupby(level=0).agg(["size", "sum"])
    found = [(float(share), int(ids), int(answered)) for share, ids, answered in counts.itertuples()]
    return [Ratio(*one, float(binomtest(one[2], one[1], one[0]).pvalue)) for one in found]


def mismatched(found: list[Ratio]) -> Ratio | None:
    """The share that fits least, where chance does not explain it (Bonferroni's correction for the shares)."""
    worst = min(found, key=lambda ratio: ratio.p, default=None)
    return worst if worst and worst.p < CHANCE / len(found) else None
