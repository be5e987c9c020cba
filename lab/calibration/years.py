"""False alarms of each monitoring statistic in a year of unchanged data: `python -m lab.calibration.years`.

Every year has its own release and its own feed of a calibrated model; only the seasons change. Takes a quarter of an
hour on two idle cores.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pandas as pd

from ml.io import cli
from ml.io.markdown import table
from ml.model import reference
from ml.monitoring import drift, performance
from ml.monitoring.performance import WORSE
from ml.prediction_log.records import in_table
from ml.settings.data import Data
from ml.settings.metric_names import METRICS
from ml.settings.monitor import Monitor
from ml.settings.params import Params, read_params
from ml.tasks import score_rows

YEARS, DAYS, WINDOW, A_DAY = 4, 365, 30, 33
COLUMNS = {f"x{n}": {"type": "number"} for n in range(6)} | {"k": {"type": "category", "values": ["a", "b", "c"]}}
TARGET = {"name": "bad", "positive": 1}
DATA = Data.model_validate({"file": "t.csv", "id": "id", "time": "day", "target": TARGET, "columns": COLUMNS})
OTHERS = [name for name in METRICS["binary"] if name not in {"calibration_error"}]
Flags = dict[str, np.ndarray]


@dataclass(frozen=True)
class World:
    """The dependence between the rows of a year without a change."""

    name: str
    alike: int = 1  # rows of one request that are equal in all columns
    season: float = 0.0  # seasonal amplitude of the mean of x0, in standard deviations

    def rows(self, day: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        """Rows of these days of a year with scores that are the true probabilities, and labels."""
        count = -(-len(day) // self.alike)
        frame = pd.DataFrame(rng.normal(size=(count, 6)), columns=[*COLUMNS][:6])
        frame = frame.assign(k=rng.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1]))
        frame = frame.loc[frame.index.repeat(self.alike)].head(len(day)).reset_index(drop=True)
        frame = frame.assign(x0=frame["x0"] + self.season * np.sin(2 * np.pi * day / DAYS))
        odds = -1 + frame["x0"] + 0.7 * frame["x1"] + 0.5 * (frame["k"] == "b")
        score = 1 / (1 + np.exp(-odds))
        time = pd.Timestamp("2025-01-01") + pd.to_timedelta(day, unit="D")
        label = (rng.random(len(day)) < score).astype("float64")
        request = np.arange(len(day)) // self.alike
        return frame.assign(score=score, label=label, day=time, request_id=request, lag_days=0.0)


WORLDS = (World("independent rows"), World("ten equal rows a request", alike=10), World("a season of ±0.3", season=0.3))


def released(world: World, rng: np.random.Generator, params: Params) -> reference.Reference:
    """The release of a model on the rows of a year."""
    train, test = (world.rows(np.sort(rng.integers(0, DAYS, n)), rng) for n in (9600, 2400))
    evaluate = params.evaluate.model_copy(update={"bootstrap": 200})
    ranked = score_rows.rank(test["label"].to_numpy(), test["score"].to_numpy(), 0.5)
    settings = params.model_copy(update={"data": DATA, "evaluate": evaluate})
    score = test["score"].to_numpy()
    return reference.build(train, score, score_rows.intervals(ranked, evaluate), settings, test["day"])


def year(world: World, seed: int, *, before: bool, names: Sequence[str]) -> Flags:
    """The days that each statistic flagged; `before`: without dependence and season."""
    params, rng = read_params(), np.random.default_rng([seed, world.alike, int(10 * world.season)])
    release = released(world, rng, params)
    day = np.repeat(np.arange(DAYS + WINDOW), A_DAY)
    feed = world.rows(day, rng).assign(number=day)
    found: dict[str, list[bool]] = {}
    with contextlib.ExitStack() as stack:
        for module in (drift, performance) if before else ():
            stack.enter_context(patch.object(module, "groups", lambda *_: []))
        for last in range(WINDOW, DAYS + WINDOW):
            window = feed[(feed["number"] > last - WINDOW) & (feed["number"] <= last)].reset_index(drop=True)
            for name, flagged in looked(release, window, params.monitor, seasonal=not before, names=names):
                found.setdefault(name, []).append(flagged)
    return {name: np.array(flags) for name, flags in found.items()}


def looked(
    release: reference.Reference, window: pd.DataFrame, monitor: Monitor, *, seasonal: bool, names: Sequence[str]
) -> Iterator[tuple[str, bool]]:
    """Each statistic and whether one look flags it."""
    month = window["day"].iloc[len(window) // 2].month
    if seasonal and (known := release.months.get(str(month))):
        release = release.model_copy(update={"columns": known.columns, "score": known.score})
    window = window.rename(columns={name: in_table(name) for name in release.columns})
    found = drift.judge(release, window.drop(columns="label"), monitor)
    yield "inputs", any(column.drifted for column in found.columns)
    yield "predictions", found.prediction.drifted
    for name in names:
        margin = 0.005 if name == "roc_auc" else 0.0
        judged = performance.judge(release, window, monitor.model_copy(update={"metric": name}), margin)
        yield name, judged.ranking == WORSE
        if name == monitor.metric:
            yield from ((part.name, part.worse) for part in judged.calibration)


def alerts(flags: np.ndarray, needed: int) -> int:
    """The number of runs of so many successive flagged days."""
    runs = "".join("x" if flag else " " for flag in flags).split()
    return sum(len(run) >= needed for run in runs)


def main(years: int = YEARS, replicates: int = performance.REPLICATES, inputs: bool = False) -> None:
    """Print flagged days and alerts per year, before and now; fewer bootstrap replicates take less time.

    INPUTS leaves out what needs labels, which takes nearly all of the time.
    """
    performance.REPLICATES = replicates
    asked = [(world, seed, before) for world in WORLDS for before in (True, False) for seed in range(years)]
    jobs = [(w, s, b, () if inputs else _names(w, s, before=b)) for w, s, b in asked]
    done = []
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for job, flags in zip(jobs, workers.map(_work, jobs), strict=True):
            done.append((job, flags))
            cli.say(f"years: {len(done)} of {len(jobs)}: {job[0].name}")
    needed, lines = read_params().monitor.consecutive, []
    for world in WORLDS:
        sides = [[flags for (w, _, b, _), flags in done if w is world and b is old] for old in (True, False)]
        for name in dict.fromkeys(name for flags in sides[1] for name in flags):
            cells = []
            for side, wanted in zip(sides, (1, needed), strict=True):
                known = [flags[name] for flags in side if name in flags]
                counts = [(one.sum(), alerts(one, wanted)) for one in known]
                cells += [f"{mean:.1f}" for mean in np.mean(counts, axis=0)] if known else ["", ""]
            lines.append([world.name, name, *cells])
    header = ["rows of the year", "statistic", "days flagged before", "alerts before", "days flagged", "alerts"]
    print(table(header, lines))


def _names(world: World, seed: int, *, before: bool) -> Sequence[str]:
    """The metrics to look at: all in two years, for they take long."""
    every = world is WORLDS[0] and not before and seed < 2
    return OTHERS if every else [read_params().monitor.metric]


def _work(job: tuple[World, int, bool, Sequence[str]]) -> Flags:
    world, seed, before, names = job
    return year(world, seed, before=before, names=names)


if __name__ == "__main__":
    cli.run(main)
