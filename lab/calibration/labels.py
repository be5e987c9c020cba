"""False verdicts of monitoring on labels: selected labels, small windows, a shift of all outcomes.

`python -m lab.calibration.labels`, two minutes. *Before* is the rule of the first releases: no wait for late labels,
and the metric only.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.calibration.years import DATA, OTHERS, WORLDS, released
from ml.io.markdown import table
from ml.model.reference import Reference
from ml.monitoring import performance
from ml.monitoring.collect import Names, collect
from ml.monitoring.performance import WORSE, Performance
from ml.settings.params import Params, read_params

RUNS, LATE = 100, 28.0
NOW = pd.Timestamp("2026-06-30", tz="UTC")
NAMES = Names(frozenset({"m"}))


@dataclass(frozen=True)
class Lab:
    """A release, its monitoring settings, and the random generator."""

    release: Reference
    params: Params
    rng: np.random.Generator

    def rows(self, count: int, shift: float = 0.0) -> pd.DataFrame:
        """Rows of a calibrated model; `shift` moves the log odds of every outcome, and no score."""
        found = WORLDS[0].rows(np.sort(self.rng.integers(0, 30, count)), self.rng)
        odds = np.log(found["score"] / (1 - found["score"])) + shift
        return found.assign(label=(self.rng.random(count) < 1 / (1 + np.exp(-odds))).astype("float64"))

    def judged(self, rows: pd.DataFrame, metric: str = "roc_auc") -> Performance:
        monitor = self.params.monitor.model_copy(update={"metric": metric})
        return performance.judge(self.release, rows, monitor, 0.005 if metric == "roc_auc" else 0.0)


def shifted(lab: Lab) -> list[list[str]]:
    """Log odds higher by one, with the same ranking."""
    lines = []
    for shift in (0.0, 0.5, 1.0):
        found = [lab.judged(lab.rows(2000, shift)) for _ in range(RUNS)]
        alone = np.mean([one.ranking == WORSE for one in found])
        lines.append(
            [f"log odds {shift:+g}", f"{alone:.0%}", f"{np.mean([one.outcome == WORSE for one in found]):.0%}"]
        )
    return lines


def selected(lab: Lab) -> list[list[str]]:
    """Positives are known at once, negatives after 28 days; 60 days of rows without a change."""
    lines = []
    for metric in ("accuracy", "roc_auc"):
        worse = {0.0: 0, None: 0}
        for _ in range(RUNS):
            log = _log(lab)
            for days in worse:
                monitor = lab.params.monitor.model_copy(update={"label_days": days, "metric": metric})
                rows = collect(log, NAMES, lab.params.data, monitor, NOW).settled.rows
                worse[days] += performance.judge(lab.release, rows, monitor, 0.0).ranking == WORSE
        lines.append([metric, *(f"{count / RUNS:.0%}" for count in worse.values())])
    return lines


def small(lab: Lab) -> list[list[str]]:
    """Quiet windows by metric and labelled rows."""
    lines = []
    for metric in OTHERS:
        found = [[lab.judged(lab.rows(n), metric).ranking == WORSE for _ in range(RUNS)] for n in (200, 1000)]
        cells = np.mean(found, axis=1)
        lines.append([metric, *(f"{cell:.0%}" for cell in cells)])
    return lines


def _log(lab: Lab) -> pd.DataFrame:
    rows = lab.rows(2000)
    time = NOW - pd.to_timedelta(lab.rng.uniform(0, 75, len(rows)), unit="D")
    came = time + pd.to_timedelta(np.where(rows["label"] == 1, 0.01, LATE), unit="D")
    known = came <= NOW
    target = lab.params.data.target
    word = np.where(rows["label"] == 1, str(target.positive), "no")
    ids = [str(number) for number in range(len(rows))]
    log = rows.drop(columns=["label", "lag_days", "day"]).assign(id=ids, time=time, model="m", variant="champion")
    log = log.assign(simulated=False, actual=pd.Series(word, dtype=object).where(known), label=rows["score"] >= 0.5)
    return log.assign(actual_time=pd.Series(came).where(known)).sort_values("time", ignore_index=True)


def main() -> None:
    """Print the three tables."""
    rng, params = np.random.default_rng(0), read_params()
    lab = Lab(released(WORLDS[0], rng, params), params.model_copy(update={"data": DATA}), rng)
    print(
        table(["2,000 labelled rows", "the metric alone calls it worse", "with calibration"], shifted(lab)), end="\n\n"
    )
    print(table(["metric", "unchanged logs called worse, before", "now"], selected(lab)), end="\n\n")
    print(table(["metric", "200 labelled rows", "1,000"], small(lab)))


if __name__ == "__main__":
    main()
